"""The registry as an ORS tree: every node this node knows, with the services that tell about it.

Every registered node has the same services, whatever it is and whoever may see it: `COID`, and with a public address
`CINF`, `RINF` and `UINF`. So nothing can be told from which records there are; what is not public answers
`noDisclosure` there. A node that is only above registered ones has `COID` and `CINF`, so that the tree can be walked
from its root. Labels are those of public entries, and the long arcs and labels of the standards.

Source: X.672 6.2, 6.3; R-042, R-046.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, select

from trialanchor_node.db import reading
from trialanchor_node.registry.models import labels, nodes
from trialanchor_oid.iri import known_labels
from trialanchor_oid.ors.records import CINF, COID, MAX_INFORMATION, RINF, UINF, Service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialanchor_node.registry.service import Registry
    from trialanchor_oid.ors.tree import Arcs

_CACHED: Final = 65_536
_CHUNK: Final = 1_000


class RegistryTree:
    """The `OrsTree` of a registry.

    Args:
        public_url: Address under which anyone reads this node's pages, without a final slash; empty for none.
    """

    def __init__(self, engine: Engine, registry: Registry, public_url: str) -> None:
        self._engine = engine
        self._registry = registry
        self._url = public_url.rstrip("/")
        self._known = {
            (parent, label): parent + further
            for parent, below in known_labels().items()
            for label, further in below.items()
        }
        self._find = lru_cache(maxsize=_CACHED)(lambda _version, arcs: self.stored_services(arcs))
        self._find_alias = lru_cache(maxsize=_CACHED)(self._read_alias)

    @property
    def version(self) -> int:
        """The registry's version."""
        return self._registry.version

    def services(self, arcs: Arcs) -> tuple[Service, ...] | None:
        """Give the services of a node; None when it is not known here."""
        return self._find(self.version, arcs)

    def alias(self, parent: Arcs, label: str) -> Arcs | None:
        """Give the arcs that a label below a node stands for, or None."""
        return self._known.get((parent, label)) or self._find_alias(self.version, parent, label)

    def nodes(self) -> Iterator[tuple[Arcs, tuple[Service, ...]]]:
        """Give every node, parents before their children."""
        query = select(nodes.c.oid, nodes.c.visibility).order_by(nodes.c.sort)
        yield (), self._of((), registered=False)
        query = query.execution_options(yield_per=_CHUNK)
        with reading(self._engine) as connection, connection.execute(query) as rows:
            for row in rows:
                arcs = _arcs(row.oid)
                yield arcs, self._of(arcs, registered=row.visibility is not None)

    def known_aliases(self) -> Iterator[tuple[Arcs, str, Arcs]]:
        """Give the labels of the standards."""
        for (parent, label), target in self._known.items():
            yield parent, label, target

    def aliases(self) -> Iterator[tuple[Arcs, str, Arcs]]:
        """Give every alias."""
        yield from self.known_aliases()
        with reading(self._engine) as connection:
            for row in connection.execute(select(labels).order_by(labels.c.parent, labels.c.label)):
                parent = _arcs(row.parent)
                if (parent, row.label) not in self._known:
                    yield parent, row.label, _arcs(row.oid)

    def stored_services(self, arcs: Arcs) -> tuple[Service, ...] | None:
        """Give the services of a node as the database has it now, which may be ahead of `version`."""
        if not arcs:
            return self._of((), registered=False)
        with reading(self._engine) as connection:
            query = select(nodes.c.visibility).where(nodes.c.oid == _dotted(arcs))
            row = connection.execute(query).one_or_none()
        return None if row is None else self._of(arcs, registered=row.visibility is not None)

    def _read_alias(self, _version: int, parent: Arcs, label: str) -> Arcs | None:
        query = select(labels.c.oid).where(labels.c.parent == _dotted(parent), labels.c.label == label)
        with reading(self._engine) as connection:
            oid = connection.scalar(query)
        return None if oid is None else _arcs(oid)

    def _of(self, arcs: Arcs, *, registered: bool) -> tuple[Service, ...]:
        dotted = _dotted(arcs) or "root"
        found = {COID: "/" + "/".join(map(str, arcs))}
        if self._url:
            found[CINF] = f"{self._url}/ors/cinf/{dotted}.xml"
            if registered:
                found[RINF] = f"{self._url}/ors/rinf/{dotted}.xml"
                found[UINF] = f"{self._url}/oid/{dotted}"
        return tuple(Service(kind, text) for kind, text in found.items() if len(text) <= MAX_INFORMATION)


def _dotted(arcs: Arcs) -> str:
    return ".".join(map(str, arcs))


def _arcs(dotted: str) -> Arcs:
    return tuple(map(int, dotted.split("."))) if dotted else ()
