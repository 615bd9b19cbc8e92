"""Versions of the protocol: proposed, approved by the ethics committee, in force, superseded.

State:

- `protocols/<study>`: `study`, how many versions there are (`newest`), and which is `in_force`, 0 for none;
- `protocol_versions/<study>/<n>`: `study`, `number`, `protocol` (digest), `reason`, the `drugs` that the study tries
  from then on when it changes them, `status` (`proposed`, `in_force`, `superseded`), and since when (`effective`).

Rules:

1. Versions are numbered 1, 2, …, and say why they were made. A proposal that was never in force is superseded by the
   next one.
2. A version comes in force when the ethics approval in force covers its digest, and supersedes the one before.

Source: JS4652 7.2.1, 7.2.2.1 a), 7.2.3 a); GD44 6.2; R-111, R-124, R-141, R-142.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import document_approved
from trialanchor_chaincode.rules.review_organs import check_study

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

PROPOSED: Final = "proposed"
IN_FORCE: Final = "in_force"
SUPERSEDED: Final = "superseded"

MAX_DRUGS: Final = 64
"""Drugs that a study tries."""


def _head(draft: Draft) -> dict[str, Any]:
    found: dict[str, Any] | None = draft.read(f"protocols/{draft.study}")
    return {"study": draft.study, "newest": 0, "in_force": 0} if found is None else found


def _key(draft: Draft, number: int) -> str:
    return f"protocol_versions/{draft.study}/{number}"


def amend(draft: Draft, arguments: dict[str, Any]) -> None:
    """Propose a version of the protocol (rule 1)."""
    check_study(draft, arguments["study"])
    check_drugs(draft, arguments.get("drugs", []))
    propose(draft, arguments, arguments["number"])
    draft.event("trial:protocol:proposed", draft.study)


def propose(draft: Draft, arguments: dict[str, Any], number: int) -> None:
    """Write a version of the protocol of the transaction's study (rule 1).

    Raises:
        TransitionRefusedError: `protocol-number`.
    """
    head = _head(draft)
    if number != head["newest"] + 1:
        refuse("protocol-number", number=head["newest"] + 1)
    _supersede(draft, head["newest"], PROPOSED)
    names = ("protocol", "reason", "drugs")
    version = {name: arguments[name] for name in names if name in arguments}
    draft.add(_key(draft, number), version | {"study": draft.study, "number": number, "status": PROPOSED})
    draft.put(f"protocols/{draft.study}", head | {"newest": number})


def check_drugs(draft: Draft, drugs: list[str]) -> None:
    """Check the drugs that a study tries (R-027).

    Raises:
        TransitionRefusedError: `study-drugs`, or one of `Draft.registered`.
    """
    if len(drugs) > MAX_DRUGS:
        refuse("study-drugs", most=MAX_DRUGS)
    for drug in drugs:
        draft.registered(drug, {"drug"})


def _supersede(draft: Draft, number: int, status: str) -> None:
    before = draft.read(_key(draft, number))
    if before is not None and before["status"] == status:
        draft.put(_key(draft, number), before | {"status": SUPERSEDED})


def require_protocol(draft: Draft) -> None:
    """Check that the transaction's study has a version of its protocol in force (R-124).

    Raises:
        TransitionRefusedError: `protocol-none`.
    """
    if not _head(draft)["in_force"]:
        refuse("protocol-none", study=draft.study)


def put_in_force(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put the version that is proposed in force (rule 2)."""
    check_study(draft, arguments["study"])
    number, head = arguments["number"], _head(draft)
    found = draft.read(_key(draft, number))
    if found is None or found["status"] != PROPOSED:
        refuse("protocol-not-proposed", number=number)
    if not document_approved(draft, found["protocol"]):
        refuse("protocol-not-approved", number=number)
    _supersede(draft, head["in_force"], IN_FORCE)
    draft.put(_key(draft, number), found | {"status": IN_FORCE, "effective": draft.at})
    draft.put(f"protocols/{draft.study}", head | {"in_force": number})
    if "drugs" in found:
        draft.put(f"trials/{draft.study}", draft.get(f"trials/{draft.study}") | {"drugs": found["drugs"]})
    draft.event("trial:protocol:in-force", draft.study)
