"""Walk from an object along the table of relations: towards its origin, towards its use, or both.

Procedure, level by level:

1. Of each object the table says which relations lead the way it was reached. What it names itself is known by its
   versions; what names it is asked for, all branches of a level at once.
2. The versions of everything that was found are read at once.
3. Each relation becomes an edge with the version that made it: the first one that says so, or that of the object it
   names when this came later. What only an earlier version names keeps its edge, which is not current then.
4. What was found is walked on from in the same way; records about an object, and what was in force when something
   happened, are only followed to what they rest on.

Nothing leaves the study. A branch ends at `limits.branch`, all of it at `limits.nodes`; what was left out is said, with
the key after which to go on. A kit names its run and the run names all of its batches, so no walk tells which of them a
kit was filled from: nothing in the state does.

Source: R-097, R-099; GD44 7.3.2; BE 2.5.2; JS4652 8.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from trialanchor.trace_table import (
    ABOUT,
    ANY_KIND,
    ASIDE,
    IN_FORCE,
    LINKS,
    MEASURES,
    ORIGIN,
    RELATIONS,
    USE,
    Relation,
)
from trialanchor_node.trace.found import MAX_COUNT, Edge, Limits, Node, Trace, Truncated, oid_of
from trialanchor_node.trace.moments import in_force, measures
from trialanchor_node.trace.ports import Branch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from trialanchor_node.trace.ports import Graph, Version

_OPPOSITE: Final = {ORIGIN: USE, USE: ORIGIN}


@dataclass(frozen=True, slots=True)
class _Open:
    """An object to be walked on from, and the way it was reached."""

    node: Node
    way: str
    start: bool = False


@dataclass(frozen=True, slots=True)
class _Step:
    """A relation to be followed from an object.

    Attributes:
        begin: The object.
        relation: The relation.
        branch: What names the object; None when the object names what is searched.
        found: Keys at the other end.
        total: How many there are, when the object names them itself.
        more: Whether there are others.
    """

    begin: _Open
    relation: Relation
    branch: Branch | None = None
    found: tuple[str, ...] = ()
    total: int = 0
    more: bool = False


class Walk:
    """One walk over the objects of a study.

    Args:
        graph: Where versions and links are read.
        study: OID of the study.
        limits: How far to go.
    """

    def __init__(self, graph: Graph, study: str, limits: Limits | None = None) -> None:
        self._graph = graph
        self._study = study
        self._limits = limits or Limits()
        self._known: dict[str, Sequence[Version]] = {}
        self._said: dict[tuple[str, str], Sequence[tuple[Version, Collection[str]]]] = {}
        self._walked: set[tuple[str, str]] = set()
        self._cut: list[tuple[_Step, int]] = []
        self.trace = Trace()

    def run(self, keys: Sequence[str], ways: Sequence[str], after: str = "") -> Trace:
        """Walk from objects.

        Args:
            keys: State keys of the objects to begin with; they are in the study.
            ways: `origin`, `use` or both.
            after: Key after which the branch of its kind goes on; nothing else is followed from the beginning then.
        """
        self._load(keys)
        opened = [_Open(self._add(key, self._known[key][-1]), way, start=True) for key in keys for way in ways]
        while opened:
            opened = self._level(opened, after)
            after = ""
        self._count_cut()
        return self.trace

    def _level(self, opened: Sequence[_Open], after: str) -> list[_Open]:
        """Follow all relations of a level; give what was found for the next one."""
        reached = {(each.node.id, each.way): each for each in reversed(opened)}
        todo = [each for name, each in reversed(reached.items()) if name not in self._walked]
        self._walked |= reached.keys()
        steps = [step for each in todo for step in _steps(each) if _wanted(step, after)]
        steps = self._fit(self._ask([replace(step, branch=_from(step.branch, after)) for step in steps]))
        moments = [] if after else [each for each in todo if _happened(each.node)]
        keys = [key for step in steps for key in step.found]
        self._load([*keys, *(key for each in moments for key in _moment_keys(each.node).values())])
        following = [found for step in steps for found in self._follow(step)]
        return following + [found for each in moments for found in self._moments(each)]

    def _ask(self, steps: Sequence[_Step]) -> list[_Step]:
        """Find what names the objects of a level (1)."""
        asked = [(place, step.branch) for place, step in enumerate(steps) if step.branch is not None]
        limit = self._limits.branch
        answers = self._graph.naming([branch for _, branch in asked], limit + 1) if asked else ()
        done = list(steps)
        for (place, _), keys in zip(asked, answers, strict=True):
            done[place] = replace(done[place], found=tuple(keys[:limit]), more=len(keys) > limit)
        return done

    def _fit(self, steps: Sequence[_Step]) -> list[_Step]:
        """Leave away what there is no room for, so that no more is read than can be shown."""
        room, fitting = self._limits.nodes - len(self.trace.nodes), []
        for step in steps:
            new = [key for key in step.found if key not in self.trace.nodes]
            dropped = set(new[room:])
            room -= len(new) - len(dropped)
            kept = tuple(key for key in step.found if key not in dropped)
            fitting.append(replace(step, found=kept, total=len(step.found), more=step.more or bool(dropped)))
        return fitting

    def _load(self, keys: Iterable[str]) -> None:
        """Read versions that are not known yet (2); what is of another study counts as not there."""
        wanted = sorted({key for key in keys if key not in self._known})
        if wanted:
            found = self._graph.versions(wanted)
            self._known |= {key: self._of_study(key, found.get(key, ())) for key in wanted}

    def _of_study(self, key: str, versions: Sequence[Version]) -> Sequence[Version]:
        if not versions:
            return ()
        return versions if self._study == versions[-1].value.get("study", oid_of(key)) else ()

    def _follow(self, step: _Step) -> Iterator[_Open]:
        """Make the edges of a relation (3), and give what to walk on from (4)."""
        shown = 0
        for key in step.found:
            versions = self._known[key]
            edge = self._edge(step, key, versions) if versions else None
            if edge is not None:
                node = self._add(key, versions[-1])
                self.trace.edges.setdefault((edge.source, edge.relation, edge.target), edge)
                shown += 1
                yield _Open(node, _way_on(step))
        if step.more:
            self._cut.append((step, shown))

    def _edge(self, step: _Step, key: str, versions: Sequence[Version]) -> Edge | None:
        """Make the edge between the object of a step and what was found; None when they do not belong together."""
        begin, relation, found = step.begin.node, step.relation, Node(key, key, versions, versions[-1])
        if relation is MEASURES:
            return _measured(begin, key, versions)
        source, target = (begin, found) if step.branch is None else (found, begin)
        saying = [version for version, named in self._saying(relation, source) if target.key in named]
        if not saying:
            return None
        made = _later(saying[0], target.versions[0])
        return Edge(source.id, relation.name, target.id, made, saying[-1] is source.saying[-1])

    def _saying(self, relation: Relation, source: Node) -> Sequence[tuple[Version, Collection[str]]]:
        """Give what each version of an object names, found out once: a shipment names a thousand packages."""
        said = self._said.get((relation.name, source.id))
        if said is None:
            said = [(version, frozenset(_keys(relation, source.key, version))) for version in source.saying]
            self._said[relation.name, source.id] = said
        return said

    def _moments(self, each: _Open) -> Iterator[_Open]:
        """Add what was in force when something happened."""
        node, value = each.node, each.node.shown.value
        keys = _moment_keys(node)
        then = in_force({name: self._known[key] for name, key in keys.items()}, value["occurred_at"])
        node.missing = [name for name in keys if name not in then]
        for name, (version, holds) in then.items():
            key = keys[name]
            target = f"{key}@{version.number}"
            if self._has_room(target):
                found = self._add(key, version, target)
                edge = Edge(node.id, name, target, version, holds=holds)
                self.trace.edges.setdefault((node.id, name, target), edge)
                yield _Open(found, ASIDE)

    def _has_room(self, name: str) -> bool:
        return name in self.trace.nodes or len(self.trace.nodes) < self._limits.nodes

    def _add(self, key: str, version: Version, name: str = "") -> Node:
        name = name or key
        return self.trace.nodes.setdefault(name, Node(name, key, self._known[key], version))

    def _count_cut(self) -> None:
        """Say which branches go on, and how many objects each has."""
        asked = [(place, step.branch) for place, (step, _) in enumerate(self._cut) if step.branch is not None]
        totals = [step.total for step, _ in self._cut]
        whole = [replace(branch, after="") for _, branch in asked]
        for (place, _), number in zip(asked, self._graph.count(whole, MAX_COUNT + 1) if whole else (), strict=True):
            totals[place] = number
        for (step, shown), total in zip(self._cut, totals, strict=True):
            last = step.found[-1] if step.found and step.branch is not None else ""
            self.trace.truncated.append(Truncated(step.begin.node.id, step.relation.name, shown, total, last))


def _steps(begin: _Open) -> Iterator[_Step]:
    """Give the relations that lead on from an object (1)."""
    for relation in RELATIONS:
        if relation.source == begin.node.kind and _leads_on(relation, begin):
            yield _Step(begin, relation, found=tuple(_named(relation, begin.node)))
        if relation.target in {begin.node.kind, ANY_KIND} and _leads_back(relation, begin):
            yield _Step(begin, relation, Branch(begin.node.oid, relation.source, relation.field))
    subject = begin.node.shown.value.get("subject")
    if subject is not None and (begin.node.kind, begin.way) == ("samples", ORIGIN):
        yield _Step(begin, MEASURES, Branch(subject, "administrations", "subject"))
    if subject is not None and (begin.node.kind, begin.way) == ("administrations", USE):
        yield _Step(begin, MEASURES, Branch(subject, "samples", "subject"))


def _leads_on(relation: Relation, begin: _Open) -> bool:
    """Tell whether a relation is followed from the object that names to what it names."""
    if begin.way == ASIDE:
        return relation.leads == ORIGIN and not relation.back
    return relation.leads in {begin.way, ASIDE} or (relation.leads == ABOUT and begin.start)


def _leads_back(relation: Relation, begin: _Open) -> bool:
    """Tell whether a relation is followed from what is named to the objects that name it."""
    if begin.way == ASIDE or not (relation.back == LINKS or (relation.back and begin.start)):
        return False
    return relation.leads == ABOUT or relation.leads == _OPPOSITE[begin.way]


def _named(relation: Relation, node: Node) -> Iterator[str]:
    """Give the keys that any version of an object names, each once."""
    seen = set()
    for version in node.saying:
        for key in _keys(relation, node.key, version):
            if key not in seen:
                seen.add(key)
                yield key


def _keys(relation: Relation, key: str, version: Version) -> Iterator[str]:
    """Give the keys that a version of an object names."""
    return filter(None, (_key(relation, key, version.value, each) for each in _values(version.value, relation.field)))


def _values(value: Mapping[str, Any], name: str) -> Sequence[Any]:
    """Give what a field names; the object itself names something when there is no field."""
    if not name:
        return ("",)
    found = value.get(name, [])
    return found if isinstance(found, list) else [found]


def _key(relation: Relation, key: str, value: Mapping[str, Any], each: Any) -> str:
    """Give the state key of what is named; empty when the object lacks a field for it."""
    try:
        made = relation.key.format_map({**value, "oid": oid_of(key), "each": each})
    except KeyError:
        return ""
    return f"{made}/{value['part']}" if relation.target == ANY_KIND and "part" in value else made


def _later(one: Version, other: Version) -> Version:
    """Give the later one of two versions: only then there was what both say."""
    return max(one, other, key=lambda version: version.block)


def _says(relation: Relation, source: str, version: Version, target: str) -> bool:
    value = version.value
    return any(_key(relation, source, value, each) == target for each in _values(value, relation.field))


def _measured(begin: Node, key: str, versions: Sequence[Version]) -> Edge | None:
    """Make the edge from a sample to a dose that it measures; the later of both records made it."""
    ends = {begin.kind: (begin.key, begin.versions), key.partition("/")[0]: (key, versions)}
    (sample, taken), (dose, given) = ends["samples"], ends["administrations"]
    if "subject" not in taken[-1].value or not measures(taken[-1].value, given[-1].value):
        return None
    return Edge(sample, MEASURES.name, dose, _later(taken[0], given[0]))


def _way_on(step: _Step) -> str:
    """Say how to walk on from what a step found (4)."""
    return ASIDE if step.relation.leads in {ASIDE, ABOUT} and not _is_object(step) else step.begin.way


def _is_object(step: _Step) -> bool:
    """Tell whether a trace that began with a record about an object has come to the object."""
    return step.relation.leads == ABOUT and step.branch is None


def _happened(node: Node) -> bool:
    """Tell whether consent and approval are asked for: of a dose, and of a sample that was taken from a subject."""
    value = node.shown.value
    return node.kind in IN_FORCE[0].sources and "subject" in value and node.id == node.key


def _moment_keys(node: Node) -> dict[str, str]:
    return {each.name: each.key.format_map(node.shown.value) for each in IN_FORCE}


def _wanted(step: _Step, after: str) -> bool:
    """Tell whether a step is followed when a branch goes on after a key."""
    return not after or (step.branch is not None and after.startswith(f"{step.branch.kind}/"))


def _from(branch: Branch | None, after: str) -> Branch | None:
    return replace(branch, after=after) if branch is not None and after else branch
