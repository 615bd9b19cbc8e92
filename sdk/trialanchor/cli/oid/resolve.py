"""`trialanchor oid resolve`: what the ORS says about identifiers: services, and the information files they name.

Exit codes: 0 all resolved; 1 a definite no (no such node, no such service, DNSSEC refutes the answer); 4 could not be
checked. For several values the worst counts, in the order 1, 4, 0. A value that is no OID is 2, and nothing is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.cli import surroundings
from trialanchor.cli.files import read_file
from trialanchor.cli.messages import joined, language, printable, say
from trialanchor.cli.results import WORDS, note
from trialanchor.cli.values import AsJson, print_json, read_all
from trialanchor.errors import ConfigError
from trialanchor.report import Verdict
from trialanchor_oid.iri import resolve_labels
from trialanchor_oid.ors.client import LocalCopy, Resolver, ResolverOptions, Upstream
from trialanchor_oid.ors.copies import copy_of_zone
from trialanchor_oid.ors.dnssec import Security, TrustAnchor, read_anchors
from trialanchor_oid.ors.errors import OrsError
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy
from trialanchor_oid.ors.information import ChildInformation, Contact, RegistrationInformation
from trialanchor_oid.ors.markup import text_of
from trialanchor_oid.ors.names import DEFAULT_APEX, host_name
from trialanchor_oid.ors.query import DnsExchange, NameServer
from trialanchor_oid.ors.records import CINF
from trialanchor_oid.ors.resolution import Question, Resolution, error_json, labels_of_text, result_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialanchor.cli.values import Value
    from trialanchor_oid.ors.dnssec import Assessment
    from trialanchor_oid.ors.information import Registration
    from trialanchor_oid.ors.query import Exchange

ANY = "ANY"
_MAX_ANCHORS = 1 << 16
_MAX_ZONE = 64 << 20
_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one value."""

    value: Value
    found: Resolution | None
    error: OrsError | None

    @property
    def exit_code(self) -> int:
        """Its exit code."""
        return 0 if self.error is None else self.error.exit_code

    def to_json(self) -> dict[str, Any]:
        """Give its JSON object: that of the result, or the error."""
        place = {"source": self.value.source, "number": self.value.number, "exit_code": self.exit_code}
        if self.found is not None:
            return {**place, **result_json(self.found)}
        return {**place, "error": None if self.error is None else error_json(self.error)}


def add_to(app: typer.Typer) -> None:
    """Add the command of this module to a group."""
    app.command()(resolve)


def resolve(  # noqa: PLR0913 - one parameter for each option
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="VALUE...",
            help="OIDs in any notation, OID-IRIs with labels too; - for standard input, one a line.",
            show_default=False,
        ),
    ],
    *,
    kind: Annotated[str, typer.Option("--type", help="Service type: CINF, RINF, COID, UINF, … or ANY.")] = CINF,
    server: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST:PORT", help="Name server; may be given several times. By default the system's."),
    ] = None,
    apex: Annotated[str, typer.Option(help="Domain below which owner names of the ORS lie.")] = DEFAULT_APEX,
    trust_anchor: Annotated[
        Path | None, typer.Option(help="File of DS or DNSKEY records: answers are validated from there.")
    ] = None,
    trust_ad: Annotated[
        bool, typer.Option("--trust-ad", help="Believe the resolver when it says that it validated an answer.")
    ] = False,
    secure: Annotated[bool, typer.Option("--secure", help="Take only validated answers.")] = False,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Ask also without ors-dummy, and take bare service types.")
    ] = False,
    local: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PREFIX=SOURCE",
            help="Local copy of what is at or below PREFIX: HOST:PORT or a master file, with @DOMAIN for its own apex.",
        ),
    ] = None,
    fetch: Annotated[bool, typer.Option(help="Fetch and read the CINF or RINF file.")] = True,
    allow_http: Annotated[bool, typer.Option("--allow-http", help="Fetch over http, too.")] = False,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Fetch from addresses that are not public, too.")
    ] = False,
    trust_env: Annotated[bool, typer.Option("--trust-env", help="Fetch through the proxy of the environment.")] = False,
    ca: Annotated[Path | None, typer.Option(help="Authorities to trust for https instead of the system's.")] = None,
    show_steps: Annotated[bool, typer.Option("--steps", help="Show what was asked and fetched.")] = False,
    as_json: AsJson = False,
) -> int:
    """Resolve OIDs: 0 all resolved, 1 some do not exist or are refuted, 4 some could not be checked."""
    type_ = None if kind.upper() == ANY else kind.upper()
    apex = host_name(apex)
    asked = read_all(values, lambda text: Question(labels_of_text(text, apex), type_, secure, fetch))
    anchors = () if trust_anchor is None else _read_anchors(trust_anchor)
    upstream = Upstream(exchange_of(server or ()), apex, anchors, trust_ad)
    copies = tuple(_local_copy(text, upstream) for text in local or ())
    fetcher = Fetcher(FetchPolicy(allow_http, allow_private, trust_env=trust_env, ca_file=ca))
    resolver = Resolver(surroundings.clock().now, upstream, ResolverOptions(copies, legacy), fetcher=fetcher)
    outcomes = [_outcome(resolver, value, question) for value, question in asked]
    if as_json:
        print_json("trialanchor_oid_resolve", {"results": [outcome.to_json() for outcome in outcomes]})
    for outcome in outcomes if not as_json else ():
        _print(outcome, show_steps=show_steps)
    codes = {outcome.exit_code for outcome in outcomes}
    return next((code for code in (1, 4) if code in codes), 0)


