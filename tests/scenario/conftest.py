"""Fixtures of the stories; what they are is in `tests/nodes.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
pytest.register_assert_rewrite("nodes")

from nodes import (  # noqa: E402, F401 - found in the folder added above; fixtures are used by name
    faults,
    new_folder,
    serve,
    site,
    template,
)
