"""The contract `grants`: authorise, revoke, hand over the authorisation, and subscribe to a study.

State:

- `grants/<object>/<grantee>`: `granter`, `rights`, `until` and `status` (`active` or `revoked`) of what a member or a
  person may do with an object;
- `custodians/<object>`: the `holder` of the authorisation over an object that was handed over, and to whom it is
  `offered`;
- `subscriptions/<study>/<member>`: `classes` of events that a member is told of, and `status`.

Rules:

1. Who owns an object (see `access.py`) grants rights for it until a time, and revokes them; nobody grants to itself,
   and a grantee does not pass on what it was granted. A later grant to the same grantee replaces the one before.
2. The authorisation over an object moves when its owner has offered it and the receiver has accepted: both have
   signed. From then on the receiver grants, revokes and hands over, and the giver does not. Grants that were given
   stay, until the receiver revokes them. The authorisation over drugs and samples moves with their custody, and over
   a study not at all.
3. A participant, a regulator or who was granted `subscribe` for the study subscribes to classes of its events, which
   are the sources of event names. What is delivered is asked again at every delivery.

Grants, changes and their ends are objects with versions: the history of every right stands on the ledger (R-011).

Source: JS4652 7.12, 8.3, 8.4, 8.5; R-011, R-072, R-199, R-206 to R-208, X-35, X-37.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.access import ACTIVE, RIGHTS, SUBSCRIBE, is_granted, owner_of, study_of, takes_part
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.state import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

REVOKED: Final = "revoked"
ENDED: Final = "ended"

EVENT_CLASSES: Final = ("consent", "grant", "ip", "random", "record", "review", "sample", "trial", "unblinding")
"""Classes of events of a study: the sources of their names."""

TRANSFERABLE: Final = ("dataset", "device", "document", "drug", "other", "system")
"""Types of registered objects over which the authorisation is handed over here."""


def _grant(draft: Draft, arguments: dict[str, Any]) -> None:
    """Grant rights for an object (rule 1)."""
    oid, grantee, rights = arguments["object"], arguments["grantee"], arguments["rights"]
    _check_owner(draft, oid)
    if not rights or any(each not in RIGHTS for each in rights):
        refuse("grant-rights", rights=", ".join(RIGHTS))
    if grantee == draft.caller:
        refuse("grant-to-self", member=grantee)
    if draft.read(f"persons/{grantee}") is None and draft.read(f"members/{grantee}") is None:
        refuse("grantee-unknown", oid=grantee)
    if arguments["until"] <= draft.at:
        refuse("grant-empty", oid=oid)
    given = {"object": oid, "grantee": grantee, "granter": draft.caller, "rights": rights, "until": arguments["until"]}
    draft.put(_key(arguments), given | {"status": ACTIVE})
    _event(draft, "grant:object:granted", oid)


def _revoke(draft: Draft, arguments: dict[str, Any]) -> None:
    """Revoke a grant, whoever gave it (rule 1)."""
    oid = arguments["object"]
    _check_owner(draft, oid)
    grant = draft.read(_key(arguments))
    if grant is None:
        refuse("grant-unknown", oid=oid, grantee=arguments["grantee"])
    if grant["status"] != ACTIVE or grant["until"] <= draft.at:
        refuse("grant-over", oid=oid, grantee=arguments["grantee"])
    revoked = {"status": REVOKED, "revoker": draft.caller, "reason": arguments["reason"]}
    draft.put(_key(arguments), grant | revoked)
    _event(draft, "grant:object:revoked", oid)


def _key(arguments: dict[str, Any]) -> str:
    return f"grants/{arguments['object']}/{arguments['grantee']}"


def _check_owner(draft: Draft, oid: str) -> None:
    _enter(draft, oid)
    owner = owner_of(draft.read, oid)
    if not owner:
        refuse("oid-not-registered", oid=oid)
    if owner != draft.caller:
        refuse("grant-not-owner", oid=oid, member=draft.caller)


def _enter(draft: Draft, oid: str) -> None:
    """Make the transition one of the study that an object belongs to."""
    draft.study = study_of(draft.read, oid) or draft.caller


def _event(draft: Draft, name: str, oid: str) -> None:
    """Say what happened to an object, in the study that it belongs to."""
    draft.events.append(Event(name, oid, study_of(draft.read, oid)))


def _offer_transfer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Offer the authorisation over an object to a member (rule 2)."""
    oid, receiver = arguments["object"], arguments["receiver"]
    draft.registered(oid, TRANSFERABLE)
    _check_owner(draft, oid)
    if receiver == draft.caller:
        refuse("transfer-to-self", member=receiver)
    draft.member(receiver)
    custodian = draft.read(f"custodians/{oid}")
    if custodian is not None and "offered" in custodian:
        refuse("transfer-offered", oid=oid)
    draft.put(f"custodians/{oid}", {"object": oid, "holder": draft.caller, "offered": receiver})
    _event(draft, "grant:transfer:offered", oid)


