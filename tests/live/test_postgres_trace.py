"""Traces on PostgreSQL: versions, branches and walks are the same as in memory, whatever the collation."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(Path(__file__).parent), str(TESTS), str(TESTS / "unit" / "node")]
pytest.register_assert_rewrite("nodes", "test_postgres_store", "test_trace_store")

from test_postgres_store import new_engine, server  # noqa: E402, F401 - fixtures, used by name
from test_trace_store import TestGraph, story  # noqa: E402, F401 - collected here once more
