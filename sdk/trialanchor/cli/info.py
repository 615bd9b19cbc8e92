"""`trialanchor info`: show what a bundle says, without believing any of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.bundles import MAX_BUNDLE, decode_bundle
from trialanchor.cli.files import read_file
from trialanchor.cli.messages import printable, say
from trialanchor.cli.results import note
from trialanchor.encoding import digest_text
from trialanchor.notes import parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import decode_statement, describe_statement
from trialanchor_oid.codec import URN_PREFIX

if TYPE_CHECKING:
    from trialanchor.bundles import Bundle

JSON_VERSION = 1

app = typer.Typer(add_completion=False)


@app.command()
def info(
    bundle: Annotated[Path, typer.Argument(help="Bundle, *.trialanchor.json.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
) -> None:
    """Show what a bundle says; nothing is verified."""
    description = describe(decode_bundle(read_file(bundle, MAX_BUNDLE)))
    if as_json:
        typer.echo(json.dumps({"trialanchor_info": JSON_VERSION, **description}, ensure_ascii=False))
        return
    note("nothing was verified; use `trialanchor verify`")
    for part, fields in description.items():
        for entry in fields if isinstance(fields, list) else [fields]:
            typer.echo(say(part))
            for name, value in entry.items():
                typer.echo(f"  {name:14} {printable(value)}")


def describe(bundle: Bundle) -> dict[str, Any]:
    """Give what a bundle says, part by part.

    Raises:
        InputError: Statement, receipt or checkpoint are malformed.
    """
    description: dict[str, Any] = {"statement": describe_statement(decode_statement(bundle.statement))}
    issued_at = description["statement"]["issued_at"]
    description["statement"]["issued_at"] = _time(issued_at)
    if bundle.membership is not None:
        place = bundle.membership
        description["set"] = {"fingerprint": digest_text(place.fingerprint), "index": place.index}
    if bundle.receipt is not None and bundle.checkpoint is not None:
        receipt = decode_receipt(bundle.receipt)
        description["receipt"] = {
            "node": URN_PREFIX + receipt.claims.issuer,
            "log": receipt.claims.origin,
            "index": receipt.index,
            "size": receipt.size,
            "registered_at": _time(receipt.claims.at),
            "signatures": [signature.name for signature in parse_checkpoint(bundle.checkpoint).signatures],
        }
    description["anchors"] = [
        {"ledger": anchor.ledger, "type": anchor.type, "size": parse_checkpoint(anchor.checkpoint).size}
        for anchor in bundle.anchors
    ]
    return description


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