def exchange_of(servers: Sequence[str]) -> Exchange:
    """Give the way to the name servers.

    Raises:
        ConfigError: One is no address.
    """
    return DnsExchange(tuple(map(NameServer.parse, servers)))


def _read_anchors(path: Path) -> tuple[TrustAnchor, ...]:
    data = read_file(path, _MAX_ANCHORS)
    if len(data) > _MAX_ANCHORS:
        raise ConfigError("the file of trust anchors is too large")
    return read_anchors(data.decode("utf-8", "replace"))


def _local_copy(text: str, upstream: Upstream) -> LocalCopy:
    """Read `PREFIX=HOST:PORT[@DOMAIN]` or `PREFIX=FILE[@DOMAIN]`.

    Raises:
        ConfigError: It is neither, or there is no such file.
        ZoneFileError: The file is no master file.
    """
    prefix_text, equals, source = text.partition("=")
    source, _, own_apex = source.partition("@")
    if not equals or not source:
        raise ConfigError("--local is PREFIX=HOST:PORT or PREFIX=FILE, with @DOMAIN when its apex is another")
    prefix, apex = resolve_labels(labels_of_text(prefix_text)), own_apex or upstream.apex
    if "/" in source or Path(source).is_file():
        if not Path(source).is_file():
            raise ConfigError("the master file of a local copy does not exist")
        return copy_of_zone(prefix, read_file(Path(source), _MAX_ZONE).decode("utf-8", "replace"), apex)
    return LocalCopy(prefix, Upstream(exchange_of([source]), apex, upstream.anchors))


def _outcome(resolver: Resolver, value: Value, question: Question) -> Outcome:
    try:
        return Outcome(value, resolver.resolve(question), None)
    except OrsError as error:
        return Outcome(value, None, error)


def _print(outcome: Outcome, *, show_steps: bool) -> None:
    """Print what came of one value: a line, and what is known."""
    error = outcome.error
    steps = outcome.found.steps if outcome.found is not None else () if error is None else error.steps
    for step in steps if show_steps else ():
        note("{step}", step=say(step))
    if error is not None:
        verdict = Verdict.REFUTED if error.exit_code == Verdict.REFUTED.exit_code else Verdict.UNCHECKED
        typer.echo(joined(_headed(verdict, say(outcome.value.place)), printable(say(str(error)))))
        for name, text in _lines_of_error(error):
            typer.echo(f"  {say(name):{_WIDTH}} {printable(text)}")
        return
    if outcome.found is not None:
        typer.echo(_headed(Verdict.VERIFIED, _oid(outcome.found)))
        for name, text in _lines(outcome.found):
            typer.echo(f"  {say(name):{_WIDTH}} {printable(text)}")


def _headed(verdict: Verdict, text: str) -> str:
    word = WORDS[verdict]
    return f"{word} {say(word)} {printable(text)}" if language() == "zh" else f"{word} {printable(text)}"


def _oid(found: Resolution) -> str:
    return found.target if found.arcs is None else ".".join(map(str, found.arcs)) or "/"


def _lines_of_error(error: OrsError) -> Iterator[tuple[str, str]]:
    if error.dnssec is not None:
        yield "DNSSEC", _validated(error.dnssec)
    if error.resolution is not None:
        yield from _lines(error.resolution)
    yield "ORS number", str(error.number)
    yield "what to do", say(error.help())


def _validated(assessment: Assessment) -> str:
    state = assessment.state
    text = "not validated" if state is Security.INDETERMINATE else state.value
    return joined(say(text), say(assessment.reason))


def _lines(found: Resolution) -> Iterator[tuple[str, str]]:
    """Give what is known, name by name."""
    yield "ORS name", found.owner
    if found.target != found.owner:
        yield "leads to", found.target
    yield "source of it", say(found.source) + (f" ({say('cache')})" if found.cached else "")
    yield "DNSSEC", _validated(found.dnssec)
    yield "good for", f"{found.ttl} s"
    for service in found.services:
        yield service.type, service.information
    if isinstance(found.information, ChildInformation):
        yield from _child_lines(found.information)
    elif isinstance(found.information, RegistrationInformation):
        yield from _registration_lines(found.information)


def _child_lines(information: ChildInformation) -> Iterator[tuple[str, str]]:
    if information.disclosed is None:
        yield "other children", say("nothing is disclosed")
        return
    for child in information.disclosed:
        outside = "" if child.ors_supported else f" ({say('not in the ORS')})"
        yield "child arc", " ".join((str(child.numeric_label), *child.labels)) + outside
    others = information.other_children
    yield "other children", say("not told") if others < 0 else str(others)


def _registration_lines(information: RegistrationInformation) -> Iterator[tuple[str, str]]:
    told = information.disclosure
    if told is None:
        yield "registration", say("nothing is disclosed")
        return
    for html in filter(None, (told.description, told.additional_information)):
        yield from (("purpose", line) for line in text_of(html).splitlines())
    if told.first_registration is not None:
        yield "first registered", _registered(told.first_registration)
    if told.current_registration is not None:
        yield "registered now", _registered(told.current_registration)


def _registered(registration: Registration) -> str:
    registrant = registration.registrant
    if not isinstance(registrant, Contact):
        return f"{registration.date.isoformat()} {say('registrant enciphered')}"
    names = (registrant.family_name_or_organization, registrant.given_name, registrant.email_address)
    return " ".join((registration.date.isoformat(), *filter(None, names)))
