"""What is known of a study when its evidence is judged: its course, its sites, subjects and lots, and the evidence.

The caller fills these from the ledger and the log, and resolves links: what is about a kit has the kit's lot, and its
subject once it is dispensed; what is about a sample has the subject it was drawn from.

Source: GD44 6.2, 7.1.3; JS4652 7.12; R-047, R-050, R-120.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trialanchor_chaincode.rules.due import LOT, MOMENTS, REVIEWS, SITE, STUDY, SUBJECT
from trialanchor_chaincode.rules.trial_tables import TRAITS
from trialanchor_oid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OPEN_LABEL: Final = "open"
INVESTIGATOR_INITIATED: Final = "iit"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A registered piece of evidence of the study.

    Attributes:
        kind: Code of its kind.
        at: Unix second at which it was registered.
        occurred_at: Unix second at which what it records happened, where that is known.
        site: OID of the member at which it arose; empty where there is none, as for those that follow.
        subject: OID of the trial subject that it is about.
        lot: OID of the lot that it is about.
        review: Review of Table 2 that it records, `<stage>/<form>`.
        reviewed: Whether a review that passed names it.
    """

    kind: str
    at: int
    occurred_at: int | None = None
    site: str = ""
    subject: str = ""
    lot: str = ""
    review: str = ""
    reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A site, a subject or a lot of the study.

    Attributes:
        oid: Its OID.
        moments: Unix second of each moment that it has come to, by code (`due.MOMENTS`).
        site: OID of the site that it belongs to; that of a site is its own. None where there is none.
    """

    oid: str
    moments: Mapping[str, int]
    site: str | None = None


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the ledger says of a study.

    Attributes:
        study: OID of the study.
        at: Unix second as of which it is judged.
        phase: Code of the phase; `iit` when an investigator initiated it.
        blinding: `open`, `single` or `double`.
        moments: Unix second of each moment of the study by code; for reviews also `<stage>:started` and
            `<stage>:completed` of the stages of Table 2.
        traits: Which of `TRAITS` hold.
        sites: Members at which subjects are treated.
        subjects: Subjects that have consented.
        lots: Lots of trial drugs: batches and runs of kits.
        hours: Deadlines of the study: hours allowed by code of the kind, in place of those of the table.
    """

    study: str
    at: int
    phase: str
    blinding: str
    moments: Mapping[str, int]
    traits: frozenset[str] = frozenset()
    sites: tuple[Place, ...] = ()
    subjects: tuple[Place, ...] = ()
    lots: tuple[Place, ...] = ()
    hours: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


def _declared(trait: str) -> Callable[[StudyFacts], bool]:
    return lambda facts: trait in facts.traits


PREDICATES: Final[Mapping[str, Callable[[StudyFacts], bool]]] = MappingProxyType(
    {
        **{trait: _declared(trait) for trait in sorted(TRAITS)},
        "biosamples": lambda facts: not facts.traits.isdisjoint({"biosamples", "bioequivalence_trial"}),
        "blind_trial": lambda facts: facts.blinding != OPEN_LABEL,
        "investigator_initiated": lambda facts: facts.phase == INVESTIGATOR_INITIATED,
        "serious_adverse_event": lambda facts: any("serious_event" in each.moments for each in facts.subjects),
        "sponsor_initiated": lambda facts: facts.phase != INVESTIGATOR_INITIATED,
    }
)
"""Every condition of a kind or a due rule, as a question to the study's facts."""


def check_facts(facts: StudyFacts) -> None:
    """Refuse names that would hide items without a word.

    Raises:
        InputError: The facts name a moment or a trait that nobody knows, or a place twice.
    """
    stages = {moment for reviews in REVIEWS.values() for moment in reviews.values()}
    known = {scope: {code for of, code in MOMENTS if of == scope} for scope in (STUDY, SITE, SUBJECT, LOT)}
    groups = ((SITE, facts.sites), (SUBJECT, facts.subjects), (LOT, facts.lots))
    if not facts.moments.keys() <= known[STUDY] | stages or not facts.traits <= TRAITS:
        raise InputError("the study has a moment or a trait that is not in the table; see due.json")
    for scope, places in groups:
        if not all(place.moments.keys() <= known[scope] for place in places):
            raise InputError(f"a {scope} has a moment that is not in the table; see due.json")
        if len({place.oid for place in places}) < len(places):
            raise InputError(f"a {scope} is given twice; give each once, with all its moments")
