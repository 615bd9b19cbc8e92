"""Read the data tables that are shipped with the package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def read_table(name: str) -> dict[str, Any]:
    """Read the table `data/<name>.json`."""
    text = files("trialanchor_oid").joinpath("data", f"{name}.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
