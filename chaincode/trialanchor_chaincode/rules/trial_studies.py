"""The life of a study: registered, started, paused, ended, closed.

State: `trials/<study>`: `sponsor` (who registered it), `phase`, `design`, `blinding`, the `drugs` it tries, `traits`
as declared, `status` (`registered`, `in_progress`, `paused`, `completed`, `terminated`, `closed`) and `since` when
(Unix seconds); of its start the `approval` (digest of the authority's notice), of a pause the `pauser`; of every
change `record` and, where one is asked for, `reason`.

Rules:

1. Who owns the OID of a trial registers the study: a sponsor one of phase I to IV, a study unit one that investigators
   initiate. The study unit then has the duties of the sponsor, and the role, in that study.
2. A study starts with an ethics committee that has joined and is independent of the sponsor: it becomes the ethics
   organ. Started means open on the ledger; subjects come with an ethics approval in force.
3. The sponsor pauses, resumes and terminates. A regulator does so in any study; what a regulator paused only a
   regulator resumes.
4. A study is completed when its report step is, no step is left open, its approval activity is done, and neither a
   case about drugs nor a finding is open. It is closed when it has ended and its records are archived.

Source: GD44 6.2, 7.2.1 to 7.2.3, 8.1 b); JS4652 7.1.2, 7.2.2.1 m), n); R-027, R-109 to R-111, R-119, R-139, R-174.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.draft import JOINED, RUNNING
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_organs import appoint, check_study
from trialanchor_chaincode.rules.review_table import ETHICS
from trialanchor_chaincode.rules.trial_activities import COMPLETED, WITHDRAWN, activity_done, step_status
from trialanchor_chaincode.rules.trial_protocols import check_drugs, propose
from trialanchor_chaincode.rules.trial_tables import BLINDINGS, DESIGNS, PHASES, SITE_ROLES, SPONSOR, STEPS, TRAITS
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from collections.abc import Container

    from trialanchor_chaincode.rules.draft import Draft

REGISTERED: Final = "registered"
PAUSED: Final = "paused"
ENDED: Final = "completed"
TERMINATED: Final = "terminated"
CLOSED: Final = "closed"

ALIVE: Final = (REGISTERED, RUNNING, PAUSED)
"""Statuses of a study that has not ended."""


def enter(draft: Draft, study: str, statuses: Container[str]) -> dict[str, Any]:
    """Give a study that a transition of the member's is about, and make the transition one of that study.

    Raises:
        TransitionRefusedError: `study-unknown`, `study-state` or `appointment-of-other-study`.
    """
    draft.study = study
    draft.delegated(draft.actor)
    trial = draft.get(f"trials/{study}", "study-unknown")
    if trial["status"] not in statuses:
        refuse("study-state", study=study, status=trial["status"])
    return trial


def enter_as_sponsor(draft: Draft, study: str, statuses: Container[str]) -> dict[str, Any]:
    """Give a study of which the caller is the sponsor, as `enter`.

    Raises:
        TransitionRefusedError: As `enter`, or `not-study-sponsor`.
    """
    trial = enter(draft, study, statuses)
    if trial["sponsor"] != draft.caller:
        refuse("not-study-sponsor", member=draft.caller, study=study)
    return trial


def register(draft: Draft, arguments: dict[str, Any]) -> None:
    """Register a study with its first protocol (rule 1)."""
    study, drugs = arguments["study"], arguments["drugs"]
    owner = draft.registered(study, {"trial"})["owner"]
    if owner != draft.caller and not is_at_or_under(study, draft.caller):
        refuse("study-of-other-member", study=study, member=draft.caller)
    _check_codes(arguments)
    check_drugs(draft, drugs)
    roles = _initiator_roles(draft, arguments["phase"])
    draft.study = study
    draft.delegated(draft.actor)
    kept = {name: arguments[name] for name in ("blinding", "design", "drugs", "phase", "traits") if name in arguments}
    draft.add(f"trials/{study}", kept | {"sponsor": draft.caller, "status": REGISTERED, "since": draft.at})
    draft.add(f"participants/{study}/{draft.caller}", {"roles": roles, "status": JOINED})
    propose(draft, {"protocol": arguments["protocol"], "reason": "first"}, 1)
    draft.event("trial:study:registered", study)


def _check_codes(arguments: dict[str, Any]) -> None:
    for name, known in (("phase", PHASES), ("blinding", BLINDINGS), ("design", DESIGNS)):
        if arguments[name] not in known:
            refuse("study-code", name=name, codes=", ".join(known))
    if not TRAITS.issuperset(arguments.get("traits", ())):
        refuse("study-code", name="traits", codes=", ".join(sorted(TRAITS)))


def _initiator_roles(draft: Draft, phase: str) -> list[str]:
    """Give the roles in which the caller takes part in a study of this phase that it registers."""
    held = draft.member(draft.caller)["roles"]
    wanted = (SPONSOR,) if PHASES[phase] == SPONSOR else SITE_ROLES
    taken = [role for role in wanted if role in held]
    if not taken:
        refuse("phase-initiator", phase=phase, roles=", ".join(wanted))
    return sorted({*taken, SPONSOR})


def start(draft: Draft, arguments: dict[str, Any]) -> None:
    """Start a study (rule 2)."""
    trial = enter_as_sponsor(draft, arguments["study"], (REGISTERED,))
    appoint(draft, ETHICS, arguments["committee"])
    _turn(draft, trial, RUNNING, "started", approval=arguments["approval"])


def _turn(draft: Draft, trial: dict[str, Any], status: str, name: str, **more: str) -> None:
    """Change the status of the study; of the last pause nothing is kept."""
    kept = {key: value for key, value in trial.items() if key not in {"pauser", "reason", "record"}}
    draft.put(f"trials/{draft.study}", {**kept, "status": status, "since": draft.at, **more})
    draft.event(f"trial:study:{name}", draft.study)


def suspend(draft: Draft, arguments: dict[str, Any]) -> None:
    """Pause a study as its sponsor (rule 3)."""
    _pause(draft, enter_as_sponsor(draft, arguments["study"], (RUNNING,)), arguments)


def order_suspension(draft: Draft, arguments: dict[str, Any]) -> None:
    """Pause a study as a regulator, also one that its sponsor has paused (rule 3)."""
    trial = enter(draft, arguments["study"], (RUNNING, PAUSED))
    if trial.get("pauser", trial["sponsor"]) != trial["sponsor"]:
        refuse("suspension-ordered", study=draft.study)
    _pause(draft, trial, arguments)


def _pause(draft: Draft, trial: dict[str, Any], arguments: dict[str, Any]) -> None:
    said = {"pauser": draft.caller, "reason": arguments["reason"], "record": arguments["record"]}
    _turn(draft, trial, PAUSED, "suspended", **said)


def resume(draft: Draft, arguments: dict[str, Any]) -> None:
    """Resume a study that its sponsor has paused (rule 3)."""
    trial = enter_as_sponsor(draft, arguments["study"], (PAUSED,))
    if trial["pauser"] != draft.caller:
        refuse("suspension-ordered", study=draft.study)
    _turn(draft, trial, RUNNING, "resumed", record=arguments["record"])


def lift_suspension(draft: Draft, arguments: dict[str, Any]) -> None:
    """Resume a study that a regulator has paused (rule 3)."""
    trial = enter(draft, arguments["study"], (PAUSED,))
    if trial["pauser"] == trial["sponsor"]:
        refuse("suspension-not-ordered", study=draft.study)
    _turn(draft, trial, RUNNING, "resumed", record=arguments["record"])


def terminate(draft: Draft, arguments: dict[str, Any]) -> None:
    """End a study early, as its sponsor (rule 3)."""
    _terminate(draft, enter_as_sponsor(draft, arguments["study"], ALIVE), arguments)


def order_termination(draft: Draft, arguments: dict[str, Any]) -> None:
    """End a study early, as a regulator (rule 3)."""
    _terminate(draft, enter(draft, arguments["study"], ALIVE), arguments)


def _terminate(draft: Draft, trial: dict[str, Any], arguments: dict[str, Any]) -> None:
    said = {"reason": arguments["reason"], "record": arguments["record"]}
    _turn(draft, trial, TERMINATED, "terminated", **said)


def complete(draft: Draft, arguments: dict[str, Any]) -> None:
    """End a study as its protocol says (rule 4)."""
    check_study(draft, arguments["study"])
    trial = enter_as_sponsor(draft, arguments["study"], (RUNNING,))
    for step in STEPS:
        status = step_status(draft, step)
        if status != COMPLETED and (step == "report" or status != WITHDRAWN):
            refuse("step-open", step=step, status=status)
    if not activity_done(draft, "approval", draft.caller):
        refuse("activity-before", activity="approval")
    for key, code in ((f"open_cases/{draft.study}", "cases-open"), (f"open_findings/{draft.study}", "findings-open")):
        counted = draft.read(key)
        if counted is not None and counted["open"]:
            refuse(code, count=counted["open"])
    _turn(draft, trial, ENDED, "completed", record=arguments["record"])


def close(draft: Draft, arguments: dict[str, Any]) -> None:
    """Close a study that has ended and whose records are archived (rule 4)."""
    trial = enter_as_sponsor(draft, arguments["study"], (ENDED, TERMINATED))
    _turn(draft, trial, CLOSED, "closed", record=arguments["record"])
