"""Samples as records: one container each, from the tube that was drawn to the aliquot that is assayed.

State: `samples/<oid>` holds

- `study`, `holder`, `state`, `type`, `class`; `recorder`, the member that recorded it, `occurred_at`, when it came to
  be, and `handled_at`, when it was last handled;
- `volume` in whole microlitres as it was filled, and `used`, what has left it since;
- of a collected sample: `subject`, `site`, `period`, `planned_at`, `method`, `position`, `collector`, `circumstances`;
- of every other one: `parent` and `code`;
- `place`, `range`, `shipment`, `batch`, `deviation` and what else its last handling gave, as far as it has them.

`sample_codes/<study>/<code>` holds the `sample` that bears a code; the entry is never given to another one.

States: `collected`, `processed`, `stored`, `received` and `retained` are at rest with the holder; `issued`,
`in_assay` and `assayed` are at the bench; `offered` and `in_transit` are on the way; `missing` waits for the close of
its case; `repackaged`, `used`, `discarded`, `destroyed` and `lost` are ends. No record of a sample is ever taken away
(R-104).

Rules:

1. A sample has one holder, and is handled by it only, in the order of time.
2. A sample has at most one code, and a code is of one sample. What is put into another container is another sample,
   with a code of its own and the first one as its parent; what was repackaged as a whole is no longer in use, and so
   is its code.
3. Codes show nothing: their OIDs are registered as blinded, and not below the subject or the collected sample. So the
   laboratory, which is sent coded samples only, reads neither subject nor period off what it works with; both stand
   with the collected sample, for those who resolve the parents. The arm of a subject stands in no sample at all.
4. After a withdrawal samples are worked on only if the subject allowed it.

Source: R-075, R-098, R-099, R-104, R-124; BE 2.5.2, 3.3, 4.1.3, 7.2.3; JS4652 7.7.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.consent_gate import WITHDRAWN
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialanchor_chaincode.rules.draft import Draft

COLLECTED: Final = "collected"
PROCESSED: Final = "processed"
STORED: Final = "stored"
RECEIVED: Final = "received"
RETAINED: Final = "retained"
ISSUED: Final = "issued"
IN_ASSAY: Final = "in_assay"
ASSAYED: Final = "assayed"
MISSING: Final = "missing"
REPACKAGED: Final = "repackaged"
USED: Final = "used"
DISCARDED: Final = "discarded"
DESTROYED: Final = "destroyed"
LOST: Final = "lost"

AT_REST: Final = (COLLECTED, PROCESSED, STORED, RECEIVED, RETAINED)
AT_BENCH: Final = (ISSUED, IN_ASSAY, ASSAYED)

SAMPLE: Final = ("sample",)
"""Type of the registered object that a sample is."""

BLINDED: Final = "blinded"

WHOLE_BLOOD: Final = "whole_blood"
TEST: Final = "test"
CLASSES: Final = ("backup", TEST, WHOLE_BLOOD)
"""Classes of samples (样本类别): backup sample, sample to be tested, whole blood (BE 7.2.3)."""

SAMPLES_USABLE: Final = "data_and_samples"
"""What a subject that withdraws allows, when its samples may still be used."""

OPERATORS: Final = ("analyst", "crc", "principal_investigator", "sample_custodian", "study_nurse", "sub_investigator")
"""Functions of who handles samples."""

REVIEWERS: Final = (*OPERATORS, "quality")
"""Functions of who reviews what another has done (复核人)."""

_INHERITED: Final = ("study", "holder", "type", "place", "range", "deviation", "until")
"""What a sample has from the one it was taken of."""


def sample_of(draft: Draft, oid: str) -> dict[str, Any]:
    """Give a sample of the study."""
    return draft.in_study(f"samples/{oid}", "sample-unknown")


def own(draft: Draft, oid: str, states: Iterable[str]) -> dict[str, Any]:
    """Give a sample that the caller holds, in one of these states (rule 1).

    Raises:
        TransitionRefusedError: `sample-unknown`, `study-mismatch`, `sample-of-other-holder` or `sample-state`.
    """
    sample = sample_of(draft, oid)
    if sample["holder"] != draft.caller:
        refuse("sample-of-other-holder", sample=oid, member=draft.caller)
    if sample["state"] not in states:
        refuse("sample-state", sample=oid, state=sample["state"], states=", ".join(states))
    return sample


def put_sample(draft: Draft, oid: str, sample: dict[str, Any]) -> None:
    """Write a sample that is recorded already."""
    draft.put(f"samples/{oid}", sample)


def handle(draft: Draft, oid: str, sample: dict[str, Any], at: int, changes: dict[str, Any]) -> None:
    """Record what was done with a sample at a time (rule 1).

    Raises:
        TransitionRefusedError: `sample-step-order`.
    """
    if at < sample["handled_at"]:
        refuse("sample-step-order", sample=oid)
    put_sample(draft, oid, {**sample, **changes, "handled_at": at})


def check_staff(draft: Draft, arguments: dict[str, Any]) -> dict[str, str]:
    """Check the operator and the reviewer of a step, two persons of the caller; give them.

    Raises:
        TransitionRefusedError: `reviewer-same`, or why one of them is not appointed for it.

    Source: R-100; BE 7.2.3, 7.2.5.
    """
    operator, reviewer = arguments["operator"], arguments["reviewer"]
    if operator == reviewer:
        refuse("reviewer-same", person=reviewer)
    draft.person(operator, draft.caller, OPERATORS)
    draft.person(reviewer, draft.caller, REVIEWERS)
    return {"operator": operator, "reviewer": reviewer}


def origin(draft: Draft, oid: str) -> tuple[str, dict[str, Any]]:
    """Give the collected sample that a sample comes from, with its OID (R-099)."""
    sample = sample_of(draft, oid)
    while "parent" in sample:
        oid = sample["parent"]
        sample = draft.get(f"samples/{oid}")
    return oid, sample


def check_usable(draft: Draft, oid: str, sample: dict[str, Any]) -> None:
    """Check that a sample may be worked on: no deviation that nobody has assessed, no withdrawal (rule 4).

    Raises:
        TransitionRefusedError: `sample-deviation` or `sample-withdrawn`.
    """
    if "deviation" in sample:
        refuse("sample-deviation", sample=oid, cause=sample["deviation"])
    check_use(draft, oid)


def check_use(draft: Draft, oid: str) -> None:
    """Check that the subject has not withdrawn the use of its samples (rule 4).

    Raises:
        TransitionRefusedError: `sample-withdrawn`.
    """
    subject = draft.get(f"subjects/{origin(draft, oid)[1]['subject']}")
    if subject["status"] == WITHDRAWN and subject["use"] != SAMPLES_USABLE:
        refuse("sample-withdrawn", sample=oid)


def remaining(sample: dict[str, Any]) -> int:
    """Give what is left in a sample, in microlitres."""
    return int(sample["volume"] - sample["used"])


def add_coded(draft: Draft, oid: str, parent: str, code: str, changes: dict[str, Any]) -> None:
    """Record a sample that was taken of another one, with its code (rules 2 and 3).

    Args:
        draft: The transition.
        oid: OID of the new sample.
        parent: OID of the sample it was taken of.
        code: Its code.
        changes: State, class, volume, and when it came to be: `occurred_at`.

    Raises:
        TransitionRefusedError: `oid-not-registered`, `oid-of-other-type`, `code-not-blinded`, `code-shows-subject`,
            `code-taken` or `object-exists`.
    """
    if draft.registered(oid, SAMPLE)["visibility"] != BLINDED:
        refuse("code-not-blinded", sample=oid)
    collected, first = origin(draft, parent)
    if is_at_or_under(oid, first["subject"]) or is_at_or_under(oid, collected):
        refuse("code-shows-subject", sample=oid)
    source = draft.get(f"samples/{parent}")
    inherited = {name: source[name] for name in _INHERITED if name in source}
    links = {"parent": parent, "code": code, "recorder": draft.caller, "used": 0}
    draft.add(f"samples/{oid}", inherited | links | changes | {"handled_at": changes["occurred_at"]})
    key = f"sample_codes/{draft.study}/{code}"
    if draft.read(key) is not None:
        refuse("code-taken", mark=code)
    draft.put(key, {"study": draft.study, "sample": oid})
