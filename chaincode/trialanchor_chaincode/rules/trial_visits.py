"""Monitoring, audit and inspection of a study, what they found, and its rectification; progress.

State:

- `monitoring/<study>`: `study` and digest of the `plan`; `progress/<study>/<member>`: `study`, `reporter`, `record`;
- `visits/<oid>`: `study`, `sort` (`monitoring`, `audit` or `inspection`), the `visitor` and the `visited`
  participant, `occurred_at`, digests of `report` and `certificate`, number of `findings`, `status`: `open`, `answered`
  or `closed`; `answer` and `record` of the rectification and of its check;
- `open_findings/<study>`: in how many visits something found is `open`.

Rules:

1. Monitoring follows a plan. It and audits are the sponsor's or a third party's, inspections a regulator's; nobody
   visits itself. An audit of the sponsor is a third party's.
2. Findings are answered by who was visited, and checked by who has visited; not good enough is open again. A study is
   not completed while one is open.

Source: GD44 6.2, 7.2.6; JS4652 7.1.2.3 d), 7.9.2, 7.9.3, 7.10, 7.11; R-117, R-127, R-128, R-192, R-193, R-195.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_organs import check_study, related

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

MONITORING: Final = "monitoring"
AUDIT: Final = "audit"
INSPECTION: Final = "inspection"

OPEN: Final = "open"
ANSWERED: Final = "answered"
CLOSED: Final = "closed"


def plan_monitoring(draft: Draft, arguments: dict[str, Any]) -> None:
    """Say how the study is monitored, or change that (rule 1)."""
    check_study(draft, arguments["study"])
    draft.put(f"monitoring/{draft.study}", {"study": draft.study, "plan": arguments["plan"]})
    draft.event("trial:monitoring:planned", draft.study)


def report_progress(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report the progress of the caller's part (JS4652 7.1.2.3 d)."""
    check_study(draft, arguments["study"])
    report = {"study": draft.study, "reporter": draft.caller, "record": arguments["record"]}
    draft.put(f"progress/{draft.study}/{draft.caller}", report)
    draft.event("trial:progress:reported", draft.study)


def report_monitoring(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report a monitoring visit (rule 1)."""
    if draft.read(f"monitoring/{draft.study}") is None:
        refuse("monitoring-plan-missing", study=draft.study)
    _report(draft, arguments, MONITORING)


def report_audit(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report an audit, with its certificate (rule 1)."""
    _report(draft, arguments, AUDIT)


def report_inspection(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report an inspection by a regulator (rule 1)."""
    _report(draft, arguments, INSPECTION)


def _report(draft: Draft, arguments: dict[str, Any], sort: str) -> None:
    oid, visited = arguments["visit"], arguments["visited"]
    draft.registered(oid, {"document"})
    if not draft.roles(visited):
        refuse("not-participant", member=visited, study=draft.study)
    if related(visited, draft.caller):
        refuse("visit-of-self", member=visited)
    kept = ("certificate", "findings", "occurred_at", "report", "visited")
    said = {name: arguments[name] for name in kept if name in arguments}
    status = OPEN if arguments["findings"] else CLOSED
    visit = {"study": draft.study, "sort": sort, "visitor": draft.caller, "status": status}
    draft.add(f"visits/{oid}", visit | said)
    if status == OPEN:
        _count(draft, 1)
    draft.event(f"trial:visit:{sort}", oid)


def _count(draft: Draft, change: int) -> None:
    """Count visits with something open."""
    key = f"open_findings/{draft.study}"
    found = draft.read(key)
    draft.put(key, {"study": draft.study, "open": (0 if found is None else found["open"]) + change})


def rectify(draft: Draft, arguments: dict[str, Any]) -> None:
    """Answer what was found, as who was visited (rule 2)."""
    oid, visit = _visit(draft, arguments, OPEN)
    if visit["visited"] != draft.caller:
        refuse("visit-of-other-member", visit=oid, member=draft.caller)
    draft.put(f"visits/{oid}", visit | {"status": ANSWERED, "answer": arguments["record"]})
    draft.event("trial:visit:answered", oid)


def check_rectification(draft: Draft, arguments: dict[str, Any]) -> None:
    """Check the answer, as who has visited (rule 2)."""
    oid, visit = _visit(draft, arguments, ANSWERED)
    if visit["visitor"] != draft.caller:
        refuse("visit-of-other-member", visit=oid, member=draft.caller)
    status = CLOSED if arguments["satisfied"] else OPEN
    draft.put(f"visits/{oid}", visit | {"status": status, "record": arguments["record"]})
    if status == CLOSED:
        _count(draft, -1)
    draft.event("trial:visit:closed" if status == CLOSED else "trial:visit:reopened", oid)


def _visit(draft: Draft, arguments: dict[str, Any], status: str) -> tuple[str, dict[str, Any]]:
    oid = arguments["visit"]
    visit = draft.in_study(f"visits/{oid}", "visit-unknown")
    if visit["status"] != status:
        refuse("visit-state", visit=oid, status=visit["status"])
    return oid, visit
