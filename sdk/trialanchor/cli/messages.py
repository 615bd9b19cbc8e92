"""Texts for people, in the language of the reader.

The English text is the key. The table `messages.json` holds the Chinese texts; a text without a row stays English. A
text that was filled in elsewhere, such as that of an error, is found by its pattern, and what was filled in is looked
up too.
Chinese is spoken when `TRIALANCHOR_LANG`, or without it the first of LC_ALL, LC_MESSAGES and LANG, starts with `zh`.
"""

from __future__ import annotations

import json
import os
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.refusals import TransitionRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor.errors import TrialAnchorError

_VALUE = re.compile(r"\\\{(\w+)\\\}")
"""`{name}` in a text of the table, after `re.escape`."""

LANGUAGE_VARIABLES = ("TRIALANCHOR_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def language() -> str:
    """Give the language of the reader: `zh` or `en`."""
    chosen = next((value for name in LANGUAGE_VARIABLES if (value := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def say(text: str, **values: Any) -> str:
    """Give a text in the reader's language, with its values filled in."""
    if language() == "zh":
        text = _table().get(text, text) if values else _translated(text)
    return text.format(**values) if values else text


def _translated(text: str) -> str:
    """Translate a text whose values, if it has any, are in it already; they are translated too."""
    exact = _table().get(text)
    if exact is not None:
        return exact
    for pattern, chinese in _patterns():
        match = pattern.fullmatch(text)
        if match is not None:
            return chinese.format(**{name: _translated(value) for name, value in match.groupdict().items()})
    return text


def joined(head: str, reason: str) -> str:
    """Join what something is and why, with the colon of the language."""
    if not reason:
        return head
    return f"{head}{'：' if language() == 'zh' else ': '}{reason}"


def refusal_texts(error: TransitionRefusedError) -> tuple[str, str]:
    """Give sentence and help of a refusal, which come from the table of the rules, in the reader's language."""
    return error.text(language()), error.help(language())


def error_texts(error: TrialAnchorError) -> tuple[str, str]:
    """Give sentence and help of an error in the reader's language; a refusal is told with its code."""
    if isinstance(error, TransitionRefusedError):
        sentence, advice = refusal_texts(error)
        return joined(error.code, sentence), advice
    return say(str(error)), say(error.help())


def printable(text: object) -> str:
    """Give a text, such as a file name from elsewhere, without what could steer a terminal or break a line."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(text))


@cache
def _patterns() -> Sequence[tuple[re.Pattern[str], str]]:
    """Give the rows with values as patterns, the one with the most text of its own first."""
    rows = sorted((row for row in _table().items() if "{" in row[0]), key=lambda row: -len(row[0]))
    return [(re.compile(_VALUE.sub(r"(?P<\1>.+)", re.escape(english))), chinese) for english, chinese in rows]


@cache
def _table() -> Mapping[str, str]:
    text = files("trialanchor.cli").joinpath("messages.json").read_text(encoding="utf-8")
    table: dict[str, str] = json.loads(text)["zh"]
    return table
