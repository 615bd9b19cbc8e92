"""What was so at a moment: consent, form, approval and protocol in force, and the doses that a sample measures.

Rules:

1. Consent is judged as of when something happened, whenever it was recorded: the newest version of the form that the
   subject had signed by then counts, and it holds unless the subject had withdrawn by then (see `consent_gate`).
2. Approval and protocol are in force from their blocks: the version of then counts. An approval holds unless it was
   suspended, withdrawn or over by then (see `review_gate`).
3. A sample measures the doses that its subject had before it was taken, in the same period. A dose says its period by
   number, a sample by a code that ends in that number (`1`, `p1`); a code without a number names no period of doses.

Source: R-097, R-113, R-114, R-122; BE 2.6; GD44 6.2.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor_chaincode.rules.consent_gate import WITHDRAWN
from trialanchor_chaincode.rules.review_gate import APPROVED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor_node.trace.ports import Version

_NUMBER: Final = re.compile(r"([0-9]{1,9})$", re.ASCII)


class Then(NamedTuple):
    """A version that counted at a moment, and whether what it says held."""

    version: Version
    holds: bool


def consent(subject: Sequence[Version], at: int) -> Then | None:
    """Give the version of a subject that recorded the consent in force at a moment (rule 1)."""
    signed: dict[int, Version] = {}
    for version in subject:
        signed.setdefault(version.value["consent"]["version"], version)
    held = [version for version in signed.values() if version.value["consent"]["at"] <= at]
    if not held:
        return None
    newest = subject[-1].value
    withdrawn = newest["status"] == WITHDRAWN and at >= newest["status_at"]
    return Then(max(held, key=lambda version: version.value["consent"]["version"]), not withdrawn)


def consent_form(forms: Sequence[Version], number: int) -> Version | None:
    """Give the version of the consent form with a number."""
    return next((version for version in forms if version.value["number"] == number), None)


def ethics(approvals: Sequence[Version], at: int) -> Then | None:
    """Give the ethics approval of a moment (rule 2)."""
    found = _of(approvals, at)
    return None if found is None else Then(found, found.value["status"] == APPROVED and at < found.value["until"])


def protocol(protocols: Sequence[Version], at: int) -> Then | None:
    """Give what the study said of its protocols at a moment (rule 2)."""
    found = _of(protocols, at)
    return None if found is None else Then(found, bool(found.value["in_force"]))


def _of(versions: Sequence[Version], at: int) -> Version | None:
    """Give the version of a moment, by the times of the blocks."""
    return next((version for version in reversed(versions) if version.at <= at), None)


def in_force(values: Mapping[str, Sequence[Version]], at: int) -> dict[str, Then]:
    """Give what was in force at a moment, by the name of the relation.

    Args:
        values: Versions by the name of the relation: of the subject, the form, the approval, the protocol.
        at: The moment, a Unix second.
    """
    agreed = consent(values["consent"], at)
    found: dict[str, Then | None] = {"consent": agreed}
    found |= {"ethics": ethics(values["ethics"], at), "protocol": protocol(values["protocol"], at)}
    if agreed is not None:
        form = consent_form(values["consent_form"], agreed.version.value["consent"]["version"])
        found["consent_form"] = None if form is None else Then(form, agreed.holds)
    return {name: then for name, then in found.items() if then is not None}


def measures(sample: Mapping[str, Any], dose: Mapping[str, Any]) -> bool:
    """Tell whether a sample that was taken measures a dose of its subject (rule 3)."""
    number = _NUMBER.search(str(sample.get("period", "")))
    if number is None or int(number[1]) != dose["period"]:
        return False
    return bool(dose["subject"] == sample["subject"] and dose["occurred_at"] <= sample["occurred_at"])