def _withdraw_transfer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Withdraw an offer that was not accepted (rule 2)."""
    oid = arguments["object"]
    _check_owner(draft, oid)
    _offer_of(draft, oid)
    draft.put(f"custodians/{oid}", {"object": oid, "holder": draft.caller})
    _event(draft, "grant:transfer:withdrawn", oid)


def _accept_transfer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Accept the authorisation over an object (rule 2)."""
    oid = arguments["object"]
    _enter(draft, oid)
    if _offer_of(draft, oid)["offered"] != draft.caller:
        refuse("transfer-to-other", oid=oid, member=draft.caller)
    draft.put(f"custodians/{oid}", {"object": oid, "holder": draft.caller})
    _event(draft, "grant:transfer:accepted", oid)


def _offer_of(draft: Draft, oid: str) -> dict[str, Any]:
    custodian: dict[str, Any] | None = draft.read(f"custodians/{oid}")
    if custodian is None or "offered" not in custodian:
        refuse("transfer-not-offered", oid=oid)
    return custodian


def _subscribe(draft: Draft, arguments: dict[str, Any]) -> None:
    """Subscribe to classes of events of a study, or change them (rule 3)."""
    study, classes = arguments["study"], arguments["classes"]
    _enter(draft, study)
    draft.get(f"trials/{study}", "study-unknown")
    granted = is_granted(draft.read, draft.caller, study, SUBSCRIBE, draft.at)
    if not granted and not takes_part(draft.read, draft.caller, study):
        refuse("subscription-not-granted", study=study, member=draft.caller)
    if not classes or any(each not in EVENT_CLASSES for each in classes):
        refuse("event-classes", classes=", ".join(EVENT_CLASSES))
    subscription = {"study": study, "member": draft.caller, "classes": classes, "status": ACTIVE}
    draft.put(f"subscriptions/{study}/{draft.caller}", subscription)
    _event(draft, "grant:study:subscribed", study)


def _unsubscribe(draft: Draft, arguments: dict[str, Any]) -> None:
    """End a subscription (rule 3)."""
    _enter(draft, arguments["study"])
    key = f"subscriptions/{arguments['study']}/{draft.caller}"
    subscription = draft.read(key)
    if subscription is None or subscription["status"] != ACTIVE:
        refuse("subscription-none", study=arguments["study"], member=draft.caller)
    draft.put(key, subscription | {"status": ENDED})
    _event(draft, "grant:study:unsubscribed", arguments["study"])


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "accept_transfer": _accept_transfer,
        "grant": _grant,
        "offer_transfer": _offer_transfer,
        "revoke": _revoke,
        "subscribe": _subscribe,
        "unsubscribe": _unsubscribe,
        "withdraw_transfer": _withdraw_transfer,
    }
)
"""Signed transitions of the contract `grants`."""
