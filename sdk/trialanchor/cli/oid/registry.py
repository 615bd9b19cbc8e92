"""`trialanchor oid register`, `get`, `tree`, `search` and the others that write and read a node's registry."""

from __future__ import annotations

import json
import re
import secrets
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trialanchor import registry_files
from trialanchor.cli.connection import connect
from trialanchor.cli.files import read_file, write_new
from trialanchor.cli.messages import joined, language, printable, say
from trialanchor.cli.options import TOKEN_VARIABLE, TokenFile, Url, oid, read_token
from trialanchor.cli.results import note
from trialanchor.cli.values import AsJson, print_json
from trialanchor.client.oids import MAX_ENTRIES
from trialanchor.errors import ConfigError, InputError, TrialAnchorError
from trialanchor_chaincode.rules.descriptions import BLINDED, NO_CODE_REASONS, PRIVATE, PUBLIC, TYPES
from trialanchor_chaincode.rules.oids import REASONS, REQUEST
from trialanchor_oid.notation import parse_any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialanchor.client import Client

FORMS: Final = tuple(registry_files.MEDIA_TYPES)
VISIBILITIES: Final = (PUBLIC, PRIVATE, BLINDED)

ObjectType = Annotated[str, typer.Option("--type", help="Type of the object: " + ", ".join(TYPES) + ".")]

Request = Annotated[
    str | None,
    typer.Option(help="Name of the request; give the same one to repeat a request whose answer was lost."),
]
OidValue = Annotated[str, typer.Argument(metavar="OID", help="OID in any notation.", show_default=False)]
Under = Annotated[str | None, typer.Option(help="Only at or below this OID.")]

_CODE: Final = re.compile(r"([a-z][a-z0-9_-]*)=(.+)", re.ASCII)
_MAX_DEPTH: Final = 10


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to a group."""
    for command in (register, describe, deprecate, delegate, withdraw, get, tree, search, export):
        app.command()(command)
    app.command("import")(import_file)


def register(  # noqa: PLR0913 - one parameter for each option
    *,
    url: Url,
    kind: ObjectType,
    number: Annotated[str | None, typer.Option("--oid", help="OID to register; by default the next number.")] = None,
    prefix: Annotated[
        str | None, typer.Option(help="OID below which the next number is given; by default the class of the type.")
    ] = None,
    name_zh: Annotated[str | None, typer.Option(help="Chinese name.")] = None,
    name_en: Annotated[str | None, typer.Option(help="English name.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(help="Unicode label of the arc; may be given several times.")
    ] = None,
    code: Annotated[
        list[str] | None, typer.Option(help="Standard code, SCHEME=VALUE such as native=869…; several times.")
    ] = None,
    no_code: Annotated[
        str | None, typer.Option(help="Why a drug has no national code: " + ", ".join(NO_CODE_REASONS) + ".")
    ] = None,
    parent: Annotated[str | None, typer.Option(help="OID of the object it belongs to.")] = None,
    attributes: Annotated[str | None, typer.Option(help="Digest of its attributes, sha256:<hex> or sm3:<hex>.")] = None,
    visibility: Annotated[
        str | None, typer.Option(help="Who may see it: " + ", ".join(VISIBILITIES) + "; by default that of its type.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=1_000, help="Objects of this description.")] = 1,
    request: Request = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Register an object under the next number of its class, or under --oid; prints its OID."""
    description = _description(
        type=_one_of(kind, TYPES, "--type"),
        visibility=None if visibility is None else _one_of(visibility, VISIBILITIES, "--visibility"),
        names=_given(zh=name_zh, en=name_en),
        labels=label,
        codes=[_read_code(text) for text in code or ()],
        no_code=None if no_code is None else _one_of(no_code, NO_CODE_REASONS, "--no-code"),
        parent=None if parent is None else oid(parent, "--parent"),
        attributes=attributes,
    )
    if number is not None and (prefix is not None or count > 1):
        raise InputError("--oid names one object: neither --prefix nor --count goes with it")
    if number is not None:
        entry = {"oid": oid(number, "--oid"), **description}
        _write(url, token_file, request, "register", {"entries": [entry]}, as_json=as_json)
        return
    below = {} if prefix is None else {"prefix": oid(prefix, "--prefix")}
    _write(url, token_file, request, "allocate", {**below, "entries": [description] * count}, as_json=as_json)


