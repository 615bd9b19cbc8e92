"""`trialanchor node …`: make, run and check a node."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer
import uvicorn

from trialanchor.clock import SystemClock
from trialanchor.errors import ConfigError
from trialanchor.keys import passphrase_from_environment
from trialanchor_node.app import create_app
from trialanchor_node.initialise import NewNode, init_node
from trialanchor_node.log.fsck import check_log
from trialanchor_node.node import Node, read_node_keys
from trialanchor_node.registry.publishing import responding
from trialanchor_node.settings import load_settings

if TYPE_CHECKING:
    from trialanchor_node.settings import NodeSettings

app = typer.Typer(no_args_is_help=True, help="Make, run and check a node.")

_SHUTDOWN_S = 10
"""Longest wait for callers when the node stops, seconds."""

_CONNECTIONS = 2_000
"""Connections served at once; further ones are answered 503."""

Folder = Annotated[Path, typer.Argument(help="Folder of the node.")]


@app.command()
def init(  # noqa: PLR0913, PLR0917 - one parameter for each option
    folder: Folder,
    member_oid: Annotated[str, typer.Option(help="OID of the member that runs the node.")],
    role: Annotated[list[str], typer.Option(help="Role of the member; may be given several times.")],
    source: Annotated[list[str] | None, typer.Option(help="System whose records the node signs.")] = None,
    port: Annotated[int, typer.Option(help="TCP port to listen on.")] = 8470,
    database: Annotated[str, typer.Option(help="SQLAlchemy URL; SQLite in the folder by default.")] = "",
) -> None:
    """Make a node: encrypted keys, settings, database and trust file. Needs TRIALANCHOR_PASSPHRASE."""
    new = NewNode(folder, member_oid, tuple(role), tuple(source or ()), port, database)
    tokens = init_node(new, passphrase_from_environment(), SystemClock())
    typer.echo(f"node {member_oid} is ready in {folder}; start it with: trialanchor node run {folder}")
    for name, token in tokens.items():
        typer.echo(f"token of source {name}, shown only now: {token}")


@app.command()
def run(folder: Folder) -> None:
    """Run the node until it is stopped (Ctrl-C or SIGTERM)."""
    configure_logging()
    settings = load_settings(folder)
    node = Node(settings, passphrase_from_environment())
    config = uvicorn.Config(
        create_app(node),
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        limit_concurrency=_CONNECTIONS,
    )
    with listen(settings) as listener, responding(node.tree, settings.ors):
        typer.echo(f"listening on http://{settings.host}:{settings.port} as {node.store.identity.origin}", err=True)
        _Server(config, node).run(sockets=[listener])


class _Server(uvicorn.Server):
    """The web server; when it stops, the streams of events end first, which would keep it waiting."""

    def __init__(self, config: uvicorn.Config, node: Node) -> None:
        super().__init__(config)
        self._node = node

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then what uvicorn ends."""
        self._node.streams.stop()
        await super().shutdown(sockets)


def listen(settings: NodeSettings) -> socket.socket:
    """Open the listening socket.

    Raises:
        ConfigError: Address or port cannot be had.
    """
    try:
        return socket.create_server((settings.host, settings.port), backlog=1_024)
    except OSError as error:
        raise ConfigError(f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error


@app.command()
def fsck(folder: Folder) -> None:
    """Check log and ledger: re-hash every value, re-apply every rule, compare root, state and tables."""
    settings = load_settings(folder)
    report = check_log(settings, read_node_keys(settings, passphrase_from_environment()))
    for problem in report.problems:
        typer.echo(f"FAIL {problem}")
    if report.problems:
        raise typer.Exit(1)
    typer.echo(f"OK {report.entries} entries, root {report.root}")
    typer.echo(f"OK {report.blocks} blocks, state {report.state}")


@app.command()
def key(folder: Folder) -> None:
    """Print the log's C2SP verifier-key line."""
    settings = load_settings(folder)
    keys = read_node_keys(settings, passphrase_from_environment())
    typer.echo(keys.identity(settings.node_oid).key.encode())


class _Lines(structlog.PrintLogger):
    """Log lines; one that cannot be written, as on a full disk, is lost, and ends no worker of the node."""

    def msg(self, message: str) -> None:
        """Write a line."""
        with contextlib.suppress(OSError):
            super().msg(message)

    info = warning = error = msg


def configure_logging() -> None:
    """Log JSON lines to standard error: events and codes, never payloads, keys or tokens."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=lambda *_: _Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
