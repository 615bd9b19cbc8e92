"""Read the data tables that are shipped with the package, and hold what they say in two languages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Words:
    """A text for people in both languages.

    Attributes:
        zh: Chinese.
        en: English.
    """

    zh: str
    en: str

    def to_json(self) -> dict[str, str]:
        """Give both texts by language."""
        return {"zh": self.zh, "en": self.en}


@dataclass(frozen=True, slots=True)
class Remark:
    """Something a reader should know of a value that is valid.

    Attributes:
        code: Stable name.
        words: The remark.
    """

    code: str
    words: Words

    def to_json(self) -> dict[str, str]:
        """Give code and texts."""
        return {"code": self.code, **self.words.to_json()}


def read_table(name: str) -> dict[str, Any]:
    """Read the table `data/<name>.json`."""
    text = files("trialanchor_oid").joinpath("data", f"{name}.json").read_text(encoding="utf-8")
    table: dict[str, Any] = json.loads(text)
    return table
