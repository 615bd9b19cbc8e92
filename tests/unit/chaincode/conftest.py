"""Fixtures of the rule tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from worlds import world  # noqa: F401 - a fixture, found in the folder added above
