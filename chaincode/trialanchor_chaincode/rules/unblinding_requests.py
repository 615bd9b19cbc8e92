"""Emergency unblinding of one unit: request, approval by key holders, release of their shares, views, notices.

State:

- `unblindings/<kit>`: `kit`, `site`, `subject` when one is known, `requester`, `reason` and `state`; the holders that
  approved, `approvals`, and that released their share, `releases`; when it was `opened_at`; how many `views` there are;
- `unblinding_views/<kit>/<n>`: who looked, of which member, and why;
- `unblinding_notices/<kit>/<member>`: that a member that must know does know.

States: `requested` → `opened` → `released`, or `requested` → `declined`, after which it may be requested again.

Rules:

1. An investigator asks for one unit of the own site, with a reason. A unit is the package as it left the packaging run,
   under which its entry is sealed; what was split off shares its treatment and is asked for by it, as its `part`. The
   site has the unit or the part, or a subject of its own does.
2. Key holders other than the requester approve, as many as the seal asks for; who holds no share any more does not
   count. With the last the unit is opened: that
   stands on the ledger before any share leaves its holder, and no other unit is touched.
3. Any holder may then release a share. It is recorded by its digest, each holder's once, and so is every view.
4. Sponsor, site, ethics committee and regulators say that they know of it, each once.

Source: R-091, R-092, X-22; GD44 7.3.2, 8.1 b); JS4652 7.5.2 f), 7.5.3 d).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.unblinding_gate import DECLINED, IS_OPEN, OPENED, RELEASED, REQUESTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft


def _request(draft: Draft, arguments: dict[str, Any]) -> None:
    """Ask for the treatment of one unit (rule 1)."""
    kit = arguments["kit"]
    draft.get(f"seals/{draft.study}", "seal-missing")
    subject = _check_unit(draft, kit, arguments.get("part", kit), arguments.get("subject"))
    before = draft.read(_key(kit))
    if before is not None and before["state"] != DECLINED:
        refuse("unblinding-requested-already", kit=kit, state=before["state"])
    request = {"study": draft.study, "kit": kit, "site": draft.caller, "requester": draft.actor}
    known = {} if subject is None else {"subject": subject}
    state = {"reason": arguments["reason"], "state": REQUESTED, "approvals": [], "releases": [], "views": 0}
    draft.put(_key(kit), request | known | state)
    draft.event("unblinding:kit:requested", kit)


def _key(kit: str) -> str:
    return f"unblindings/{kit}"


def _check_unit(draft: Draft, kit: str, part: str, named: str | None) -> str | None:
    """Check that a unit is one of the calling site's (rule 1); give the subject it belongs to, if there is one."""
    package = allocation = None
    if part != kit or draft.read(f"packages/{kit}") is not None:
        package = draft.in_study(f"packages/{part}", "unit-unknown")
        if package["root"] != kit:
            refuse("unit-is-part", oid=part, root=package["root"])
    if draft.read(f"allocations/{kit}") is not None:
        allocation = draft.in_study(f"allocations/{kit}")
    found = [each for each in (package, allocation) if each is not None]
    if not found:
        refuse("unit-unknown", oid=kit)
    subjects = [each["subject"] for each in found if "subject" in each]
    if named is not None and any(each != named for each in subjects):
        refuse("unit-of-other-subject", kit=kit)
    subject: str | None = named or (subjects[0] if subjects else None)
    sites = [] if package is None or subjects else [package["holder"]]
    if subject is not None:
        sites.append(draft.in_study(f"subjects/{subject}", "subject-unknown")["site"])
    if any(site != draft.caller for site in sites):
        refuse("unit-of-other-site", kit=kit, member=draft.caller)
    return subject


def _open_request(draft: Draft, kit: str) -> dict[str, Any]:
    """Give a request that waits for approvals, which the actor may decide on as a key holder (rule 2)."""
    request = draft.in_study(_key(kit), "unblinding-unknown")
    _check_key_holder(draft)
    if draft.actor == request["requester"]:
        refuse("unblinding-own-request", kit=kit)
    if request["state"] != REQUESTED:
        refuse("unblinding-state", kit=kit, state=request["state"], expected=REQUESTED)
    return request


