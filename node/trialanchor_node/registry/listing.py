"""List the children of a node that anyone may see: public ones, and those that only stand above registered ones.

Private and blinded children are left out in the database, so that neither a page nor its cursor shows their arcs.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Engine, Select, exists, select

from trialanchor_chaincode.rules.descriptions import BLINDED, PRIVATE, PUBLIC
from trialanchor_node.db import reading
from trialanchor_node.registry.entries import TreeNode, decode_entry, sort_key
from trialanchor_node.registry.models import nodes

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from trialanchor_oid.ors.tree import Arcs


@dataclass(frozen=True, slots=True)
class Children:
    """A page of children.

    Attributes:
        listed: Children in arc order.
        following: Last arc of this page when there are more, otherwise None.
        hidden: Whether there are children that are not disclosed.
    """

    listed: tuple[TreeNode, ...] = ()
    following: int | None = None
    hidden: bool = False


def list_children(engine: Engine, arcs: Arcs, after: int | None, limit: int) -> Children:
    """Give the children below a node, from the one after arc `after` on.

    Args:
        engine: The node's database.
        arcs: The node; none for the root.
        after: Last arc of the page before; None for the first page.
        limit: Children on the page at most.
    """
    parent = ".".join(map(str, arcs))
    start = None if after is None else sort_key((*arcs, after))
    with reading(engine) as connection:
        found = [_page(connection, parent, kind, start, limit + 1) for kind in (_ABOVE_ONLY, _PUBLIC)]
        hidden = select(nodes.c.oid).where(nodes.c.parent == parent, nodes.c.visibility.in_((PRIVATE, BLINDED)))
        hides = connection.execute(hidden.limit(1)).first() is not None
        rows = list(islice(merge(*found, key=attrgetter("sort")), limit + 1))
        inner = set(connection.scalars(_with_children([row.oid for row in rows[:limit]])))
    listed = tuple(_node(row, has_children=row.oid in inner) for row in rows[:limit])
    return Children(listed, listed[-1].arcs[-1] if len(rows) > limit else None, hides)


_ABOVE_ONLY = nodes.c.visibility.is_(None)
_PUBLIC = nodes.c.visibility == PUBLIC


def _page(
    connection: Connection, parent: str, kind: ColumnElement[bool], start: bytes | None, limit: int
) -> list[Row[Any]]:
    query = select(nodes).where(nodes.c.parent == parent, kind).order_by(nodes.c.sort).limit(limit)
    if start is not None:
        query = query.where(nodes.c.sort > start)
    return list(connection.execute(query))


def _with_children(oids: list[str]) -> Select[Any]:
    """Ask which of some nodes have nodes below them."""
    above = nodes.alias("above")
    return select(above.c.oid).where(above.c.oid.in_(oids), exists().where(nodes.c.parent == above.c.oid))


def _node(row: Row[Any], *, has_children: bool) -> TreeNode:
    arcs = tuple(map(int, row.oid.split(".")))
    entry = None
    if row.entry is not None:
        entry = decode_entry(row.oid, row.entry, (row.registered_at, row.changed_at), row.block)
    return TreeNode(arcs, entry, has_children)
