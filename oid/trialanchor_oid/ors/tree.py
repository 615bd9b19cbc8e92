"""What an ORS server serves: a tree of nodes with services, and labels that stand for arcs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialanchor_oid.ors.records import Service

Arcs = tuple[int, ...]
"""Arcs from the root down; the root itself has none."""


class OrsTree(Protocol):
    """A read-only view of the nodes of one apex; safe to read from several threads."""

    @property
    def version(self) -> int:
        """A number that grows with every change; the SOA serial is made from it."""

    def services(self, arcs: Arcs) -> tuple[Service, ...] | None:
        """Give the services of a node; empty when it only exists as an ancestor, None when it does not exist."""

    def alias(self, parent: Arcs, label: str) -> Arcs | None:
        """Give the arcs below the apex that a label (an A-label, lower case) below `parent` stands for, or None."""

    def nodes(self) -> Iterator[tuple[Arcs, tuple[Service, ...]]]:
        """Give every node that has services, parents before their children."""

    def aliases(self) -> Iterator[tuple[Arcs, str, Arcs]]:
        """Give every alias: parent, label, and the arcs it stands for."""
