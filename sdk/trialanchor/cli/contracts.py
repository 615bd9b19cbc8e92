"""`trialanchor trial`, `drug`, `sample` and the others: a command for each transition of the ledger's contracts.

Commands, options and help are made from the table of transitions, so they are those of the rules. With a key the
transition is signed here, in the name of the person or system of its certificate; without one, the node signs it for
the source whose token is sent.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.main import get_group

from trialanchor.cli.arguments import annotation, read_arguments
from trialanchor.cli.connection import connect
from trialanchor.cli.messages import language, printable, refusal_texts, say
from trialanchor.cli.options import (
    Caller,
    Chain,
    OptionalKey,
    PassphraseFile,
    RequestName,
    Study,
    TokenFile,
    Url,
    oid,
    read_signing,
    read_token,
)
from trialanchor.cli.results import Result, note
from trialanchor.cli.values import AsJson, print_json
from trialanchor.client import OutcomeUnknownError, Transition
from trialanchor.client.contracts import new_request
from trialanchor.errors import ConfigError
from trialanchor.report import Verdict
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.transitions import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from trialanchor.client import Accepted, Client
    from trialanchor_chaincode.rules.transitions import TransitionSpec

RENAMED: Final[Mapping[tuple[str, str], str]] = {("unblinding", "disclose"): "record-disclosure"}
"""Transitions whose own name is that of a command which writes files."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a command gets to its node, and who signs.

    Attributes:
        url: Address of the node.
        caller: OID of the member that asks, or its file; None for the one in the certificate.
        key: Signing key; None to have the node sign.
    """

    url: str
    caller: str | None
    key: Path | None
    chain: Path | None
    passphrase_file: Path | None
    token_file: Path | None

    def connect(self) -> Client:
        """Connect to the node, with a key, a token or both.

        Raises:
            ConfigError: There is neither, or one cannot be read.
        """
        token = read_token(self.token_file)
        if self.key is None and token is None:
            raise ConfigError("nobody signs: give --key to sign here, or --token-file to have the node sign")
        signing = None if self.key is None else read_signing(self.caller, self.key, self.chain, self.passphrase_file)
        return connect(self.url, signing, token)


SHARED: Final[Mapping[str, tuple[Any, Any]]] = {
    "url": (Url, inspect.Parameter.empty),
    "request": (RequestName, None),
    "caller": (Caller, None),
    "key": (OptionalKey, None),
    "chain": (Chain, None),
    "passphrase_file": (PassphraseFile, None),
    "token_file": (TokenFile, None),
    "as_json": (AsJson, False),
}
"""Parameters of every command of a contract, with their defaults."""

_ACCESS: Final = ("url", "caller", "key", "chain", "passphrase_file", "token_file")


def commands(contract: str) -> Mapping[str, Any]:
    """Make the commands of a contract, by name."""
    app = typer.Typer(add_completion=False)
    for spec in TRANSITIONS.values():
        if spec.contract == contract:
            app.command(command_name(spec), help=_help(spec))(_command(spec))
    return get_group(app).commands


def command_name(spec: TransitionSpec) -> str:
    """Name the command of a transition."""
    return RENAMED.get((spec.contract, spec.action), spec.action.replace("_", "-"))


def _help(spec: TransitionSpec) -> str:
    """Say what a transition does, who may make it, and the source."""
    does = f"{spec.zh}。" if language() == "zh" else f"{spec.en}."
    parts = [does, say("For: {roles}.", roles=", ".join(spec.roles) or say("any member"))]
    if spec.person:
        parts.append(say("A person must sign."))
    return "\n\n".join([*parts, spec.clause])


def _command(spec: TransitionSpec) -> Callable[..., int]:
    """Make the function of a command; its signature, which Typer reads, comes from the table."""
    fields = sorted(spec.fields.values(), key=lambda each: not each.required)
    parameters: dict[str, tuple[Any, Any]] = {
        each.name: (annotation(each), inspect.Parameter.empty if each.required else None) for each in fields
    }
    if spec.scope == "study" or "study" in spec.fields:
        parameters["study"] = (Study, inspect.Parameter.empty)
    parameters |= SHARED

    def command(**given: Any) -> int:
        study = oid(given["study"], "--study") if spec.scope == "study" else None
        transition = Transition(
            spec.contract, spec.action, read_arguments(spec, given), study, given["request"] or new_request()
        )
        with Access(**{name: given[name] for name in _ACCESS}).connect() as client:
            return report(client, transition, as_json=given["as_json"])

    kind = inspect.Parameter.KEYWORD_ONLY
    signature = [inspect.Parameter(n, kind, default=d, annotation=a) for n, (a, d) in parameters.items()]
    command.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]  # what Typer reads
    command.__annotations__ = {name: told for name, (told, _) in parameters.items()}
    return command


def report(client: Client, transition: Transition, *, as_json: bool) -> int:
    """Make a transition and say what came of it; gives the exit code.

    Raises:
        TrialAnchorError: As `Client.make`; a refusal only when no JSON is asked for.
    """
    try:
        accepted = client.make(transition)
    except TransitionRefusedError as error:
        if not as_json:
            raise
        print_json("trialanchor_transition", {**named(transition), "refused": refused_json(error)})
        return error.exit_code
    except OutcomeUnknownError:
        note("the name of the request is {request}: give it with --request to ask again", request=transition.request)
        raise
    if as_json:
        print_json("trialanchor_transition", {**named(transition), "accepted": accepted.to_json()})
        return 0
    print_accepted(transition.arguments[transition.spec.subject], accepted)
    return 0


def named(transition: Transition) -> dict[str, Any]:
    """Name a transition in JSON."""
    return {"contract": transition.contract, "action": transition.action, "request": transition.request}


def refused_json(error: TransitionRefusedError) -> dict[str, str]:
    """Give a refusal as JSON, in the reader's language."""
    text, advice = refusal_texts(error)
    return {"code": error.code, "text": text, "help": advice}


def print_accepted(subject: str, accepted: Accepted) -> None:
    """Print one line for a transition by its subject, and one for each further thing that the rules tell."""
    typer.echo(Result(subject, Verdict.VERIFIED, accepted.transaction).line)
    for text in accepted.result:
        if text != subject:
            typer.echo(printable(text))
    note("block {block} of {ledger}", block=accepted.block, ledger=accepted.ledger)
    if not accepted.new:
        note("this request was done before; nothing was done again")
