"""What an ORS server serves: a tree of nodes with services, and labels that stand for arcs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import a_label
from trialanchor_oid.ors.names import DUMMY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialanchor_oid.ors.records import Service

Arcs = tuple[int, ...]
"""Arcs from the root down; the root itself has none."""

_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class OrsTree(Protocol):
    """A read-only view of the nodes of one apex; safe to read from several threads.

    A responder asks inside its event loop: `version` for every query, the others for every question that its cache does
    not know. `version` must cost nothing and never raise, the others take well below a millisecond. What they raise
    becomes SERVFAIL.
    """

    @property
    def version(self) -> int:
        """A number that grows with every change; the SOA serial is made from it."""

    def services(self, arcs: Arcs) -> tuple[Service, ...] | None:
        """Give the services of a node.

        Empty when it only exists as an ancestor of a node or as the parent of a label, None when it does not exist.
        """

    def alias(self, parent: Arcs, label: str) -> Arcs | None:
        """Give the arcs below the apex that a label (an A-label, lower case) below `parent` stands for, or None."""

    def nodes(self) -> Iterator[tuple[Arcs, tuple[Service, ...]]]:
        """Give every node that has services, parents before their children."""

    def aliases(self) -> Iterator[tuple[Arcs, str, Arcs]]:
        """Give every alias: parent, label, and the arcs it stands for."""


class StaticTree:
    """A tree in memory that does not change; implements `OrsTree`."""

    def __init__(
        self,
        nodes: Iterable[tuple[Arcs, tuple[Service, ...]]],
        aliases: Iterable[tuple[Arcs, str, Arcs]] = (),
        version: int = 1,
    ) -> None:
        """Build the tree.

        Args:
            nodes: Nodes with their services; a node without services is left out.
            aliases: Parent, label (any form that `a_label` takes), and the arcs it stands for.
            version: Version of the tree, the SOA serial.

        Raises:
            OidError: A label has no form in DNS, is a number or `ors-dummy`, or stands for two nodes.
        """
        self._version = version
        self._nodes = {arcs: services for arcs, services in sorted(nodes) if services}
        self._aliases: dict[tuple[Arcs, str], Arcs] = {}
        for parent, label, target in aliases:
            key = parent, alias_label(label)
            if self._aliases.setdefault(key, target) != target:
                raise OidError("a label stands for two nodes")
        ends = [*self._nodes, *(parent for parent, _ in self._aliases)]
        self._ancestors = {arcs[:depth] for arcs in ends for depth in range(len(arcs) + 1)}

    @property
    def version(self) -> int:
        """Version of the tree."""
        return self._version

    def services(self, arcs: Arcs) -> tuple[Service, ...] | None:
        """Give the services of a node; see `OrsTree`."""
        return self._nodes.get(arcs, () if arcs in self._ancestors else None)

    def alias(self, parent: Arcs, label: str) -> Arcs | None:
        """Give the arcs a label stands for; see `OrsTree`."""
        return self._aliases.get((parent, label))

    def nodes(self) -> Iterator[tuple[Arcs, tuple[Service, ...]]]:
        """Give every node that has services; see `OrsTree`."""
        yield from self._nodes.items()

    def aliases(self) -> Iterator[tuple[Arcs, str, Arcs]]:
        """Give every alias; see `OrsTree`."""
        for (parent, label), target in self._aliases.items():
            yield parent, label, target


def alias_label(label: str) -> str:
    """Give the form in DNS of a label that stands for arcs.

    Raises:
        OidError: It has none, is a number, or is `ors-dummy`.
    """
    found = a_label(label)
    if _DIGITS.fullmatch(found) or found == DUMMY:
        raise OidError("a number or ors-dummy cannot stand for other arcs")
    return found
