"""Bring the registry to the DNS: the embedded responder reads it, another name server is sent what changed.

What a name server has is remembered by the last block that it took; a change is sent at once, and again until it is
taken. A crash in between sends it once more, which changes nothing. A server that was never sent anything is sent
everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import Engine, select

from trialanchor.errors import ConfigError, TrialAnchorError
from trialanchor_node.db import insert_many, reading, writing
from trialanchor_node.registry.models import history, labels, nodes, published
from trialanchor_node.registry.projection import dns_labels
from trialanchor_oid.errors import OidError
from trialanchor_oid.ors.names import owner_name
from trialanchor_oid.ors.responder import Listening, Responder
from trialanchor_oid.ors.update import DynamicUpdate, PublishedNode, UpdateServer
from trialanchor_oid.ors.zone import ZoneSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from trialanchor_node.registry.ors import RegistryTree
    from trialanchor_node.settings import OrsSettings
    from trialanchor_oid.ors.tree import Arcs
    from trialanchor_oid.ors.update import NameServer

UPDATE_KEY: Final = "ors-update.key"
"""File in `keys/` with the TSIG key: `ALGORITHM:NAME:BASE64`, as `kdig -y` takes it."""

_RETRY_S: Final = 5.0
_BATCH: Final = 500
_START_S: Final = 30.0
_KEY_PARTS: Final = 3

_log = structlog.get_logger()


def zone_settings(settings: OrsSettings) -> ZoneSettings | None:
    """Give the zone of a node; None when it has none.

    Raises:
        ConfigError: The zone's settings do not fit together.
    """
    if not settings.apex:
        return None
    return ZoneSettings(settings.apex, addresses=settings.addresses or (settings.listen_host,))


@contextlib.contextmanager
def responding(tree: RegistryTree, settings: OrsSettings) -> Iterator[None]:
    """Answer DNS queries as long as the context lasts, in a thread of its own: a flood of them delays only themselves.

    Raises:
        ConfigError: The port cannot be had.
    """
    zone = zone_settings(settings)
    if zone is None or not settings.listen_port:
        yield
        return
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dns", daemon=True)
    thread.start()
    responder = Responder(tree, zone, Listening(settings.listen_host, settings.listen_port))
    try:
        asyncio.run_coroutine_threadsafe(responder.start(), loop).result(_START_S)
        yield
    finally:
        asyncio.run_coroutine_threadsafe(responder.stop(), loop).result(_START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def name_server(settings: OrsSettings, keys: Path) -> NameServer | None:
    """Give the name server that is sent changes, with the update key in the folder `keys`; None when there is none.

    Raises:
        ConfigError: Its address or key are not of their form, or the zone has no apex.
    """
    if not settings.update_server:
        return None
    if not settings.apex:
        raise ConfigError("setting ors.update_server: the zone needs ors.apex")
    host, _, port = settings.update_server.rpartition(":")
    algorithm, name, secret = _read_key(keys / UPDATE_KEY)
    return DynamicUpdate(UpdateServer(host.strip("[]"), int(port), settings.apex, name, secret, algorithm))


def _read_key(path: Path) -> tuple[str, str, str]:
    try:
        parts = path.read_text(encoding="ascii").strip().split(":")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read; it holds ALGORITHM:NAME:BASE64 of the update key") from error
    if len(parts) != _KEY_PARTS:
        raise ConfigError(f"{path} holds ALGORITHM:NAME:BASE64 of the update key")
    return parts[0], parts[1], parts[2]


class Publisher:
    """Sends a name server what changed, in a thread of its own.

    Args:
        target: Address of the server and apex of its zone, which name it in the table of what was published.
    """

    def __init__(self, engine: Engine, tree: RegistryTree, server: NameServer, target: tuple[str, str]) -> None:
        self._engine = engine
        self._apex = target[1]
        self._tree = tree
        self._server = server
        self._target = "/".join(target)
        self._changed = threading.Event()
        self._stopping = False
        self._above: set[Arcs] = set()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        """Start the thread; what was not published yet is sent first."""
        self._changed.set()
        self._thread.start()

    def changed(self) -> None:
        """Say that the registry changed; returns at once."""
        self._changed.set()

    def stop(self) -> None:
        """End the thread after what it is sending."""
        self._stopping = True
        self._changed.set()
        self._thread.join()

    def _run(self) -> None:
        failed = False
        while not self._stopping:
            self._changed.wait(_RETRY_S if failed else None)
            self._changed.clear()
            failed = not self._try_publish()

    def _try_publish(self) -> bool:
        try:
            count = self.publish()
        except TrialAnchorError as error:
            _log.warning("registry:zone:not-published", code=error.code, reason=str(error))
            return False
        except Exception as unforeseen:  # noqa: BLE001 - the thread must outlive any fault
            _log.exception("registry:zone:not-published", kind=type(unforeseen).__name__)
            return False
        if count:
            _log.info("registry:zone:published", nodes=count)
        return True

    def publish(self) -> int:
        """Send what the server has not taken yet; gives the number of registered nodes sent.

        Raises:
            NameServerError: The server refused or did not answer.
            StoreError: The database did not answer.
        """
        sent = 0
        while True:
            with reading(self._engine) as connection:
                last = connection.scalar(select(published.c.block).where(published.c.target == self._target))
                changed, block = self._changes(connection, -1 if last is None else last)
            if not changed:
                return sent
            self._server.publish(changed if last is not None else [*self._top(), *changed])
            with writing(self._engine) as connection:
                insert_many(
                    connection,
                    published,
                    [(self._target, block)],
                    "ON CONFLICT (target) DO UPDATE SET block = excluded.block",
                )
            self._above |= {node.arcs[:length] for node in changed for length in range(len(node.arcs))}
            sent += len(changed)

    def _changes(self, connection: Connection, after: int) -> tuple[list[PublishedNode], int]:
        """Give the nodes changed by the blocks after one, whole blocks only, and the last of these blocks."""
        query = select(nodes.c.block).where(nodes.c.block > after).order_by(nodes.c.block)
        blocks = connection.scalars(query.limit(_BATCH)).all()
        if not blocks:
            return [], after
        oids = connection.scalars(select(nodes.c.oid).where(nodes.c.block > after, nodes.c.block <= blocks[-1])).all()
        found: dict[Arcs, PublishedNode] = {}
        for oid in oids:
            self._add(found, connection, oid)
        return list(found.values()), blocks[-1]

    def _add(self, found: dict[Arcs, PublishedNode], connection: Connection, oid: str) -> None:
        """Add a node, those above it that the server may not have, and its labels."""
        arcs = tuple(map(int, oid.split(".")))
        if not self._has_name(arcs):
            return
        for length in range(len(arcs)):
            if arcs[:length] not in self._above and arcs[:length] not in found:
                found[arcs[:length]] = self._node(arcs[:length])
        found.setdefault(arcs, self._node(arcs))
        aliases, withdrawn = _labels(connection, oid)
        if aliases or withdrawn:
            above = found.get(arcs[:-1]) or self._node(arcs[:-1])
            named = tuple((label, arcs) for label in aliases)
            found[arcs[:-1]] = PublishedNode(
                above.arcs, above.services, above.aliases + named, above.withdrawn + tuple(withdrawn)
            )

    def _has_name(self, arcs: Arcs) -> bool:
        """Whether DNS has room for the name of a node."""
        try:
            owner_name([str(arc) for arc in arcs], self._apex)
        except OidError:
            return False
        return True

    def _node(self, arcs: Arcs) -> PublishedNode:
        return PublishedNode(arcs, self._tree.stored_services(arcs) or ())

    def _top(self) -> Sequence[PublishedNode]:
        """Give the labels of the standards, which no entry has."""
        by_parent: dict[Arcs, list[tuple[str, Arcs]]] = {}
        for parent, label, target in self._tree.known_aliases():
            by_parent.setdefault(parent, []).append((label, target))
        return [
            PublishedNode(parent, self._tree.stored_services(parent) or (), tuple(aliases))
            for parent, aliases in by_parent.items()
        ]


def _labels(connection: Connection, oid: str) -> tuple[list[str], set[str]]:
    """Give the labels of an entry, and those that it had and has no longer."""
    now = list(connection.scalars(select(labels.c.label).where(labels.c.oid == oid).order_by(labels.c.label)))
    values = connection.scalars(select(history.c.entry).where(history.c.oid == oid)).all()
    before = {label for value in values[:-1] for label in dns_labels(_held_labels(value))}
    return now, before - set(now)


def _held_labels(value: str) -> list[str]:
    held: list[str] = json.loads(value).get("labels", [])
    return held
