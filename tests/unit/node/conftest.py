"""Fixtures of the node's tests; what they are is in `tests/nodes.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("nodes", "hospital", "traced_nodes", "ledger_conformance")

from hospital import desk, hospital  # noqa: E402, F401 - as below
from nodes import (  # noqa: E402, F401 - found in the folder added above; fixtures are used by name
    _filled,
    empty_database,
    faults,
    filled_folder,
    new_engine,
    new_folder,
    new_store,
    open_node,
    serve,
    site,
    template,
)
from traced_nodes import told, traced  # noqa: E402, F401 - as above