def _check_key_holder(draft: Draft) -> None:
    if draft.actor not in draft.get(f"seals/{draft.study}", "seal-missing")["holders"]:
        refuse("not-key-holder", study=draft.study)


def _enough(draft: Draft, persons: list[str]) -> bool:
    """Tell whether as many have acted as the seal asks for, of the holders that it names now."""
    seal = draft.get(f"seals/{draft.study}")
    return sum(each in seal["holders"] for each in persons) >= int(seal["threshold"])


def _opened(draft: Draft, kit: str, states: tuple[str, ...] = IS_OPEN) -> dict[str, Any]:
    """Give a request for a unit that the ledger says is opened."""
    request = draft.in_study(_key(kit), "unblinding-unknown")
    if request["state"] not in states:
        refuse("unblinding-state", kit=kit, state=request["state"], expected=", ".join(states))
    return request


def _approve(draft: Draft, arguments: dict[str, Any]) -> None:
    """Approve a request; with the last approval needed the unit is opened (rule 2)."""
    kit = arguments["kit"]
    request = _open_request(draft, kit)
    if draft.actor in request["approvals"]:
        refuse("unblinding-approved-already", kit=kit)
    approvals = [*request["approvals"], draft.actor]
    draft.event("unblinding:kit:approved", kit)
    opened = {}
    if _enough(draft, approvals):
        opened = {"state": OPENED, "opened_at": draft.at}
        draft.event("unblinding:kit:opened", kit)
    draft.put(_key(kit), request | {"approvals": approvals} | opened)


def _decline(draft: Draft, arguments: dict[str, Any]) -> None:
    """Decline a request, with a reason (rule 2)."""
    kit = arguments["kit"]
    request = _open_request(draft, kit)
    draft.put(_key(kit), request | {"state": DECLINED, "declined_for": arguments["reason"]})
    draft.event("unblinding:kit:declined", kit)


def _release(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a holder gave its share to the requester (rule 3)."""
    kit = arguments["kit"]
    request = _opened(draft, kit)
    _check_key_holder(draft)
    if any(each["holder"] == draft.actor for each in request["releases"]):
        refuse("share-released-already", kit=kit)
    releases = [*request["releases"], {"holder": draft.actor, "share": arguments["share"]}]
    enough = _enough(draft, [each["holder"] for each in releases])
    draft.put(_key(kit), request | {"releases": releases, "state": RELEASED if enough else request["state"]})
    draft.event("unblinding:key:released", kit)


def _view(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a person looked (rule 3)."""
    kit = arguments["kit"]
    request = _opened(draft, kit, (RELEASED,))
    number = request["views"] + 1
    view = {"study": draft.study, "kit": kit, "viewer": draft.actor, "member": draft.caller}
    draft.add(f"unblinding_views/{kit}/{number}", view | {"reason": arguments["reason"]})
    draft.put(_key(kit), request | {"views": number})
    draft.event("unblinding:kit:viewed", kit)


def _acknowledge(draft: Draft, arguments: dict[str, Any]) -> None:
    """Say that the member knows of an unblinding (rule 4)."""
    kit = arguments["kit"]
    _opened(draft, kit)
    key = f"unblinding_notices/{kit}/{draft.caller}"
    if draft.read(key) is not None:
        refuse("unblinding-acknowledged-already", kit=kit, member=draft.caller)
    draft.add(key, {"study": draft.study, "kit": kit, "member": draft.caller, "reader": draft.actor})
    draft.event("unblinding:kit:acknowledged", kit)


REQUEST_HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "acknowledge": _acknowledge,
        "approve": _approve,
        "decline": _decline,
        "release": _release,
        "request": _request,
        "view": _view,
    }
)
"""Signed transitions of one unit."""
