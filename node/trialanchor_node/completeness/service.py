"""Judge the evidence of a study, from one state of the database, and answer with what is wanting."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from trialanchor.errors import InputError
from trialanchor_chaincode.rules.completeness import State, completeness
from trialanchor_chaincode.rules.kinds import KINDS, Requirement
from trialanchor_chaincode.rules.trial_tables import TRAITS
from trialanchor_node.completeness.evidence import read_evidence
from trialanchor_node.completeness.facts import read_facts, read_objects
from trialanchor_node.db import reading
from trialanchor_node.log.reader import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine

    from trialanchor.clock import Clock
    from trialanchor_chaincode.rules.completeness import Completeness, Item
    from trialanchor_chaincode.rules.study_facts import StudyFacts
    from trialanchor_node.anchoring.ports import Ledger

WANTING: Final = (State.MISSING, State.LATE, State.UNREVIEWED)
"""States in which an item that is required keeps a study from being complete."""

MAX_HOURS: Final = 1_000_000
ITEMS: Final = 10_000
"""Items on a page at most."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of the completeness of a study.

    Attributes:
        states: States of the items that are wanted.
        site: OID of the site whose items are wanted, None for all.
        traits: What is declared of the study beside what it was registered with, see `trial_tables.TRAITS`.
        hours: Hours allowed by kind, in place of those of the catalogue.
        after: `<kind>/<place>` of the last item known; None for the first ones.
        limit: Items on the page.
    """

    states: frozenset[State] = frozenset(WANTING)
    site: str | None = None
    traits: frozenset[str] = frozenset()
    hours: Mapping[str, int] = field(default_factory=dict)
    after: str | None = None
    limit: int = 1_000


def read_states(text: str) -> frozenset[State]:
    """Read states with commas between; `all` stands for all of them.

    Raises:
        InputError: One is none.
    """
    names = {each.value for each in State}
    given = names if text == "all" else set(text.split(","))
    if not given <= names:
        raise InputError(f"state is all, or some of {', '.join(State)} with commas between")
    return frozenset(State(name) for name in given)


def read_hours(text: str) -> dict[str, int]:
    """Read deadlines with commas between, each `<kind>:<hours>`.

    Raises:
        InputError: One is of no known kind or no whole number.
    """
    found = {}
    for each in filter(None, text.split(",")):
        kind, _, hours = each.partition(":")
        if kind not in KINDS or not hours.isdecimal() or not hours.isascii() or int(hours[:9]) > MAX_HOURS:
            raise InputError("a deadline is <kind>:<hours>, such as gd44.c3.serious_adverse_event_report:24")
        found[kind] = int(hours)
    return found


def read_traits(text: str) -> frozenset[str]:
    """Read what is declared of a study, with commas between.

    Raises:
        InputError: There is no such trait.
    """
    given = frozenset(filter(None, text.split(",")))
    if not given <= TRAITS:
        raise InputError(f"trait is one of {', '.join(sorted(TRAITS))}")
    return given


class CompletenessService:
    """Judges studies; safe to use beside the writer. Who may read them is checked by who calls."""

    def __init__(self, engine: Engine, ledger: Ledger, clock: Clock) -> None:
        self._engine = engine
        self._ledger = ledger
        self._clock = clock

    def judge(self, study: str, asked: Asked) -> tuple[Completeness, StudyFacts]:
        """Judge the evidence of a study now; give what is known of it, too.

        Raises:
            NotFoundError: The ledger has no such study.
            StoreError, LedgerError: Database or ledger did not answer.
        """
        trial = json.loads(self._ledger.read(f"trials/{study}") or "null")
        if trial is None:
            raise NotFoundError("the ledger has no study of this OID")
        now = int(self._clock.now().timestamp())
        with reading(self._engine) as connection, _snapshot(connection):
            objects = read_objects(connection, study)
            facts = read_facts(connection, trial, study, objects, now)
            facts = replace(facts, traits=facts.traits | asked.traits, hours=asked.hours)
            return completeness(KINDS, read_evidence(connection, study, objects), facts), facts

    def answer(self, study: str, asked: Asked) -> dict[str, Any]:
        """Give the page of items that is asked for, with the totals, as JSON.

        Raises:
            InputError: `after` names no item.
            NotFoundError, StoreError, LedgerError: As `judge`.
        """
        judged, facts = self.judge(study, asked)
        items = [item for item in judged.items if asked.site in {None, item.site}]
        page, following = _page(items, asked)
        return {
            "study": study,
            "at": judged.at,
            "traits": sorted(facts.traits),
            "complete": not any(_keeps_open(item) for item in items),
            "totals": [asdict(total) for total in judged.totals if asked.site in {None, total.site}],
            "outside": judged.outside,
            "items": [_item(item) for item in page],
            "next": following,
        }


@contextlib.contextmanager
def _snapshot(connection: Connection) -> Iterator[None]:
    """Have all queries of a connection see one state of the database."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execution_options(isolation_level="REPEATABLE READ")
    yield


def _keeps_open(item: Item) -> bool:
    """Tell whether an item keeps the study from being complete: what is only asked for as should does not."""
    return item.state in WANTING and item.requirement != Requirement.OPTIONAL


def _name(item: Item) -> str:
    return f"{item.kind}/{item.place}"


def _page(items: Sequence[Item], asked: Asked) -> tuple[list[Item], str | None]:
    """Give the wanted items after the last one known, and the name by which to go on, None at the end."""
    start = 0
    if asked.after is not None:
        start = next((place for place, item in enumerate(items, 1) if _name(item) == asked.after), 0)
        if not start:
            raise InputError("after is the next of the page before, unchanged")
    wanted = [item for item in items[start:] if item.state in asked.states]
    page = wanted[: asked.limit]
    return page, (_name(page[-1]) if len(wanted) > len(page) else None)


def _item(item: Item) -> dict[str, Any]:
    kind = KINDS[item.kind]
    return {**asdict(item), "en": kind.en, "zh": kind.zh, "clause": kind.clause}
