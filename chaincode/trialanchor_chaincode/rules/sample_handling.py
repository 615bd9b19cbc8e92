"""Collect, label, process, aliquot and store samples, and deal with what went wrong.

Rules:

1. A site collects from its own subject, enrolled and with consent in force at the time, into a container whose OID is
   below the site's.
2. Labelling puts all of a sample into a container with a code; aliquoting puts parts of it into several. What the
   parts and the remainder hold is at most what there was.
3. Whole blood is had from whole blood only.
4. A deviation is reported by the holder, and stays with the sample and what is taken of it, until somebody of the
   holder with a function for it has assessed it. An unusable sample keeps it.

Source: GD44 7.1.3; JS4652 7.7.1; BE 2.5.2, 2.6, 7.2.3; R-074, R-075, R-098 to R-101.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor_chaincode.rules.consent_gate import require_consent
from trialanchor_chaincode.rules.drug_packages import is_outside, temperatures
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.sample_records import (
    AT_BENCH,
    AT_REST,
    CLASSES,
    COLLECTED,
    ISSUED,
    OPERATORS,
    PROCESSED,
    RECEIVED,
    REPACKAGED,
    SAMPLE,
    STORED,
    TEST,
    USED,
    WHOLE_BLOOD,
    add_coded,
    check_staff,
    check_use,
    handle,
    own,
    remaining,
)
from trialanchor_chaincode.rules.transitions import TYPES
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

TYPES_OF_SAMPLE: Final = {"blood": WHOLE_BLOOD, "urine": TEST}
"""Types of samples (样本类型), each with the class it is collected as (BE 7.2.3)."""

MAX_ALIQUOTS: Final = 64
"""Containers that one sample is put into in one transition."""

OUTCOMES: Final = ("unusable", "usable")
"""How a deviation is assessed."""


class Aliquot(NamedTuple):
    """A part of a sample in a container of its own: OID, code, class and microlitres."""

    oid: str
    code: str
    kind: str
    volume: int


def collect(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record a sample that was taken from a subject (rule 1)."""
    oid, happened = arguments["sample"], arguments["occurred_at"]
    draft.registered(oid, SAMPLE)
    if oid == draft.caller or not is_at_or_under(oid, draft.caller):
        refuse("sample-of-other-site", sample=oid, member=draft.caller)
    if arguments["type"] not in TYPES_OF_SAMPLE:
        refuse("sample-type", types=", ".join(TYPES_OF_SAMPLE))
    subject = require_consent(draft, arguments["subject"], happened)
    if subject["site"] != draft.caller:
        refuse("subject-of-other-site", subject=arguments["subject"], member=draft.caller)
    draft.person(arguments["collector"], draft.caller, OPERATORS)
    names = ("subject", "type", "period", "planned_at", "occurred_at", "volume", "method", "position", "collector")
    given = {name: arguments[name] for name in (*names, "circumstances") if name in arguments}
    made = {"study": draft.study, "site": draft.caller, "recorder": draft.caller, "holder": draft.caller, "used": 0}
    state = {"state": COLLECTED, "class": TYPES_OF_SAMPLE[arguments["type"]], "handled_at": happened}
    draft.add(f"samples/{oid}", given | made | state)
    draft.event("sample:sample:collected", oid)


