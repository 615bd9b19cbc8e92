"""Texts for people, in the language of the reader.

The English text is the key. The table `messages.json` holds the Chinese texts; a text without a row stays English.
Chinese is spoken when `TRIALANCHOR_LANG`, or without it the first of LC_ALL, LC_MESSAGES and LANG, starts with `zh`.
"""

from __future__ import annotations

import json
import os
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGE_VARIABLES = ("TRIALANCHOR_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def language() -> str:
    """Give the language of the reader: `zh` or `en`."""
    chosen = next((value for name in LANGUAGE_VARIABLES if (value := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def say(text: str, **values: Any) -> str:
    """Give a text in the reader's language, with its values filled in."""
    translated = _table().get(text, text) if language() == "zh" else text
    return translated.format(**values) if values else translated


def joined(head: str, reason: str) -> str:
    """Join what something is and why, with the colon of the language."""
    if not reason:
        return head
    return f"{head}{'：' if language() == 'zh' else ': '}{reason}"


def printable(text: object) -> str:
    """Give a text, such as a file name from elsewhere, without what could steer a terminal or break a line."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))


@cache
def _table() -> Mapping[str, str]:
    text = files("trialanchor.cli").joinpath("messages.json").read_text(encoding="utf-8")
    table: dict[str, str] = json.loads(text)["zh"]
    return table
