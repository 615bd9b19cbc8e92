"""The registry's service: write through the ledger, read from the tables it is projected into."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Engine, Select, and_, bindparam, exists, func, or_, select

from trialanchor.errors import InputError
from trialanchor_chaincode.rules.descriptions import MAX_OID, PUBLIC
from trialanchor_chaincode.rules.oids import ACTIONS
from trialanchor_chaincode.rules.state import Transaction
from trialanchor_node.db import reading
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.registry.entries import Change, Entry, TreeNode, decode_entry, sort_key
from trialanchor_node.registry.models import codes, history, names, nodes
from trialanchor_node.registry.projection import fold
from trialanchor_oid.classes import class_of
from trialanchor_oid.errors import OidError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from trialanchor_node.anchoring.ports import Ledger
    from trialanchor_oid.ors.tree import Arcs

PAGE_LIMIT: Final = 1_000
"""Entries on one page at most."""

OWN_CLASS: Final = 1_001
"""First class of an organisation's own (A.1 g); new objects go there when no prefix is given."""

_CHUNK: Final = 500
_CACHED: Final = 1_024

_LAST: Final = select(func.max(nodes.c.block))
_CHILD: Final = nodes.alias("child")
_NODE: Final = select(nodes, exists().where(_CHILD.c.parent == nodes.c.oid).label("has_children")).where(
    nodes.c.oid == bindparam("oid")
)


@dataclass(frozen=True, slots=True)
class RegistryFilter:
    """What is searched for; fields that are None do not count.

    Attributes:
        name: Part of a name in any language, in any case.
        code: Standard code, exactly.
        type: Code of the object type.
        under: Dotted OID at or above what is searched for.
        limit: Entries on a page.
        cursor: `next` of the page before.
        insider: Member whose entries are shown, public or not; None for anyone, who sees public entries only.
    """

    name: str | None = None
    code: str | None = None
    type: str | None = None
    under: str | None = None
    limit: int = 100
    cursor: str | None = None
    insider: str | None = None


