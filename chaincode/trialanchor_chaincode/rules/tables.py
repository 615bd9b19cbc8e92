"""Read the tables that are shipped with the rule set, `data/*.json`."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

_DATA: Final = files("trialanchor_chaincode.rules").joinpath("data")


def read_table(name: str) -> dict[str, Any]:
    """Read a table by its name."""
    table: dict[str, Any] = json.loads(_DATA.joinpath(f"{name}.json").read_text(encoding="utf-8"))
    return table


def read_tables(folder: str) -> dict[str, dict[str, Any]]:
    """Read the tables of a folder by their names, which are those of contracts, in order."""
    names = sorted(each.name.removesuffix(".json") for each in _DATA.joinpath(folder).iterdir())
    return {name: read_table(f"{folder}/{name}") for name in names}