def label(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put all of a sample into a container with a code (rule 2)."""
    oid, parent, happened = arguments["sample"], arguments["parent"], arguments["occurred_at"]
    source = own(draft, parent, (COLLECTED, PROCESSED, RECEIVED, STORED))
    same = {name: source[name] for name in ("state", "class")}
    add_coded(draft, oid, parent, arguments["code"], same | {"volume": remaining(source), "occurred_at": happened})
    handle(draft, parent, source, happened, {"state": REPACKAGED, "used": source["volume"]})
    draft.event("sample:sample:labelled", oid)


def process(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record a step of processing, such as centrifuging."""
    oid = arguments["sample"]
    sample = own(draft, oid, (COLLECTED, PROCESSED, RECEIVED))
    check_use(draft, oid)
    done = {name: arguments[name] for name in ("step", "device", "conditions")} | check_staff(draft, arguments)
    handle(draft, oid, sample, arguments["occurred_at"], done | {"state": PROCESSED})
    draft.event("sample:sample:processed", oid)


def aliquot(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put parts of a sample into containers of their own (rules 2 and 3)."""
    oid, happened, remainder = arguments["sample"], arguments["occurred_at"], arguments["remainder"]
    sample = own(draft, oid, (COLLECTED, PROCESSED, RECEIVED, ISSUED))
    check_use(draft, oid)
    parts = _aliquots(arguments)
    taken = sum(part.volume for part in parts)
    if taken + remainder > remaining(sample):
        refuse("volume-exceeded", sample=oid, held=remaining(sample), volume=taken + remainder)
    staff = check_staff(draft, arguments)
    state = ISSUED if sample["state"] == ISSUED else PROCESSED
    for part in parts:
        if part.kind not in CLASSES or (part.kind == WHOLE_BLOOD and sample["class"] != WHOLE_BLOOD):
            refuse("sample-class", classes=", ".join(CLASSES))
        made = {"state": state, "class": part.kind, "volume": part.volume, "occurred_at": happened} | staff
        add_coded(draft, part.oid, oid, part.code, made)
    left = {"used": sample["volume"] - remainder, "state": sample["state"] if remainder else USED}
    handle(draft, oid, sample, happened, left | staff | {"device": arguments["device"]})
    draft.event("sample:sample:aliquoted", oid)
    draft.result.extend(part.oid for part in parts)


def _aliquots(arguments: dict[str, Any]) -> list[Aliquot]:
    """Read the parts that a sample is put into.

    Raises:
        TransitionRefusedError: `aliquots`.
    """
    value = arguments["aliquots"]
    types = ("oid", "code", "code", "positive")
    formed = 1 <= len(value) <= MAX_ALIQUOTS and all(
        isinstance(each, list)
        and len(each) == len(types)
        and all(TYPES[kind](item) for kind, item in zip(types, each, strict=True))
        for each in value
    )
    if not formed:
        refuse("aliquots", most=MAX_ALIQUOTS)
    return [Aliquot(*each) for each in value]


def store(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put a sample into a controlled place."""
    oid = arguments["sample"]
    sample = own(draft, oid, (COLLECTED, PROCESSED, RECEIVED, STORED))
    kept = {"place": arguments["place"], "range": temperatures(arguments, "range")} | check_staff(draft, arguments)
    handle(draft, oid, sample, arguments["occurred_at"], kept | {"state": STORED})
    draft.event("sample:sample:stored", oid)


def report_deviation(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report that something went wrong with a sample; a measured temperature must be outside its range (rule 4)."""
    oid = arguments["sample"]
    sample = own(draft, oid, (*AT_REST, *AT_BENCH))
    if "measured" in arguments and "range" in sample:
        measured = temperatures(arguments, "measured")
        if not is_outside(measured, sample["range"]):
            refuse("sample-no-excursion", sample=oid)
    found: dict[str, Any] = {name: arguments[name] for name in ("measured", "record") if name in arguments}
    handle(draft, oid, flagged(sample, arguments["cause"]), arguments["occurred_at"], found)
    draft.event("sample:sample:deviation", oid)


def flagged(sample: dict[str, Any], cause: str) -> dict[str, Any]:
    """Give a sample with a deviation that must be assessed; an earlier one stays."""
    assessed = {name: value for name, value in sample.items() if name != "assessed"}
    return {**assessed, "deviation": sample.get("deviation", cause)}


def assess_deviation(draft: Draft, arguments: dict[str, Any]) -> None:
    """Assess a deviation (rule 4)."""
    oid, outcome = arguments["sample"], arguments["outcome"]
    sample = own(draft, oid, (*AT_REST, *AT_BENCH))
    if "deviation" not in sample:
        refuse("sample-no-deviation", sample=oid)
    if outcome not in OUTCOMES:
        refuse("assessment-outcome", outcomes=", ".join(OUTCOMES))
    kept = {name: value for name, value in sample.items() if name != "deviation" or outcome != "usable"}
    assessed = {"assessed": outcome, "assessment": arguments["assessment"]}
    draft.put(f"samples/{oid}", kept | assessed)
    draft.event("sample:sample:assessed", oid)
