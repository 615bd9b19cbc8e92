"""Which evidence of a study is there, and which is missing, late or unreviewed.

An item is what must be there: a kind of evidence for the study, or for one of its sites, subjects, lots or reviews
(`due.json`). Evidence is read once, in any order; what is kept is a few numbers for each item.

Rules:

1. A kind counts when its condition holds for the study, and that of its due rule.
2. An item is there for each one of the scope. When what makes it due may never happen, it is there from when it has.
3. It is due at the moment of its rule and the time allowed after it; the study's own deadlines replace that time.
4. Without evidence it is not yet due, then missing; what is only asked for as should (宜) is recommended instead.
5. With evidence it is unreviewed when it must be reviewed and no review that passed names the newest; otherwise late
   when no evidence came in time; otherwise present. So more evidence never makes a present item missing.
6. Evidence of one kind serves the items of all kinds that name the same document or record.
7. Evidence that belongs to no item is counted as outside.

Not done here: whether evidence is authentic, whether it came from who may provide it, and what the record says.

Source: GD44 Annex C, 8.1 Table 2; JS4652 7.x.3; BE 7.2; R-050, R-052, R-058, R-133 to R-136; X-12, X-14, X-43, X-48.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.due import DUE, LOT, MOMENTS, REVIEW, REVIEWS, SITE, STUDY, SUBJECT, organ_of
from trialanchor_chaincode.rules.kinds import Requirement
from trialanchor_chaincode.rules.signed import LATE_S
from trialanchor_chaincode.rules.study_facts import PREDICATES, Place, check_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from trialanchor_chaincode.rules.due import DueRule
    from trialanchor_chaincode.rules.kinds import EvidenceKind
    from trialanchor_chaincode.rules.study_facts import Evidence, StudyFacts

HOUR_S: Final = 3_600


class State(StrEnum):
    """How an item stands, the best first."""

    PRESENT = "present"
    LATE = "late"
    UNREVIEWED = "unreviewed"
    MISSING = "missing"
    RECOMMENDED = "recommended"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True)
class Item:
    """Evidence that must or should be there.

    Attributes:
        kind: Code of the kind; the catalogue has its names.
        table: Table of the catalogue.
        requirement: `R`, `O` or `Cn`.
        scope: `study`, `site`, `subject`, `lot` or `review`.
        place: OID of the one in that scope; of a review its `<stage>/<form>`.
        site: OID of the site, None where there is none.
        state: How it stands.
        due_at: Unix second until which it is in time, or from which it is missing when no time is set; None when it is
            not known yet.
        first_at: Unix second of the first evidence, None without any.
        count: Pieces of evidence.
        late_entries: Of these, recorded more than a day after what they record.
    """

    kind: str
    table: str
    requirement: str
    scope: str
    place: str
    site: str | None
    state: State
    due_at: int | None
    first_at: int | None
    count: int
    late_entries: int


@dataclass(frozen=True, slots=True)
class Total:
    """How many items of a table stand in a state at a site; site None for those of no site."""

    table: str
    site: str | None
    state: State
    items: int


@dataclass(frozen=True, slots=True)
class Completeness:
    """The evidence of a study against the catalogue.

    Attributes:
        study: OID of the study.
        at: Unix second as of which it is judged.
        items: Every item, in the order of the catalogue, then by site and OID.
        totals: Their numbers, by table, site and state.
        outside: Pieces of evidence that belong to no item.
    """

    study: str
    at: int
    items: tuple[Item, ...]
    totals: tuple[Total, ...]
    outside: int

    @property
    def wanting(self) -> tuple[Item, ...]:
        """The items that must be mended: missing, or there and not reviewed."""
        return tuple(item for item in self.items if item.state in {State.MISSING, State.UNREVIEWED})


class _Slot:
    """What is kept of the evidence for one item."""

    __slots__ = ("count", "due_at", "first_at", "late_entries", "limit", "newest_at", "reviewed", "timely")

    def __init__(self, due_at: int | None, limit: int | None) -> None:
        self.due_at = due_at
        self.limit = limit
        self.count = 0
        self.first_at = self.newest_at = 0
        self.late_entries = 0
        self.reviewed = self.timely = False

    def add(self, evidence: Evidence) -> None:
        """Take a piece of evidence, in whatever order."""
        at = evidence.at
        if not self.count or at < self.first_at:
            self.first_at = at
        if not self.count or at > self.newest_at:
            self.newest_at, self.reviewed = at, evidence.reviewed
        elif at == self.newest_at:
            self.reviewed = self.reviewed or evidence.reviewed
        self.count += 1
        if self.limit is None or at <= self.limit:
            self.timely = True
        if evidence.occurred_at is not None and at - evidence.occurred_at > LATE_S:
            self.late_entries += 1


@dataclass(frozen=True, slots=True)
class _Line:
    """A kind that counts, with its places and what is kept for each."""

    kind: EvidenceKind
    rule: DueRule
    places: tuple[Place, ...]
    slots: dict[str, _Slot]


_PLACE_OF: Final[Mapping[str, Callable[[Evidence], str]]] = MappingProxyType(
    {scope: attrgetter(scope) for scope in (SITE, SUBJECT, LOT, REVIEW)}
)


def completeness(
    catalogue: Mapping[str, EvidenceKind], evidence: Iterable[Evidence], facts: StudyFacts
) -> Completeness:
    """Judge the evidence of a study.

    Args:
        catalogue: Kinds to judge by, such as `kinds.KINDS`.
        evidence: Evidence of the study registered up to `facts.at`; read once.
        facts: What the ledger says of the study.

    Raises:
        InputError: The facts name a moment or a trait that nobody knows, or a place twice.
    """
    check_facts(facts)
    lines = _lines(catalogue, facts)
    outside = _collect(lines, evidence, facts.study)
    items = tuple(item for line in lines for item in _items(line, facts.at))
    return Completeness(facts.study, facts.at, items, _totals(items), outside)


def _lines(catalogue: Mapping[str, EvidenceKind], facts: StudyFacts) -> list[_Line]:
    """Give the kinds that count for the study (rule 1), each with its items (rule 2)."""
    scopes = {
        STUDY: (Place(facts.study, facts.moments),),
        SITE: tuple(Place(each.oid, each.moments, each.oid) for each in _ordered(facts.sites)),
        SUBJECT: _ordered(facts.subjects),
        LOT: _ordered(facts.lots),
    }
    found = []
    for kind in catalogue.values():
        rule = DUE[kind.code]
        if not all(PREDICATES[name](facts) for name in (kind.condition, rule.when) if name is not None):
            continue
        places = _reviews(kind.code, facts) if rule.scope == REVIEW else scopes[rule.scope]
        if not MOMENTS[rule.scope, rule.due].awaited:
            places = tuple(place for place in places if rule.due in place.moments)
        slots = {place.oid: _slot(rule, place, facts) for place in places}
        found.append(_Line(kind, rule, places, slots))
    return found


def _ordered(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(places, key=lambda place: (place.site or "", place.oid)))


def _reviews(kind: str, facts: StudyFacts) -> tuple[Place, ...]:
    """Give the reviews of an organ, each with the moment at which it is due."""
    return tuple(
        Place(name, {REVIEW: facts.moments[moment]} if moment in facts.moments else {})
        for name, moment in REVIEWS[organ_of(kind)].items()
    )


def _slot(rule: DueRule, place: Place, facts: StudyFacts) -> _Slot:
    """Make the item of a place, with the time at which it is due (rule 3)."""
    moment, hours = place.moments.get(rule.due), facts.hours.get(rule.kind, rule.hours)
    if moment is None or hours is None:
        return _Slot(moment, None)
    return _Slot(moment + hours * HOUR_S, moment + hours * HOUR_S)


def _collect(lines: list[_Line], evidence: Iterable[Evidence], study: str) -> int:
    """Add all evidence to the items that it serves (rule 6), and count what serves none (rule 7)."""
    feeds: dict[str, list[tuple[Callable[[Evidence], str], dict[str, _Slot]]]] = {}
    for line in lines:
        place_of = _PLACE_OF.get(line.rule.scope, lambda _: study)
        for code in (line.rule.kind, *line.rule.served_by):
            feeds.setdefault(code, []).append((place_of, line.slots))
    outside = 0
    for each in evidence:
        taken = False
        for place_of, slots in feeds.get(each.kind, ()):
            slot = slots.get(place_of(each))
            if slot is not None:
                slot.add(each)
                taken = True
        outside += not taken
    return outside


def _items(line: _Line, now: int) -> Iterator[Item]:
    """Give the items of a kind as they stand."""
    kind, scope = line.kind, line.rule.scope
    for place in line.places:
        slot = line.slots[place.oid]
        yield Item(
            kind=kind.code,
            table=kind.table,
            requirement=kind.requirement.value,
            scope=scope,
            place=place.oid,
            site=place.site,
            state=_state(line, slot, now),
            due_at=slot.due_at,
            first_at=slot.first_at if slot.count else None,
            count=slot.count,
            late_entries=slot.late_entries,
        )


def _state(line: _Line, slot: _Slot, now: int) -> State:
    """Judge an item (rules 4 and 5)."""
    if not slot.count:
        if slot.due_at is None or slot.due_at > now:
            return State.NOT_DUE
        return State.RECOMMENDED if line.kind.requirement is Requirement.OPTIONAL else State.MISSING
    if line.rule.review and not slot.reviewed:
        return State.UNREVIEWED
    return State.PRESENT if slot.timely else State.LATE


def _totals(items: Iterable[Item]) -> tuple[Total, ...]:
    """Count the items by table, site and state: tables as they come, sites and states in order."""
    counted = Counter((item.table, item.site, item.state) for item in items)
    tables: dict[str, int] = {}
    for table, _, _ in counted:
        tables.setdefault(table, len(tables))
    states = list(State)

    def order(key: tuple[str, str | None, State]) -> tuple[Any, ...]:
        return tables[key[0]], key[1] or "", states.index(key[2])

    return tuple(Total(*key, counted[key]) for key in sorted(counted, key=order))
