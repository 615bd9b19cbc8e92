"""The whole study on PostgreSQL: the state and events of the scenario file, and all tables as blocks make them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(Path(__file__).parent), str(TESTS), str(TESTS / "unit" / "node"), str(TESTS / "vectors")]
pytest.register_assert_rewrite("ledger_conformance", "test_postgres_store", "test_study_replay")

from test_postgres_store import new_engine, server  # noqa: E402, F401 - fixtures, used by name
from test_study_replay import (  # noqa: E402, F401 - collected here once more
    test_the_embedded_ledger_comes_to_the_same_state_over_a_restart,
)
