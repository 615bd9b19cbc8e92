"""Answer with traces: find what an OID or a code stands for, walk, and put the proofs to it.

A trace is for who may read the study. What somebody else's code or OID stands for is not told: a code of a study that
the reader may not read is not found.

Source: R-072, R-097, R-099, R-208; GD44 6.1; JS4652 8.3, 8.4.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from trialanchor.encoding import parse_digest
from trialanchor.errors import InputError, StoreError
from trialanchor.trace_table import KINDS, LABELS, ORIGIN, USE
from trialanchor.traces import VERSION, seal_trace
from trialanchor.transactions import Requester
from trialanchor_node.anchoring.models import ledger_blocks
from trialanchor_node.db import reading
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.registry.models import codes
from trialanchor_node.trace.found import Limits, oid_of
from trialanchor_node.trace.store import LedgerGraph
from trialanchor_node.trace.walk import Walk
from trialanchor_node.transactions.models import transactions
from trialanchor_node.transactions.reading import NotReadableError
from trialanchor_oid.codec import URN_PREFIX, is_dotted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine

    from trialanchor.clock import Clock
    from trialanchor_node.anchoring.ports import Ledger
    from trialanchor_node.anchoring.service import AnchorService
    from trialanchor_node.intake.records import Source
    from trialanchor_node.log.reader import LogReader
    from trialanchor_node.trace.found import Edge, Node, Trace
    from trialanchor_node.trace.ports import Version
    from trialanchor_node.transactions.reading import LedgerReading, Reader

WAYS: Final[Mapping[str, tuple[str, ...]]] = {ORIGIN: (ORIGIN,), USE: (USE,), "both": (ORIGIN, USE)}
"""Directions of a trace."""

MAX_NODES: Final = 2_000
MAX_PROVED: Final = 500
"""Objects of a trace at most, without and with the proofs of their transactions."""

_CODES: Final = ("package_labels", "sample_codes")
"""State keys of the codes on containers: `<kind>/<study>/<code>`."""

_MAX_CODES: Final = 50
"""Entries of the registry looked at for one code."""

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for.

    Attributes:
        of: OID, or code on a container or in the registry.
        direction: A key of `WAYS`.
        study: OID of the study of a code; None for any that the reader may read.
        after: Key after which a branch goes on; empty from the beginning.
        limit: Objects at most.
    """

    of: str
    direction: str = "both"
    study: str | None = None
    after: str = ""
    limit: int = MAX_NODES


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a trace begins."""

    oid: str
    keys: tuple[str, ...]
    study: str


class TraceService:
    """Makes traces; safe to use beside the writer."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a node that it joins
        self,
        engine: Engine,
        ledger: Ledger,
        reading: LedgerReading,
        log: LogReader,
        anchoring: AnchorService,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._reading = reading
        self._log = log
        self._anchoring = anchoring
        self._clock = clock
        self._graph = LedgerGraph(engine)

    def trace(self, reader: Reader, question: Question) -> dict[str, Any]:
        """Give a trace, with the labels of what is in it.

        Raises:
            InputError: The code stands for several objects.
            NotFoundError: The OID or code stands for nothing that can be traced.
            NotReadableError: The reader may not read the study.
        """
        value = self._walk(reader, question)
        kinds = sorted({node["kind"] for node in value["nodes"]})
        relations = sorted({each["relation"] for each in (*value["edges"], *value["truncated"])})
        labels = {
            "kinds": {name: KINDS[name].label.to_json() for name in kinds},
            "relations": {name: LABELS[name].to_json() for name in relations},
        }
        return value | {"labels": labels}

    def file(self, source: Source, question: Question) -> bytes:
        """Give a trace with the proofs of its transactions, sealed with the key of the source that asks.

        Raises:
            As `trace`, and StoreError: A transaction is not registered in the log yet.
        """
        reader = self._reading.reader(source.actor)
        trace = self._walk(reader, question)
        made = [node["made"]["transaction"] for node in trace["nodes"]]
        named = {each["transaction"] for each in (*trace["nodes"], *trace["edges"])}
        proofs = self._proofs(sorted(named | set(made)))
        requester = Requester(member=reader.member, actor=source.actor, study=trace["study"], at=trace["at"])
        return seal_trace(trace | {"transactions": proofs}, requester, source.key)

    def _walk(self, reader: Reader, question: Question) -> dict[str, Any]:
        start = self._start(reader, question)
        self._reading.check_study(reader, start.study)
        walk = Walk(self._graph, start.study, Limits(nodes=question.limit))
        found = walk.run(start.keys, WAYS[question.direction], question.after)
        return {
            "trialanchor_trace": VERSION,
            "oid": start.oid,
            "study": start.study,
            "direction": question.direction,
            "at": int(self._clock.now().timestamp()),
            "ledger": self._ledger.name,
            "start": list(start.keys),
            **_trace_json(found),
        }

    def _start(self, reader: Reader, question: Question) -> _Start:
        """Find the objects that an OID or a code stands for."""
        dotted = question.of.removeprefix(URN_PREFIX)
        if is_dotted(dotted):
            found = self._starts([dotted])
        else:
            named = self._starts(self._coded(question.of, question.study))
            found = [start for start in named if self._may_read(reader, start.study)]
        if not found:
            raise NotFoundError("no object of a study that can be traced has this OID or code")
        if len(found) > 1:
            raise InputError("the code stands for several objects; name the study, or trace one of their OIDs")
        return found[0]

    def _starts(self, oids: Sequence[str]) -> list[_Start]:
        keys = [f"{kind.name}/{oid}" for oid in oids for kind in KINDS.values() if kind.entry]
        versions = self._graph.versions(keys)
        starts: dict[str, list[str]] = {}
        for key in keys:
            if key in versions:
                starts.setdefault(oid_of(key), []).append(key)
        return [_Start(oid, tuple(held), _study(held[0], versions[held[0]])) for oid, held in starts.items()]

    def _coded(self, code: str, study: str | None) -> list[str]:
        """Give the OIDs that a code stands for: on a container in a study, or in the registry."""
        if not code.isprintable():
            return []
        studies = [study] if study else [key.partition("/")[2] for key in self._ledger.keys("trials/")]
        held = self._graph.versions([f"{kind}/{each}/{code}" for each in studies for kind in _CODES])
        values = [versions[-1].value for versions in held.values()]
        named = [value.get("package") or value["sample"] for value in values]
        query = select(codes.c.oid).where(codes.c.value == code).order_by(codes.c.oid).limit(_MAX_CODES)
        with reading(self._engine) as connection:
            named += connection.scalars(query)
        return sorted(set(named))

    def _may_read(self, reader: Reader, study: str) -> bool:
        try:
            self._reading.check_study(reader, study)
        except NotReadableError:
            return False
        return True

    def _proofs(self, names: Sequence[str]) -> dict[str, Any]:
        """Give transactions as they were signed, each with its bundle."""
        query = select(ledger_blocks.c.transaction, transactions.c.digest).join(
            transactions, transactions.c.block == ledger_blocks.c.number
        )
        texts: dict[bytes, str] = {}
        digests = [parse_digest(name) for name in names]
        with reading(self._engine) as connection:
            for start in range(0, len(digests), _CHUNK):
                part = query.where(transactions.c.digest.in_(digests[start : start + _CHUNK]))
                texts |= {row.digest: row.transaction for row in connection.execute(part)}
        return {
            name: {"transaction": json.loads(texts[digest]), "bundle": self._bundle(digest)}
            for name, digest in zip(names, digests, strict=True)
        }

    def _bundle(self, digest: bytes) -> dict[str, Any]:
        try:
            index, bundle = self._log.bundle(digest)
        except NotFoundError as error:
            raise StoreError("a transaction of this trace is not registered in the log yet; ask again") from error
        return self._anchoring.complete(index, bundle).to_json()


