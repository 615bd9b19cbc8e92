"""`trialanchor oid serve` and `trialanchor oid export-zone`: a zone of the ORS answered by DNS, and taken as a file."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.cli.connection import connect
from trialanchor.cli.files import read_file, write_files
from trialanchor.cli.messages import say
from trialanchor.cli.options import Url  # noqa: TC001 - Typer reads annotations
from trialanchor.cli.results import Result
from trialanchor.cli.values import AsJson, print_json
from trialanchor.errors import InputError
from trialanchor.report import Verdict
from trialanchor_oid.ors.responder import DEFAULT_PORT, DEFAULT_RATE, Listening, Responder
from trialanchor_oid.ors.zone import read_zone

if TYPE_CHECKING:
    from trialanchor_oid.ors.tree import StaticTree

LOOPBACK = "127.0.0.1"
STANDARD_OUTPUT = Path("-")
MAX_ZONE = 256 << 20
"""Octets of a zone file that is held in memory."""


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to a group."""
    app.command()(serve)
    app.command("export-zone")(export_zone)


def serve(  # noqa: PLR0913 - one parameter for each option
    zone_file: Annotated[Path, typer.Argument(help="Master file of the zone.", show_default=False)],
    *,
    apex: Annotated[str, typer.Option(help="Domain of the zone.")],
    listen: Annotated[str, typer.Option(help="Address to listen on.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="UDP and TCP port; 0 for a free one.")] = DEFAULT_PORT,
    rate: Annotated[
        float, typer.Option(min=0, help="UDP answers a second for each client network; 0 for no limit.")
    ] = DEFAULT_RATE,
    allow_public_apex: Annotated[
        bool, typer.Option("--allow-public-apex", help="Serve oid-res.org, which belongs to the public ORS.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Answer DNS queries for a zone, unsigned, until interrupted."""
    try:
        text = _read(zone_file)
    except UnicodeDecodeError as error:
        raise InputError(f"{zone_file} is not a text in UTF-8") from error
    settings, tree = read_zone(text, apex, allow_public_apex=allow_public_apex)
    responder = Responder(tree, settings, Listening(listen, port, rate))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_stopped(responder, tree, as_json=as_json))


def _read(path: Path) -> str:
    data = read_file(path, MAX_ZONE)
    if len(data) > MAX_ZONE:
        raise InputError(f"{path} is larger than {MAX_ZONE >> 20} MiB; a zone of this size is served by Knot")
    return data.decode("utf-8")


async def _serve_until_stopped(responder: Responder, tree: StaticTree, *, as_json: bool) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # not on Windows: there an interrupt ends the loop
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with responder:
        host, port = responder.address
        nodes, labels = sum(1 for _ in tree.nodes()), sum(1 for _ in tree.aliases())
        if as_json:
            found = {"host": host, "port": port, "serial": tree.version, "nodes": nodes, "labels": labels}
            print_json("trialanchor_oid_serve", found)
        else:
            text = "listening on {host} port {port}; {nodes} nodes, {labels} labels, serial {serial}"
            typer.echo(say(text, host=host, port=port, nodes=nodes, labels=labels, serial=tree.version))
        sys.stdout.flush()
        await stopped.wait()


def export_zone(
    *,
    url: Url,
    output: Annotated[
        Path, typer.Option(help="File to write, - for standard output; an older one is replaced as a whole.")
    ] = STANDARD_OUTPUT,
) -> None:
    """Write the zone of a node as a master file for Knot or BIND."""
    with connect(url) as client:
        content = client.export_zone()
    if output == STANDARD_OUTPUT:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_files({output: content})
    typer.echo(Result(str(output), Verdict.VERIFIED).line)