def describe(  # noqa: PLR0913 - one parameter for each option
    value: OidValue,
    *,
    url: Url,
    file: Annotated[Path, typer.Option("--description", help="File with the whole new description, JSON.")],
    version: Annotated[int, typer.Option(min=1, help="Version of the entry that is replaced, as `oid get` shows it.")],
    request: Request = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace the description of an object; the old one stays in its history."""
    try:
        description = json.loads(read_file(file, 1 << 20))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON") from error
    arguments = {"oid": parse_any(value).dotted, "version": version, "description": description}
    _write(url, token_file, request, "describe", arguments, as_json=as_json)


def deprecate(  # noqa: PLR0913 - one parameter for each option
    value: OidValue,
    *,
    url: Url,
    reason: Annotated[str, typer.Option(help="Why it is no longer used: " + ", ".join(REASONS) + ".")],
    successor: Annotated[str | None, typer.Option(help="OID that takes its place.")] = None,
    request: Request = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Take an object out of use for ever; its OID is never given again."""
    following = None if successor is None else oid(successor, "--successor")
    arguments = {"oid": parse_any(value).dotted, "reason": _one_of(reason, REASONS, "--reason"), "successor": following}
    _write(url, token_file, request, "deprecate", arguments, as_json=as_json)


def delegate(  # noqa: PLR0913 - one parameter for each option
    *,
    url: Url,
    prefix: Annotated[str, typer.Option(help="OID below which the range lies.")],
    first: Annotated[int, typer.Option(min=0, help="First arc of the range.")],
    last: Annotated[int, typer.Option(min=0, help="Last arc of the range.")],
    holder: Annotated[str, typer.Option(help="OID of the department that writes there.")],
    request: Request = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Delegate a range of arcs to a department: from then on only it writes there."""
    arguments = {
        "prefix": oid(prefix, "--prefix"),
        "first": first,
        "last": last,
        "holder": oid(holder, "--holder"),
    }
    _write(url, token_file, request, "delegate", arguments, as_json=as_json)


def withdraw(  # noqa: PLR0913 - one parameter for each option
    *,
    url: Url,
    prefix: Annotated[str, typer.Option(help="OID below which the range lies.")],
    first: Annotated[int, typer.Option(min=0, help="First arc of the range.")],
    request: Request = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a delegated range back; what was registered in it stays."""
    arguments = {"prefix": oid(prefix, "--prefix"), "first": first}
    _write(url, token_file, request, "withdraw", arguments, as_json=as_json)


def get(value: OidValue, *, url: Url, as_json: AsJson = False) -> None:
    """Show what a node tells of an OID."""
    with _client(url) as client:
        view = client.oid(value)
    if as_json:
        print_json("trialanchor_oid_get", view)
        return
    typer.echo(view["oid"])
    entry = view.get("entry") or {}
    for name, text in entry.items():
        if name != "oid":
            typer.echo(f"  {say(name):14} {printable(_told(name, text))}")
    if not entry:
        note("nothing is registered here; something below it is")


def tree(
    value: Annotated[str, typer.Argument(metavar="OID", help="Where to begin; by default the root.")] = "/",
    *,
    url: Url,
    depth: Annotated[int, typer.Option(min=1, max=_MAX_DEPTH, help="Levels to show.")] = 3,
) -> None:
    """Show the tree of what a node has registered and may show."""
    with _client(url) as client:
        view = client.oid(value)
        typer.echo(_line(view))
        _print_children(client, view, 1, depth)


def search(  # noqa: PLR0913 - one parameter for each option
    *,
    url: Url,
    name: Annotated[str | None, typer.Option(help="Part of a name.")] = None,
    code: Annotated[str | None, typer.Option(help="Standard code, whole.")] = None,
    kind: Annotated[str | None, typer.Option("--type", help="Type of the object.")] = None,
    under: Under = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Search a node's registry by name, code and type."""
    below = None if under is None else oid(under, "--under")
    where = _given(name=name, code=code, type=kind, under=below)
    with _client(url, token_file) as client:
        found = client.search_oids(**where)
    if as_json:
        print_json("trialanchor_oid_search", {"entries": found})
        return
    for entry in found:
        typer.echo(_line(entry))
    note("{count} found", count=len(found))


def export(
    *,
    url: Url,
    form: Annotated[str, typer.Option("--format", help="Format to write: json, csv or xml.")] = "json",
    under: Under = None,
    output: Annotated[
        Path | None, typer.Option(help="File to write; standard output by default. Never written over.")
    ] = None,
    token_file: TokenFile = None,
) -> None:
    """Write a node's registry to a file that can be imported."""
    with _client(url, token_file) as client:
        content = client.export_oids(_one_of(form, FORMS, "--format"), None if under is None else oid(under, "--under"))
    if output is None:
        sys.stdout.buffer.write(content)
        return
    write_new(output, content)


def import_file(
    file: Annotated[Path, typer.Argument(help="Registry file: *.json, *.csv or *.xml.")],
    *,
    url: Url,
    form: Annotated[str | None, typer.Option("--format", help="Format; by default that of its name.")] = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Register the entries of a file under the OIDs they name; run it again after a failure."""
    kind = file.suffix.removeprefix(".").lower() if form is None else _one_of(form, FORMS, "--format")
    if kind not in FORMS:
        raise InputError("give --format: the name of the file does not end in .json, .csv or .xml")
    entries = registry_files.decode(kind, read_file(file, registry_files.MAX_FILE))
    registrations, written = registry_files.registrations(entries), list[str]()
    with _writer(url, token_file) as client:
        try:
            for start in range(0, len(registrations), MAX_ENTRIES):
                written += client.register_oids(registrations[start : start + MAX_ENTRIES])
            for arguments in registry_files.deprecations(entries):
                name = sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
                client.write_oids("deprecate", arguments, name)
        except TrialAnchorError:
            note(
                "{count} of {all} are registered; correct the file and run it again",
                count=len(written),
                all=len(entries),
            )
            raise
    if as_json:
        print_json("trialanchor_oid_import", {"oids": written})
        return
    note("{count} registered", count=len(written))


def _write(  # noqa: PLR0913 - what every writing command has
    url: str, token_file: Path | None, request: str | None, action: str, arguments: dict[str, Any], *, as_json: bool
) -> None:
    """Submit a transition and print the OIDs it wrote."""
    name = secrets.token_hex(16) if request is None else request
    if REQUEST.fullmatch(name) is None:
        raise InputError("--request is 1 to 64 letters, digits, dots, underscores or hyphens")
    with _writer(url, token_file) as client:
        written = client.write_oids(action, arguments, name)
    if as_json:
        print_json(f"trialanchor_oid_{action}", {"oids": written, "request": name})
        return
    for oid_text in written:
        typer.echo(oid_text)


def _client(url: str, token_file: Path | None = None) -> Client:
    """Connect with the token there is; reading needs none."""
    return connect(url, token=read_token(token_file))


def _writer(url: str, token_file: Path | None) -> Client:
    """Connect to write.

    Raises:
        ConfigError: There is no token.
    """
    token = read_token(token_file)
    if token is None:
        raise ConfigError(f"set {TOKEN_VARIABLE}, or give --token-file: the registry is written with a source's token")
    return connect(url, token=token)


def _print_children(client: Client, view: Mapping[str, Any], level: int, depth: int) -> None:
    """Print what lies below a node, page by page."""
    while True:
        for child in view["children"] or ():
            typer.echo("  " * level + _line(child))
            if level < depth and child["has_children"]:
                _print_children(client, client.oid(child["oid"]), level + 1, depth)
        if view["children_hidden"] or view["children"] is None:
            typer.echo("  " * level + say("(not disclosed)"))
        if view["children_next"] is None:
            return
        view = client.oid(view["oid"], int(view["children_next"]))


def _line(node: Mapping[str, Any]) -> str:
    """Write a node in one line: its OID, type, name and status; as the search gives it, as a page or as a child."""
    entry = {**node, **(node.get("entry") or {})}
    names = entry.get("names", {})
    own = names.get(language()) or next(iter(names.values()), "")
    status = entry.get("status", "active")
    parts = [
        node["oid"],
        say(entry["type"]) if entry.get("type") else "",
        own,
        say(status) if status != "active" else "",
    ]
    return printable("  ".join(part for part in parts if part))


def _told(name: str, value: Any) -> str:
    """Write a field of an entry: times in UTC, codes of a list in the reader's language."""
    if name.endswith("_at"):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if name in {"type", "visibility", "status", "reason"}:
        return say(value)
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(joined(str(name), str(text)) for name, text in value.items())
    if isinstance(value, list):
        return "; ".join(_shown(item) if not isinstance(item, dict) else "=".join(item.values()) for item in value)
    return str(value)


def _read_code(text: str) -> dict[str, str]:
    match = _CODE.fullmatch(text)
    if match is None:
        raise InputError("--code is SCHEME=VALUE, such as native=86903630000047")
    return {"scheme": match[1], "value": match[2]}


def _description(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _one_of(value: str, known: Iterable[str], option: str) -> str:
    """Take a value of a list.

    Raises:
        InputError: It is another; names the option.
    """
    if value not in known:
        raise InputError(f"{option} is one of {', '.join(known)}")
    return value


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
