"""What a node judges over a whole study or lot: steps that yield calls and are sent the answers, as in `steps`.

Source: R-050, R-090, R-133 to R-136; GD44 7.3.5, Annex C.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trialanchor.client.calls import Call
from trialanchor.client.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor.client.steps import Steps

WANTING: Final = ("missing", "late", "unreviewed")
"""States in which an item that is required keeps a study from being complete."""

ALL: Final = ("all",)

_PAGE: Final = "5000"
_MAX_PAGES: Final = 10_000
_JUDGED: Final = {"study": str, "at": int, "complete": bool, "totals": list, "outside": int, "items": list}
_PROVED: Final = {"lot": str, "block": int, "made": int, "totals": dict, "members": list, "balanced": bool}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which items of a study are wanted, and what is said of the study.

    Attributes:
        states: States of the items; `ALL` for every one.
        site: Dotted OID of the site whose items are wanted; None for all.
        traits: What holds of the study beside what it was registered with, such as `independent_assessor`.
        deadlines: Hours allowed by kind, in place of those of the catalogue.
    """

    states: tuple[str, ...] = WANTING
    site: str | None = None
    traits: tuple[str, ...] = ()
    deadlines: Mapping[str, int] = field(default_factory=dict)

    def query(self) -> dict[str, str]:
        """Give the parameters of the question."""
        hours = ",".join(f"{kind}:{hours}" for kind, hours in self.deadlines.items())
        given = {"state": ",".join(self.states), "site": self.site, "trait": ",".join(self.traits), "deadline": hours}
        return {name: value for name, value in given.items() if value}


def completeness(study: str, wanted: Wanted) -> Steps[dict[str, Any]]:
    """Ask which evidence of a study is missing, late or unreviewed; gives the answer with the items of all pages.

    Raises:
        AnswerError: The answer is malformed or has no end.
    """
    cursor: dict[str, str] = {}
    judged: dict[str, Any] = {}
    for _ in range(_MAX_PAGES):
        params = {**wanted.query(), **cursor, "limit": _PAGE}
        page = (yield Call("GET", f"/v1/studies/{quote(study, safe='')}/completeness", params)).json()
        if any(type(page.get(name)) is not kind for name, kind in _JUDGED.items()):
            raise AnswerError("the node did not judge the study")
        if any(not isinstance(item, dict) for item in page["items"] + page["totals"]):
            raise AnswerError("the node did not judge the study")
        judged = page if not judged else {**judged, "items": judged["items"] + page["items"]}
        after = page.get("next")
        if not isinstance(after, str) or not after:
            return {name: value for name, value in judged.items() if name != "next"}
        cursor = {"after": after}
    raise AnswerError("the node's list of items has no end")


def balance(lot: str) -> Steps[dict[str, Any]]:
    """Ask where every unit of a lot is.

    Raises:
        NotRegisteredError: The node's ledger has no such lot.
        AnswerError: The answer is malformed.
    """
    proof = (yield Call("GET", f"/v1/lots/{quote(lot, safe='')}/balance")).json()
    if any(type(proof.get(name)) is not kind for name, kind in _PROVED.items()):
        raise AnswerError("the node did not prove the lot")
    return proof