class Registry:
    """The OIDs this node's ledger knows; reads are safe beside the writer."""

    def __init__(self, engine: Engine, ledger: Ledger) -> None:
        self._engine = engine
        self._ledger = ledger
        self._noticing = Lock()
        self._listeners: list[Callable[[], None]] = []
        self._version = self._stored_version()
        self._above = lru_cache(maxsize=_CACHED)(self._read_above)

    def submit(self, action: str, caller: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Submit a transition of the `oids` contract and give the OIDs it wrote; safe to repeat with its `request`.

        Raises:
            NotFoundError: The contract has no such transition.
            RuleError: A rule refuses.
            LedgerError: The ledger did not answer; ask again with the same `request`.
        """
        if action not in ACTIONS:
            raise NotFoundError(f"the transitions are {', '.join(ACTIONS)}")
        try:
            return self._ledger.submit(Transaction("oids", action, caller, dict(arguments))).result
        finally:  # after a lost answer too: it may have been written
            self._notice()

    def _notice(self) -> None:
        """Take over the version that the database has reached, and tell the listeners of a new one."""
        stored = self._stored_version()
        with self._noticing:
            changed, self._version = stored > self._version, max(stored, self._version)
        if changed:
            for listener in self._listeners:
                listener()

    def on_change(self, listener: Callable[[], None]) -> None:
        """Have a listener called after changes, in a thread that made one; it returns at once."""
        self._listeners.append(listener)

    @property
    def version(self) -> int:
        """A number that grows with every change, over restarts too: that of the last block which made one, plus one."""
        return self._version

    def _stored_version(self) -> int:
        with reading(self._engine) as connection:
            last = connection.scalar(_LAST)
        return 0 if last is None else int(last) + 1

    def node(self, arcs: Arcs) -> TreeNode | None:
        """Give a node, registered or above one that is; None when nothing is known there."""
        if not arcs:
            with reading(self._engine) as connection:
                return TreeNode((), None, _has_children(connection, ""))
        with reading(self._engine) as connection:
            row = connection.execute(_NODE, {"oid": ".".join(map(str, arcs))}).one_or_none()
        return None if row is None else TreeNode(arcs, _entry(row), bool(row.has_children))

    def above(self, arcs: Arcs) -> Mapping[str, TreeNode]:
        """Give the nodes above one, by dotted OID; kept until the registry changes, since siblings have the same."""
        return self._above(self._version, arcs[:-1])

    def _read_above(self, _version: int, parent: Arcs) -> Mapping[str, TreeNode]:
        oids = [".".join(map(str, parent[:length])) for length in range(1, len(parent) + 1)]
        return MappingProxyType(self.nodes([oid for oid in oids if len(oid) <= MAX_OID]))

    def nodes(self, oids: Sequence[str]) -> dict[str, TreeNode]:
        """Give the nodes there are of these dotted OIDs; whether they have children is not told."""
        found: dict[str, TreeNode] = {}
        if not oids:
            return found
        with reading(self._engine) as connection:
            for start in range(0, len(oids), _CHUNK):
                query = select(nodes).where(nodes.c.oid.in_(oids[start : start + _CHUNK]))
                found |= {row.oid: TreeNode(_arcs(row.oid), _entry(row)) for row in connection.execute(query)}
        return found

    def superior(self, arcs: Arcs) -> TreeNode | None:
        """Give the nearest registered node above; None when there is none."""
        above = [".".join(map(str, arcs[:length])) for length in range(1, len(arcs))]
        query = select(nodes).where(nodes.c.oid.in_(above), nodes.c.entry.is_not(None))
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(nodes.c.sort.desc()).limit(1)).one_or_none()
        return None if row is None else TreeNode(_arcs(row.oid), _entry(row), has_children=True)

    def history(self, oid: str, after: int = 0, limit: int = PAGE_LIMIT) -> list[Change]:
        """Give versions of an entry, oldest first, from the one after version `after` on; none when not registered."""
        versions = select(history).where(history.c.oid == oid, history.c.version > after).order_by(history.c.version)
        began = select(history.c.at).where(history.c.oid == oid, history.c.version == 1)
        with reading(self._engine) as connection:
            first = connection.scalar(began)
            rows = connection.execute(versions.limit(limit)).all()
        return [
            Change(decode_entry(oid, row.entry, (first or row.at, row.at), row.block), row.version, row.at, row.block)
            for row in rows
        ]

    def search(self, wanted: RegistryFilter) -> tuple[list[Entry], str | None]:
        """Give a page of entries in the order of their OIDs, and the cursor of the next one.

        Raises:
            InputError: The cursor is not one of this search.
        """
        query = _search(wanted).order_by(nodes.c.sort).limit(wanted.limit + 1)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        entries = [entry for row in rows[: wanted.limit] if (entry := _entry(row)) is not None]
        if wanted.insider is None:
            entries = [entry.disclosed() for entry in entries]
        following = urlsafe_b64encode(rows[wanted.limit - 1].sort).decode("ascii") if len(rows) > wanted.limit else None
        return entries, following

    def every(self, wanted: RegistryFilter) -> Iterator[Entry]:
        """Give all entries of a search, page by page; what is registered meanwhile may or may not be among them."""
        cursor: str | None = None
        while True:
            entries, cursor = self.search(replace(wanted, limit=PAGE_LIMIT, cursor=cursor))
            yield from entries
            if cursor is None:
                return


def default_prefix(member: str, object_type: Any) -> str:
    """Give the class in which a member's new object is numbered when no prefix is named.

    Raises:
        InputError: The type has no class of its own; names what to do.
    """
    try:
        place = class_of(object_type if isinstance(object_type, str) else "")
    except OidError as error:
        raise InputError(
            "give the prefix below which the objects are numbered: they are of several types, or of one without a class"
        ) from error
    return f"{member}.{place[0]}.{place[1]}.{OWN_CLASS}"


def _search(wanted: RegistryFilter) -> Select[Any]:
    query = select(nodes).where(_visible(wanted.insider))
    if wanted.insider is not None:
        query = query.where(nodes.c.entry.is_not(None))
    if wanted.type is not None:
        query = query.where(nodes.c.type == wanted.type)
    if wanted.code is not None:
        query = query.where(nodes.c.oid.in_(select(codes.c.oid).where(codes.c.value == wanted.code)))
    if wanted.name is not None:
        part = names.c.text.contains(fold(wanted.name), autoescape=True)
        query = query.join(names, names.c.oid == nodes.c.oid).where(part)
    if wanted.under is not None:
        query = query.where(_below(wanted.under))
    if wanted.cursor is not None:
        query = query.where(nodes.c.sort > _read_cursor(wanted.cursor))
    return query


def _visible(insider: str | None) -> ColumnElement[bool]:
    public = nodes.c.visibility == PUBLIC
    return public if insider is None else or_(public, _below(insider))


def _below(oid: str) -> ColumnElement[bool]:
    """Whether a node is at or below an OID: its sort key begins with the OID's."""
    key = sort_key(_arcs(oid))
    return and_(nodes.c.sort >= key, nodes.c.sort < key + b"\xff")


def _has_children(connection: Connection, dotted: str) -> bool:
    return bool(connection.scalar(select(exists().where(nodes.c.parent == dotted))))


def _entry(row: Row[Any]) -> Entry | None:
    if row.entry is None:
        return None
    return decode_entry(row.oid, row.entry, (row.registered_at, row.changed_at), row.block)


def _arcs(dotted: str) -> Arcs:
    return tuple(map(int, dotted.split(".")))


def _read_cursor(text: str) -> bytes:
    try:
        return b64decode(text, b"-_", validate=True)
    except ValueError as error:
        raise InputError("the cursor is not one of this search") from error
