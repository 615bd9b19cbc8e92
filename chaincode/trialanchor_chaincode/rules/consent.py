"""The contract `consent`: versions of the consent form, consent and withdrawal, screening, enrolment and its end.

State: `consent_versions/<study>` and `subjects/<oid>`, as `consent_gate` explains them.

Rules:

1. A version of the form is published by the sponsor or a site, once the ethics committee has approved its digest, and
   takes effect no earlier; the next one states a reason, when it takes effect, and whether who signed an older one must
   sign again.
2. A consent is signed by the subject or the guardian, on the version in force at that time, and recorded by an
   investigator of the site with the digests of the signed form and of the evidence of the process. This makes the
   subject known. A version is signed once; a new one is signed again.
3. Steps are taken in order, by the site of the subject: consent, screening with the criteria that were not met,
   enrolment, randomisation (contract `randomisation`), end. Each needs the consent then; enrolment also an ethics
   approval and a protocol in force, and at a site other than the sponsor's own that it is open.
4. A withdrawal is final, needs no reason that satisfies anybody, and says what may still be used. After any end nothing
   more is enrolled, assigned or dispensed; a consent may still be withdrawn.

Not done: the alert that a subject takes part in another study (R-124). A subject has another number in each study, and
who compares persons does so in the site's own database.

Source: R-113, R-114, R-121 to R-124; GD44 6.2; JS4652 7.2.3 b), 7.3.2.2, 7.3.3 d), e); BE 2.6, 7.2.1; X-41.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.consent_gate import (
    COMPLETED,
    DISCONTINUED,
    ENROLLED,
    EXCLUDED,
    IN_TRIAL,
    INCLUDED,
    LOST,
    OPEN,
    SCREENING,
    WITHDRAWN,
    demanded_version,
    require_signature,
)
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import document_approved, ethics_approved
from trialanchor_chaincode.rules.trial_protocols import require_protocol
from trialanchor_chaincode.rules.trial_sites import require_open_site
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

CONSENTING: Final = ("guardian", "subject")
"""Who can consent (本人签署、监护人签署)."""

SIGNERS: Final = (*CONSENTING, "witness")
"""Who may sign a consent; an impartial witness (公平见证人) signs beside one of the others."""

USES: Final = ("data", "data_and_samples", "none")
"""What may still be used after a withdrawal, of what was collected before it."""

RESULTS: Final = (EXCLUDED, INCLUDED)
ENDINGS: Final = (DISCONTINUED, LOST)


def _publish(draft: Draft, arguments: dict[str, Any]) -> None:
    """Publish a version of the consent form (rule 1)."""
    _check_ethics(draft, arguments["effective"])
    draft.registered(arguments["form"], {"document"})
    if not document_approved(draft, arguments["document"], arguments["effective"]):
        refuse("consent-form-not-approved", form=arguments["form"])
    key = f"consent_versions/{draft.study}"
    before = draft.read(key)
    number, effective = arguments["version"], arguments["effective"]
    kept = {"demanded": 0, "demanded_at": 0, "effective_before": 0}
    if before is not None:
        if before["effective"] > draft.at:
            refuse("consent-version-pending", version=before["number"])
        kept = {
            "demanded": demanded_version(before, draft.at),
            "demanded_at": before["effective"] if before["reconsent"] else before["demanded_at"],
            "effective_before": before["effective"],
        }
    expected = 1 if before is None else before["number"] + 1
    if number != expected or effective <= kept["effective_before"] or ("reason" in arguments) != (expected > 1):
        refuse("consent-version-order", version=expected)
    given = {name: arguments[name] for name in ("form", "document", "effective", "reconsent")}
    reason = {"reason": arguments["reason"]} if expected > 1 else {}
    draft.put(key, {"study": draft.study, "number": number, **given, **kept, **reason})
    draft.event("consent:form:published", arguments["form"])


def _check_ethics(draft: Draft, at: int) -> None:
    if not ethics_approved(draft, at):
        refuse("ethics-not-approved", study=draft.study)


def _sign(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a subject consented, first or again (rule 2)."""
    oid, version, happened = arguments["subject"], arguments["version"], arguments["occurred_at"]
    signers = arguments["signers"]
    if not set(signers) <= set(SIGNERS) or not set(signers) & set(CONSENTING):
        refuse("consent-not-signed", signers=", ".join(SIGNERS))
    form = _form_in_force(draft, version, happened)
    consent = {"version": version, "at": happened, "since": happened, "before": 0}
    consent |= {name: arguments[name] for name in ("signers", "signed", "process")}
    if draft.read(f"subjects/{oid}") is None:
        if not is_at_or_under(oid, draft.caller) or oid == draft.caller:
            refuse("subject-of-other-site", subject=oid, member=draft.caller)
        draft.registered(oid, {"subject"})
        subject = {"study": draft.study, "site": draft.caller, "status": SCREENING, "status_at": happened}
        draft.event("consent:subject:signed", oid)
    else:
        subject = _subject(draft, oid, OPEN)
        held = subject["consent"]
        if version <= held["version"]:
            refuse("consent-signed-already", subject=oid, version=held["version"])
        if happened < held["at"]:
            refuse("subject-step-order", subject=oid)
        consent |= {"since": held["since"], "before": held["version"]}
        draft.event("consent:subject:signed-again", oid)
    draft.put(f"subjects/{oid}", subject | {"consent": consent} | form)


