"""Who must know of an event, who is told because it subscribed, and whether that still holds at delivery.

The table is `data/notices.json`; its note says what the codes of recipients mean. Recipients are members: whom a
transition or an object names as a person stands for its member.

Rules:

1. Who must know is told whatever it subscribed to. The member that did it is told only where it must acknowledge.
2. A subscriber is told of the events of its study whose class, the source of the name, it subscribed to.
3. Both are asked again at delivery: a suspended member is told nothing, and a subscriber only what it may read or has a
   grant `subscribe` for. Who must know is told even when it has left the study since.

Source: GD44 7.1.2; JS4652 8.3, 8.4; R-068, R-069, R-077, R-092, R-203.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from trialanchor_chaincode.rules.access import ACTIVE, SUBSCRIBE, is_granted, may_read, owner_of
from trialanchor_chaincode.rules.draft import JOINED, REGULATOR
from trialanchor_chaincode.rules.review_organs import organ_key
from trialanchor_chaincode.rules.state import StateView, read
from trialanchor_chaincode.rules.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from trialanchor_chaincode.rules.access import Reading
    from trialanchor_chaincode.rules.state import Event

ARGUMENT: Final = "argument:"
"""Prefix of a recipient whom an argument of the transition names."""


Standing: TypeAlias = dict[tuple[str, str], tuple[str, ...]]
"""Members by study and recipient code, for codes that stand for the same ones at every event of the study."""


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """Who must know of an event.

    Attributes:
        event: Name of the event.
        to: Codes of the recipients; nobody when it is for subscribers only.
        acknowledge: Whether they must say that they know.
        clause: Where that is asked for.
    """

    event: str
    to: tuple[str, ...]
    acknowledge: bool
    clause: str


class Roster(StateView, Protocol):
    """A state view that can be listed."""

    def keys(self, prefix: str) -> Sequence[str]:
        """Give the keys with a prefix, which ends in a stroke, sorted."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """An event with the transition that made it.

    Attributes:
        event: The event.
        caller: OID of the member that acted.
        arguments: Arguments of the transition.
    """

    event: Event
    caller: str
    arguments: Mapping[str, Any]


_TABLE: Final = read_table("notices")

GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {code: tuple(roles) for code, roles in _TABLE["groups"].items()}
)
"""Roles of the participants of a study that a code stands for."""

NOTICES: Final[Mapping[str, NoticeRule]] = MappingProxyType(
    {row["event"]: NoticeRule(**{**row, "to": tuple(row["to"])}) for row in _TABLE["notices"]}
)
"""Every event by its name."""


def must_know(state: Roster, occasion: Occasion, standing: Standing | None = None) -> tuple[str, ...]:
    """Give the OIDs of the members that must know of an event, sorted (rule 1).

    Args:
        state: The state that is asked.
        occasion: The event.
        standing: What was found for other events by the same state, and takes what is found for this one.
    """
    rule = NOTICES.get(occasion.event.name)
    if rule is None:
        return ()
    found = {} if standing is None else standing
    members = {member for code in rule.to for member in _recipients(state, code, occasion, found)}
    return tuple(sorted(members if rule.acknowledge else members - {occasion.caller}))


def must_acknowledge(name: str) -> bool:
    """Tell whether who must know of an event must acknowledge it."""
    return name in NOTICES and NOTICES[name].acknowledge


def is_subscribed(state: StateView, member: str, event: Event) -> bool:
    """Tell whether a member subscribed to the class of an event (rule 2)."""
    found = read(state, f"subscriptions/{event.study}/{member}") if event.study else None
    return found is not None and found["status"] == ACTIVE and event_class(event.name) in found["classes"]


def event_class(name: str) -> str:
    """Give the class of an event."""
    return name.partition(":")[0]


def may_be_told(state: StateView, member: str, event: Event, at: int, *, must: bool) -> bool:
    """Tell whether a member may be told of an event at a time (rule 3); `must`: because it must know."""
    reading: Reading = partial(read, state)
    registered = reading(f"members/{member}")
    if registered is None or registered.get("suspended"):
        return False
    if must:
        return True
    granted = is_granted(reading, member, event.study, SUBSCRIBE, at)
    return is_subscribed(state, member, event) and (granted or may_read(state, member, event.study, at))


def _recipients(state: Roster, code: str, occasion: Occasion, standing: Standing) -> tuple[str, ...]:
    """Give the members that a recipient code stands for; the same ones for every event of a study are found once."""
    place = occasion.event.study, code
    if place in standing:
        return standing[place]
    reading: Reading = partial(read, state)
    members = (_member_of(reading, oid) for oid in _named(state, code, occasion))
    found = tuple(member for member in members if member)
    if code in GROUPS or code in _STANDING:
        standing[place] = found
    return found


def _named(state: Roster, code: str, occasion: Occasion) -> Iterator[str]:
    """Give the OIDs that a recipient code stands for."""
    if code in GROUPS:
        yield from _participants(state, occasion, GROUPS[code])
    elif code in _BY_CODE:
        yield from _BY_CODE[code](state, occasion)
    elif code.startswith(ARGUMENT):
        yield from _texts(occasion.arguments.get(code.removeprefix(ARGUMENT)))
    else:
        kind, _, field = code.partition(".")
        yield from _texts((read(state, f"{kind}/{occasion.event.subject}") or {}).get(field))


def _texts(value: Any) -> Iterator[str]:
    yield from (each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str))


def _participants(state: Roster, occasion: Occasion, roles: tuple[str, ...] = ()) -> Iterator[str]:
    """Give the participants of the event's study with one of these roles, all when none are given."""
    prefix = f"participants/{occasion.event.study}/"
    for key in state.keys(prefix) if occasion.event.study else ():
        found = read(state, key)
        if found["status"] == JOINED and (not roles or set(found["roles"]) & set(roles)):
            yield key.removeprefix(prefix)


