"""Ask whether a subject has consented, for whatever another contract is about to record of that subject.

State, written by the contract `consent`:

- `consent_versions/<study>`: the newest version of the form: `number`, `form`, `document`, when it becomes
  `effective`, whether it asks for `reconsent`; when the one before it did, `effective_before`; and of those before it
  `demanded`, the last that asked for it, and `demanded_at`. What they were stands in the ledger's history;
- `subjects/<oid>`: `study`, `site`, `status` and `status_at`, `consent`, the `form` that was signed, when the subject
  was `enrolled_at` and its part `ended_at`, its randomisation `number`, and after a withdrawal what may still be used.

`consent` says of the newest signature which `version`, `at` which time and by which `signers`, with the digests of form
and process; and the time of the first one, `since`, and the version signed `before`, so that what is recorded late is
judged as of when it happened.

Rules:

1. Without a consent that was signed by then, nothing of a subject is recorded; nor of what came after a withdrawal.
2. A version that asks for re-consent ends the consent to those before it, from when it takes effect.
3. A subject counts as enrolled from the enrolment to the end of its part in the study.

Source: R-113, R-122, R-124; GD44 6.2; JS4652 7.3.2.2; BE 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

SCREENING: Final = "screening"
INCLUDED: Final = "included"
EXCLUDED: Final = "excluded"
ENROLLED: Final = "enrolled"
RANDOMISED: Final = "randomised"
COMPLETED: Final = "completed"
DISCONTINUED: Final = "discontinued"
LOST: Final = "lost"
WITHDRAWN: Final = "withdrawn"

OPEN: Final = (SCREENING, INCLUDED, ENROLLED, RANDOMISED)
"""Statuses of a subject that takes part; in every other one its part has ended."""

IN_TRIAL: Final = (ENROLLED, RANDOMISED)


def demanded_version(versions: dict[str, Any], at: int) -> int:
    """Give the version of the form that a subject must at least have signed at a time, 0 for any (rule 2)."""
    if versions["reconsent"] and versions["effective"] <= at:
        return int(versions["number"])
    return int(versions["demanded"]) if versions["demanded_at"] <= at else 0


def require_signature(draft: Draft, subject: str, at: int | None = None) -> dict[str, Any]:
    """Give a subject of the transaction's study whose consent is in force, enrolled or not.

    Args:
        draft: The transition in the making.
        subject: OID of the subject.
        at: Unix second at which it must be in force; that of the block when None.

    Raises:
        TransitionRefusedError: `subject-unknown`, `study-mismatch`, `consent-missing`, `consent-withdrawn` or
            `consent-outdated`.
    """
    when = draft.at if at is None else at
    found = draft.in_study(f"subjects/{subject}", "subject-unknown")
    consent = found["consent"]
    if when < consent["since"]:
        refuse("consent-missing", subject=subject)
    if found["status"] == WITHDRAWN and when >= found["status_at"]:
        refuse("consent-withdrawn", subject=subject)
    needed = demanded_version(draft.get(f"consent_versions/{draft.study}"), when)
    if needed > (consent["version"] if when >= consent["at"] else consent["before"]):
        refuse("consent-outdated", subject=subject, version=needed)
    return found


def require_consent(draft: Draft, subject: str, at: int | None = None) -> dict[str, Any]:
    """Give an enrolled subject of the transaction's study whose consent is in force.

    Args:
        draft: The transition in the making.
        subject: OID of the subject.
        at: Unix second at which both must hold, for what is recorded later than it happened; that of the block when
            None.

    Raises:
        TransitionRefusedError: As for `require_signature`, or `subject-not-enrolled`.
    """
    when = draft.at if at is None else at
    found = require_signature(draft, subject, when)
    if "enrolled_at" not in found or not found["enrolled_at"] <= when < found.get("ended_at", when + 1):
        refuse("subject-not-enrolled", subject=subject, status=found["status"])
    return found