def _form_in_force(draft: Draft, version: int, at: int) -> dict[str, Any]:
    """Give the link to the form of the version in force at a time; that of an older version stands in its history."""
    versions = draft.get(f"consent_versions/{draft.study}", "consent-versions-none")
    newest = versions["effective"] <= at
    in_force = versions["number"] if newest else versions["number"] - 1
    if version != in_force or at < versions["effective_before"]:
        refuse("consent-version-not-in-force", version=version)
    return {"form": versions["form"]} if newest else {}


def _subject(draft: Draft, oid: str, statuses: tuple[str, ...]) -> dict[str, Any]:
    """Give a subject of the calling site in one of these statuses (rule 3)."""
    found = draft.in_study(f"subjects/{oid}", "subject-unknown")
    if found["site"] != draft.caller:
        refuse("subject-of-other-site", subject=oid, member=draft.caller)
    if found["status"] not in statuses:
        refuse("subject-status", subject=oid, status=found["status"], expected=", ".join(statuses))
    return found


def _move(draft: Draft, arguments: dict[str, Any], found: dict[str, Any], status: str, more: dict[str, Any]) -> None:
    """Bring a subject into a status, no earlier than it came into the one before."""
    oid, happened = arguments["subject"], arguments["occurred_at"]
    if happened < max(found["status_at"], found["consent"]["since"]):
        refuse("subject-step-order", subject=oid)
    draft.put(f"subjects/{oid}", found | {"status": status, "status_at": happened} | more)


def _screen(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record whether a subject meets the criteria of the protocol (rule 3)."""
    oid, result, criteria = arguments["subject"], arguments["result"], arguments["criteria"]
    found = _subject(draft, oid, (SCREENING,))
    require_signature(draft, oid, arguments["occurred_at"])
    if result not in RESULTS:
        refuse("screening-result-unknown", results=", ".join(RESULTS))
    if (result == EXCLUDED) != bool(criteria):
        refuse("screening-criteria")
    ended = {"ended_at": arguments["occurred_at"]} if result == EXCLUDED else {}
    _move(draft, arguments, found, result, {"criteria": criteria, "assessment": arguments["assessment"], **ended})
    draft.event(f"trial:subject:{result}", oid)


def _enrol(draft: Draft, arguments: dict[str, Any]) -> None:
    """Enrol a subject that was included (rule 3)."""
    oid = arguments["subject"]
    found = _subject(draft, oid, (INCLUDED,))
    require_signature(draft, oid, arguments["occurred_at"])
    _check_ethics(draft, arguments["occurred_at"])
    require_protocol(draft)
    if draft.caller != draft.get(f"trials/{draft.study}")["sponsor"]:
        require_open_site(draft, draft.caller)
    _move(draft, arguments, found, ENROLLED, {"enrolled_at": arguments["occurred_at"]})
    draft.event("trial:subject:enrolled", oid)


def _complete(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a subject completed the study as planned."""
    found = _subject(draft, arguments["subject"], IN_TRIAL)
    _move(draft, arguments, found, COMPLETED, {"ended_at": arguments["occurred_at"]})
    draft.event("trial:subject:completed", arguments["subject"])


def _discontinue(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a subject was lost, or taken out by the investigator or the sponsor."""
    outcome = arguments["outcome"]
    found = _subject(draft, arguments["subject"], OPEN)
    if outcome not in ENDINGS:
        refuse("subject-ending-unknown", outcomes=", ".join(ENDINGS))
    _move(draft, arguments, found, outcome, {"ended_at": arguments["occurred_at"], "reason": arguments["reason"]})
    draft.event(f"trial:subject:{outcome}", arguments["subject"])


def _withdraw(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a subject withdrew the consent (rule 4)."""
    happened, use = arguments["occurred_at"], arguments["use"]
    found = _subject(draft, arguments["subject"], (*OPEN, COMPLETED, DISCONTINUED, EXCLUDED, LOST))
    if use not in USES:
        refuse("withdrawal-use-unknown", uses=", ".join(USES))
    ended = {"ended_at": found.get("ended_at", happened), "reason": arguments["reason"], "use": use}
    _move(draft, arguments, found, WITHDRAWN, ended)
    draft.event("consent:subject:withdrawn", arguments["subject"])


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "complete": _complete,
        "discontinue": _discontinue,
        "enrol": _enrol,
        "publish": _publish,
        "screen": _screen,
        "sign": _sign,
        "withdraw": _withdraw,
    }
)
"""Signed transitions of the contract `consent`."""