def _everyone(state: Roster, occasion: Occasion) -> Iterator[str]:
    return _participants(state, occasion)


def _members(state: Roster, _occasion: Occasion) -> Iterator[str]:
    yield from (key.removeprefix("members/") for key in state.keys("members/"))


def _regulators(state: Roster, _occasion: Occasion) -> Iterator[str]:
    for key in state.keys("members/"):
        if REGULATOR in read(state, key)["roles"]:
            yield key.removeprefix("members/")


def _owner(state: Roster, occasion: Occasion) -> Iterator[str]:
    yield owner_of(partial(read, state), occasion.event.subject)


def _subject(_state: Roster, occasion: Occasion) -> Iterator[str]:
    yield occasion.event.subject


def _organ(state: Roster, occasion: Occasion) -> Iterator[str]:
    review = read(state, f"reviews/{occasion.event.subject}")
    organ = None if review is None else read(state, organ_key(review["study"], review["organ"]))
    yield from _texts(None if organ is None else organ["member"])


def _key_holders(state: Roster, occasion: Occasion) -> Iterator[str]:
    yield from (read(state, f"seals/{occasion.event.study}") or {}).get("holders", ())


_BY_CODE: Final[Mapping[str, Callable[[Roster, Occasion], Iterator[str]]]] = MappingProxyType(
    {
        "everyone": _everyone,
        "key_holders": _key_holders,
        "members": _members,
        "organ": _organ,
        "owner": _owner,
        "regulators": _regulators,
        "subject": _subject,
    }
)
"""Recipients that are no role and no field."""


_STANDING: Final = ("everyone", "key_holders", "members", "regulators")
"""Those of them that do not depend on the event but for its study."""


def _member_of(reading: Reading, oid: str) -> str:
    """Give the member that an OID is, or whose person it is; empty for neither and for a suspended one."""
    person = reading(f"persons/{oid}")
    member = oid if person is None else str(person["member"])
    registered = reading(f"members/{member}")
    return "" if registered is None or registered.get("suspended") else member
