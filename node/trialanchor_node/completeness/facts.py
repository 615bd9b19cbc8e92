"""What the ledger says of a study: its course, and the moments of its sites, subjects and lots.

1. A moment is the time that an object of the state says, or that of the block in which the event happened, whichever is
   earlier: what was recorded late counts from when it happened.
2. An activity begins with the first participant that begins it. It is completed when the sponsor has completed it, as
   for what comes after it; where the sponsor takes no part in it, when all that began it have.
3. A stage of Table 2 begins and ends with the activity whose reviews it has, such as `study_report_summary` with the
   analysis and report; `follow_up`, which no activity has, with its research step.
4. What no transition records is known from evidence of it in this node's log: a serious adverse event, a death, an
   abnormal value, a verification, an issue. It counts from the source's own time where that is known.
5. The traits of a study are those it was registered with; that biological samples are taken is known once one is.

Source: GD44 6.2, 7.1.3, 8.1; JS4652 7.12; R-050, R-109 to R-120, R-135; X-24.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, or_, select

from trialanchor_chaincode.rules.due import LOT, MOMENTS, REVIEWS, SITE, STUDY, SUBJECT
from trialanchor_chaincode.rules.study_facts import Place, StudyFacts
from trialanchor_chaincode.rules.trial_tables import ACTIVITIES, STEPS
from trialanchor_node.anchoring.models import ledger_blocks, ledger_state
from trialanchor_node.completeness.evidence import ROWS, source_second
from trialanchor_node.completeness.objects import StudyObjects, note_first
from trialanchor_node.log.models import entries
from trialanchor_node.transactions.models import events, history, links, transactions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "ip:kit:administered": (LOT, "dosed"),
    "ip:kit:dispensed": (LOT, "dispensed"),
    "ip:lot:labelled": (LOT, "packed"),
    "ip:lot:made": (LOT, "made"),
    "ip:lot:packed": (LOT, "packed"),
    "ip:lot:stored": (LOT, "stored"),
    "ip:package:destroyed": (LOT, "destroyed"),
    "ip:package:recovered": (LOT, "recovered"),
    "record:object:corrected": (STUDY, "correction"),
    "review:case:rectify": (STUDY, "issue_found"),
    "sample:result:retest-approved": (STUDY, "retested"),
    "sample:sample:in-assay": (SUBJECT, "samples_assayed"),
    "sample:sample:returned": (SUBJECT, "samples_returned"),
    "trial:participant:joined": (SITE, "joined"),
    "trial:study:closed": (STUDY, "closed"),
    "trial:study:registered": (STUDY, "registered"),
    "unblinding:kit:opened": (SUBJECT, "unblinded"),
}
"""Scope and moment of each event that is one."""

_SHOWN: Final[Mapping[str, tuple[str, str]]] = {
    "gd44.c3.serious_adverse_event_report": (SUBJECT, "serious_event"),
    "gd44.c5.audit_report": (STUDY, "audited"),
    "gd44.c5.inspection_report": (STUDY, "inspected"),
    "gd44.c5.verification_report": (STUDY, "verified"),
    "js4652.7_4_3.abnormal_value_handling_digest": (SUBJECT, "abnormal_value"),
    "js4652.7_5_3.abnormal_value_reminder": (SUBJECT, "abnormal_value"),
    "js4652.7_5_3.death_report_digest": (SUBJECT, "died"),
    "js4652.7_5_3.emergency_unblinding": (SUBJECT, "unblinded"),
    "js4652.7_5_3.sae_process_digest": (SUBJECT, "serious_event"),
    "js4652.7_9_3.audit_report_digest": (STUDY, "audited"),
    "js4652.7_10_3.inspection_report_digest": (STUDY, "inspected"),
    "js4652.7_11_3.issue_feedback": (STUDY, "issue_found"),
    "js4652.7_12_3.correction": (STUDY, "correction"),
    "js4652.7_12_3.late_entry": (STUDY, "late_entry"),
}
"""Scope and moment that evidence of a kind shows (rule 4)."""

_KNOWN: Final = {code for scope, code in MOMENTS if scope == STUDY} | {
    moment for reviews in REVIEWS.values() for moment in reviews.values()
}
"""Moments of a study that make something due."""


def read_objects(connection: Connection, study: str) -> StudyObjects:
    """Read the objects of a study from the state."""
    query = (
        select(ledger_state.c.key, ledger_state.c.value)
        .join(links, links.c.key == ledger_state.c.key)
        .where(links.c.target == study, links.c.relation == "study")
    )
    rows = connection.execute(query.execution_options(yield_per=ROWS))
    return StudyObjects().read((key, value) for key, value in rows)


def read_facts(
    connection: Connection, trial: Mapping[str, Any], study: str, objects: StudyObjects, at: int
) -> StudyFacts:
    """Read what is known of a study at Unix second `at`.

    Args:
        connection: The database, as of one moment.
        trial: Object of the study in the state.
        study: Its OID.
        objects: Its objects; they take further moments.
        at: When it is judged.
    """
    _note_events(connection, study, objects)
    _note_shown(connection, study, objects)
    _note_course(connection, study, objects, trial["sponsor"])
    moments = objects.moments
    note_first(moments, "late_entry", _first_late(connection, study))
    for name in ("late_entry", "correction"):
        note_first(moments, "amended", moments.get(name))
    if trial["sponsor"] in objects.sites:  # who initiated the study joined it with the registration
        note_first(objects.sites[trial["sponsor"]], "joined", moments.get("registered"))
    sampled = any("sampled" in each for each in objects.subjects.values())
    return StudyFacts(
        study=study,
        at=at,
        phase=trial.get("phase", ""),
        blinding=trial["blinding"],
        moments={code: second for code, second in moments.items() if code in _KNOWN},
        traits=frozenset(trial.get("traits", ())) | ({"biosamples"} if sampled else set()),
        sites=tuple(Place(oid, each) for oid, each in objects.sites.items()),
        subjects=tuple(Place(oid, objects.subjects[oid], site) for oid, site in objects.site_of.items()),
        lots=tuple(Place(oid, objects.lots[oid]) for oid in objects.kind_of),
    )


def _note_events(connection: Connection, study: str, objects: StudyObjects) -> None:
    """Note the moments that are events (rule 1)."""
    query = (
        select(events.c.name, events.c.subject, func.min(events.c.at))
        .where(events.c.study == study, events.c.name.in_(_EVENTS))
        .group_by(events.c.name, events.c.subject)
    )
    for name, subject, at in connection.execute(query):
        _note(objects, _EVENTS[name], subject, at)


def _note_shown(connection: Connection, study: str, objects: StudyObjects) -> None:
    """Note the moments that evidence shows (rule 4)."""
    query = select(entries.c.kind, entries.c.subject, entries.c.received_at, entries.c.statement).where(
        entries.c.study == study, entries.c.kind.in_(_SHOWN), entries.c.version.is_not(None)
    )
    for kind, subject, at, statement in connection.execute(query):
        happened = source_second(statement)
        _note(objects, _SHOWN[kind], subject, at if happened is None else min(at, happened))


def _note(objects: StudyObjects, moment: tuple[str, str], oid: str, at: int) -> None:
    """Note a moment of the study, or of the sites, subjects or lots that an OID is about."""
    scope, code = moment
    if scope == STUDY:
        note_first(objects.moments, code, at)
        return
    about = objects.about(oid)
    if scope == SITE:
        if about.site == oid:
            note_first(objects.sites[oid], code, at)
        return
    places, moments = (about.lots, objects.lots) if scope == LOT else (about.subjects, objects.subjects)
    for place in places:
        note_first(moments[place], code, at)


def _first_late(connection: Connection, study: str) -> int | None:
    """Give when something was first recorded late: a transition with the argument `late`."""
    query = (
        select(func.min(transactions.c.at))
        .join(ledger_blocks, ledger_blocks.c.number == transactions.c.block)
        .where(transactions.c.study == study, ledger_blocks.c.transaction.contains('"late":"', autoescape=True))
    )
    found: int | None = connection.scalar(query)
    return found


def _note_course(connection: Connection, study: str, objects: StudyObjects, sponsor: str) -> None:
    """Note when activities and stages began and were completed (rules 2 and 3)."""
    query = (
        select(history.c.key, history.c.value, transactions.c.at)
        .join(links, links.c.key == history.c.key)
        .join(transactions, transactions.c.block == history.c.block)
        .where(
            links.c.target == study,
            links.c.relation == "study",
            or_(links.c.key.startswith("activities/"), links.c.key.startswith("steps/")),
        )
    )
    activities: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    steps: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for key, text, at in connection.execute(query):
        value = json.loads(text)
        if key.startswith("steps/"):
            done = {"in_progress": "started", "completed": "completed"}.get(value["status"])
            if done is not None:
                note_first(steps[value["step"]], done, at)
            continue
        performed = activities[value["activity"]][value["performer"]]
        note_first(performed, "started", value["begun_at"])
        note_first(performed, "completed", value.get("completed_at"))
    courses = {code: _course(members, sponsor) for code, members in activities.items()}
    for code, course in courses.items():
        _note_ends(objects.moments, code, course)
    for stage in _STAGES:
        source = courses.get(_ACTIVITY_OF[stage], {}) if stage in _ACTIVITY_OF else steps[_STEP_OF[stage]]
        _note_ends(objects.moments, stage, source)


def _course(members: Mapping[str, Mapping[str, int]], sponsor: str) -> dict[str, int]:
    """Give when an activity began and was completed in the study (rule 2)."""
    course = {"started": min(each["started"] for each in members.values())}
    ended = [each.get("completed") for each in ([members[sponsor]] if sponsor in members else members.values())]
    if None not in ended:
        course["completed"] = max(end for end in ended if end is not None)
    return course


def _note_ends(moments: dict[str, int], code: str, course: Mapping[str, int]) -> None:
    for end, at in course.items():
        note_first(moments, f"{code}:{end}", at)


_ACTIVITY_OF: Final = {stage: activity.code for activity in ACTIVITIES.values() for stage in activity.stages}
"""Activity whose completion needs the reviews of a stage."""

_STEP_OF: Final = {stage: step.code for step in STEPS.values() for stage in step.stages}
"""Research step whose completion needs the reviews of a stage."""

_STAGES: Final = sorted(_STEP_OF)
"""Stages of Table 2."""
