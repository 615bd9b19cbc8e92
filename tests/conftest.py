"""Fixtures shared by the suites: factories over the fixed material of `tests/vectors/material.py`.

Tests import the material itself for its constants (`from material import NOW`).
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

VECTORS = Path(__file__).parent / "vectors"
sys.path.insert(0, str(VECTORS))

import material  # noqa: E402 - found in the folder added above

from trialanchor.clock import FixedClock  # noqa: E402


@pytest.fixture
def clock():
    """A clock that stands at the reference time of the vectors."""
    return FixedClock(material.NOW)


@pytest.fixture
def new_member():
    """Factory of members: OID and roles; each has a root and any number of systems."""
    return material.Member


@pytest.fixture
def sign():
    """Factory of signed statements: a system (the member's EDC when not given) and fields that differ."""
    return material.sign


@pytest.fixture
def new_log():
    """Factory of logs in memory: node and entries already there."""
    return material.TinyLog


@pytest.fixture
def new_ledger():
    """Factory of embedded ledgers in memory."""
    return material.TinyLedger


@pytest.fixture
def new_trust():
    """Factory of decoded trust files: parts that differ."""
    return material.trust