def _study(key: str, versions: Sequence[Version]) -> str:
    return str(versions[-1].value.get("study", oid_of(key)))


def _trace_json(trace: Trace) -> dict[str, Any]:
    return {
        "nodes": [_node_json(node) for node in trace.nodes.values()],
        "edges": [_edge_json(edge) for edge in trace.edges.values()],
        "truncated": [
            {"of": each.of, "relation": each.relation, "shown": each.shown, "count": each.count, "after": each.after}
            for each in trace.truncated
        ],
    }


def _node_json(node: Node) -> dict[str, Any]:
    kind, value = KINDS[node.kind], node.shown.value
    shown: dict[str, Any] = {
        "id": node.id,
        "key": node.key,
        "kind": node.kind,
        "oid": node.oid,
        "shows": {name: value[name] for name in kind.shows if name in value},
        "version": node.shown.number,
        "versions": len(node.versions),
        **_made_json(node.shown),
        "made": _made_json(node.versions[0]),
    }
    if kind.code in value:
        shown["code"] = value[kind.code]
    shown |= {name: value[name] for name in ("corrected", "replaces") if name in value}
    if node.missing:
        shown["missing"] = node.missing
    return shown


def _edge_json(edge: Edge) -> dict[str, Any]:
    shown = {"source": edge.source, "relation": edge.relation, "target": edge.target, "current": edge.current}
    held = {} if edge.holds is None else {"holds": edge.holds}
    return shown | _made_json(edge.made) | held


def _made_json(version: Version) -> dict[str, Any]:
    """Say which transaction wrote a version."""
    return {"transaction": version.value["by"], "block": version.block, "at": version.at}
