"""Why the rule set refuses a transition: one table of codes, with a sentence in English and in Chinese for each.

The tables are the files `data/refusals/*.json`, one for each contract and `transactions.json` for the rules of all. A
sentence may name OIDs, codes, counts and times; never a record value or a person.

Source: house rule that every refusal has a stable code; R-003.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NoReturn

from trialanchor_chaincode.rules.tables import read_tables
from trialanchor_oid.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code of the table: what it says, and what the caller can do, in two languages."""

    code: str
    table: str
    en: str
    zh: str
    help_en: str
    help_zh: str


def _read_tables() -> dict[str, Refusal]:
    """Read all tables; a code stands in one of them only."""
    found: dict[str, Refusal] = {}
    for table, held in read_tables("refusals").items():
        for code, texts in held["refusals"].items():
            if code in found:
                raise ValueError(f"the refusal {code} stands in {table} and in {found[code].table}")
            found[code] = Refusal(code, table, **texts)
    return found


REFUSALS: Final[Mapping[str, Refusal]] = MappingProxyType(_read_tables())
"""Every refusal of signed transitions by its code."""


class TransitionRefusedError(RuleError):
    """A rule refused a transition; `code` is that of the rule.

    Attributes:
        values: What the sentence names.
    """

    code = "transition-refused"

    def __init__(self, code: str, **values: object) -> None:
        self.refusal = REFUSALS[code]
        self.code = code
        self.values = values
        super().__init__(self.text("en"))

    def text(self, language: str) -> str:
        """Say what was refused, in `en` or `zh`."""
        sentence = self.refusal.zh if language == "zh" else self.refusal.en
        return sentence.format(**self.values)

    def help(self, language: str = "en") -> str:
        """Say what the caller can do now."""
        return self.refusal.help_zh if language == "zh" else self.refusal.help_en


def refuse(code: str, **values: object) -> NoReturn:
    """Refuse a transition.

    Raises:
        TransitionRefusedError: Always.
    """
    raise TransitionRefusedError(code, **values)
