"""Ask who may read what: the node asks before it answers, the contract `grants` before it grants.

`may_read` and `may_read_object` are pure queries over a state view; the others read through a function, such as a
draft's. `at` is the Unix second for which the answer holds.

Rules:

1. A study is read by its participants, by every regulator of the consortium, and by who has a grant for the study.
2. An object is read by its owner, by who has a grant for it, and by who may read the study it belongs to.
3. The owner of an object is who accepted the authorisation over it (`custodians/<oid>`); of a sample or a package its
   holder; of a study its sponsor; of anything else the member that registered the OID.
4. A suspended member reads nothing, nor does a person without an appointment that holds. A person reads by grants of
   its own, and what its member may read while and where it is appointed (`is_delegated`).

What is sealed stays sealed: to read an object is to read what the ledger and the logs say of it, and no key comes
with it.

Source: R-072, R-208; JS4652 6e, 8.3, 8.4, 8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from trialanchor_chaincode.rules.draft import JOINED, REGULATOR
from trialanchor_chaincode.rules.state import read

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.state import StateView

Reading: TypeAlias = Callable[[str], Any]
"""Reads the decoded value under a key, None when there is none."""

READ: Final = "read"
SUBSCRIBE: Final = "subscribe"
RIGHTS: Final = ("download", READ, SUBSCRIBE, "verify")
"""What may be granted."""

ACTIVE: Final = "active"

HELD: Final = ("samples", "packages")
"""Kinds of objects that have a holder, whose custody moves in contracts of their own."""

OF_STUDY: Final = (*HELD, "results", "subjects", "lots", "products", "shipments", "sample_shipments")
"""Kinds of recorded objects that say to which study they belong."""


def owner_of(reading: Reading, oid: str) -> str:
    """Give the member that has the authorisation over an object, empty when nobody has (rule 3)."""
    custodian = reading(f"custodians/{oid}")
    if custodian is not None:
        return str(custodian["holder"])
    for kind in HELD:
        held = reading(f"{kind}/{oid}")
        if held is not None:
            return str(held["holder"])
    trial = reading(f"trials/{oid}")
    if trial is not None:
        return str(trial["sponsor"])
    entry = reading(f"oids/{oid}")
    return "" if entry is None else str(entry["owner"])


def study_of(reading: Reading, oid: str) -> str:
    """Give the study that an object belongs to, or that it is; empty when the state says none."""
    if reading(f"trials/{oid}") is not None:
        return oid
    for kind in OF_STUDY:
        found = reading(f"{kind}/{oid}")
        if found is not None:
            return str(found["study"])
    return ""


def is_granted(reading: Reading, who: str, oid: str, right: str, at: int) -> bool:
    """Tell whether a member or person has a grant for an object that holds at a time."""
    grant = reading(f"grants/{oid}/{who}")
    return grant is not None and grant["status"] == ACTIVE and at < grant["until"] and right in grant["rights"]


def takes_part(reading: Reading, member: str, study: str) -> bool:
    """Tell whether a member is a participant of a study, or a regulator."""
    taking_part = reading(f"participants/{study}/{member}")
    if taking_part is not None and taking_part["status"] == JOINED:
        return True
    registered = reading(f"members/{member}")
    return registered is not None and REGULATOR in registered["roles"]


def may_read(state: StateView, who: str, study: str, at: int) -> bool:
    """Tell whether a member, or a person of its own, may read a study (rules 1 and 4)."""
    reading: Reading = partial(read, state)
    return _may_act(reading, who, at) and _reads_study(reading, who, study, at)


def may_read_object(state: StateView, who: str, oid: str, at: int) -> bool:
    """Tell whether a member, or a person of its own, may read an object (rules 2 and 4)."""
    reading: Reading = partial(read, state)
    if not _may_act(reading, who, at):
        return False
    if owner_of(reading, oid) == who or is_granted(reading, who, oid, READ, at):
        return True
    study = study_of(reading, oid)
    return bool(study) and _reads_study(reading, who, study, at)


def is_delegated(state: StateView, actor: str, study: str, at: int) -> bool:
    """Tell whether an actor reads a study for its member: a system does; a person while and where it is appointed."""
    person = read(state, f"persons/{actor}")
    return person is None or (person["since"] <= at < person["until"] and study in person.get("studies", (study,)))


def _may_act(reading: Reading, who: str, at: int) -> bool:
    """Apply rule 4."""
    person = reading(f"persons/{who}")
    if person is not None and not person["since"] <= at < person["until"]:
        return False
    member = reading(f"members/{who if person is None else person['member']}")
    return member is not None and not member.get("suspended")


def _reads_study(reading: Reading, who: str, study: str, at: int) -> bool:
    """Apply rule 1."""
    return takes_part(reading, who, study) or is_granted(reading, who, study, READ, at)
