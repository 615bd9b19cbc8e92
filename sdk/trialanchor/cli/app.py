"""The command `trialanchor`: its subcommands, loaded when they are called, and the one place where errors end.

Exit codes: 0 done or verified, 1 refuted or refused, 2 wrong call or wrong file format, 3 pending, 4 could not be
checked or done. Nothing else, and no traceback: it could show what a record holds.

Subcommands of other packages (`node`, `bench`) are entry points of the group `trialanchor.commands`.
"""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from traceback import extract_tb
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from trialanchor.cli.messages import error_texts, joined, language, printable, say
from trialanchor.errors import ConfigError, TrialAnchorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = "trialanchor"
PLUGIN_GROUP = "trialanchor.commands"
USAGE, NOT_DONE = 2, 4
"""Exit codes of errors that carry none of their own."""

_INTERRUPTED = 130

COMMANDS: Mapping[str, str] = {
    "keys": "Make the keys of a member, of its systems and persons.",
    "stamp": "Register the digests of files.",
    "submit": "Register the records of files, many under one signature.",
    "upgrade": "Add to bundles the anchors gathered since.",
    "verify": "Check that evidence is what was registered.",
    "info": "Show what a bundle says.",
    "disclose": "Show one item of a record and nothing of the others.",
    "export": "Write a bundle in the formats of others.",
    "oid": "Read, write, explain and resolve object identifiers.",
    "drug": "Record what is done with trial drugs; check and explain drug codes.",
    "unblind": "Seal treatment allocations, and open them unit by unit.",
    "trial": "Register, run and close studies and their sites.",
    "consent": "Record consent and enrolment of subjects.",
    "sample": "Record what is done with biological samples.",
    "review": "Submit to reviews and decide them.",
    "randomise": "Commit, draw and reveal randomisation lists.",
    "correct": "Correct, annotate and lock records.",
    "member": "Govern the consortium: members, persons, rules.",
    "grant": "Grant access, transfer and subscribe.",
    "transaction": "Sign, send, show and verify transactions as files.",
    "events": "Show the events of the ledger.",
    "completeness": "Show which evidence of a study is missing, late or unreviewed.",
    "trace": "Trace an object to its origin and its use.",
}
"""Our own subcommands: each is the module of the same name beside this one, and what `CONTRACTS` adds."""

CONTRACTS: Mapping[str, str] = {
    "trial": "trials",
    "consent": "consent",
    "drug": "drugs",
    "sample": "samples",
    "review": "reviews",
    "randomise": "randomisation",
    "unblind": "unblinding",
    "correct": "corrections",
    "member": "members",
    "grant": "grants",
}
"""Contract whose transitions a subcommand has; all but those of `_WITH_FILES` have nothing else."""

_WITH_FILES = ("drug", "unblind")

PLUGINS: Mapping[str, str] = {
    "node": "Make, run and check a node.",
    "bench": "Measure a node.",
}
"""What is said of the known subcommands of other packages, without loading them."""


class CommandGroup(TyperGroup):
    """The subcommands; each is imported when it is called, so none needs what another one needs."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name all subcommands, ours first."""
        del ctx
        return [*COMMANDS, *sorted(_plugins())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a subcommand that loads itself when it is called; None when there is none of that name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        text = COMMANDS.get(cmd_name) or PLUGINS.get(cmd_name, "")
        return _Deferred(name=cmd_name, help=say(text))


class _Deferred(TyperGroup):
    """Stands for a subcommand until it is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Load the subcommand and let it take over."""
        return load_command(str(self.name)).make_context(info_name, args, parent=parent, **extra)


@cache
def _plugins() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=PLUGIN_GROUP) if point.name not in COMMANDS}


def load_command(name: str) -> Any:
    """Import a subcommand.

    Raises:
        ConfigError: It is in a package that is not installed; names the extra.
    """
    if name in COMMANDS:
        return _translate(_own_command(name))
    try:
        return get_command(_plugins()[name].load())
    except ImportError as error:
        missing = error.name or "a module"
        raise ConfigError(f"`{PROGRAM} {name}` needs {missing}: pip install trialanchor[node]") from error


def _own_command(name: str) -> Any:
    """Take a subcommand from its module, and add the transitions of its contract."""
    if name not in CONTRACTS:
        return get_command(import_module(f"trialanchor.cli.{name}").app)
    transitions = import_module("trialanchor.cli.contracts").commands(CONTRACTS[name])
    if name not in _WITH_FILES:
        return TyperGroup(name=name, help=COMMANDS[name], commands=dict(transitions), no_args_is_help=True)
    group: Any = get_command(import_module(f"trialanchor.cli.{name}").app)
    group.help = COMMANDS[name]
    for named, command in transitions.items():
        group.add_command(command, named)
    return group


def _translate(command: Any) -> Any:
    """Put the help of a command, its options and its subcommands into the reader's language.

    Chinese is set as plain text: the tables of rich cut lines that have no blanks.
    """
    if language() == "zh":
        command.rich_markup_mode = None
    command.help = say(command.help or "")
    for parameter in (*command.params, command.get_help_option(typer.Context(command))):
        if getattr(parameter, "help", None):
            parameter.help = say(parameter.help)
    for inner in getattr(command, "commands", {}).values():
        _translate(inner)
    return command


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code; never raises.

    Args:
        arguments: What follows the name of the program; None for those of this process.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # file names may be anything
    try:
        code = _command().main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except TrialAnchorError as error:
        _print_error(*error_texts(error))
        return error.exit_code
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its text is the help; the class is not public
            typer.echo(error.format_message(), err=True)
        elif error.format_message():
            _print_error(error.format_message(), say("`trialanchor COMMAND --help` shows how to call it"))
        return USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left in the buffer goes nowhere
        return NOT_DONE
    except Exception as error:  # noqa: BLE001 - the last resort: what is unforeseen ends here, without its data
        _print_error(_unforeseen(error), say(TrialAnchorError.hint))
        return NOT_DONE
    if code == _INTERRUPTED:
        _print_error(say("interrupted"), say("Run the same command again."))
        return NOT_DONE
    return code if isinstance(code, int) else 0


def _command() -> Any:
    text = "Anchor the evidence of clinical trials, and check what was anchored."
    return _translate(CommandGroup(name=PROGRAM, help=text, no_args_is_help=True))


def _print_error(message: str, hint: str) -> None:
    with contextlib.suppress(OSError):
        typer.echo(joined(PROGRAM, printable(message)), err=True)
        typer.echo(printable(hint), err=True)


def _unforeseen(error: Exception) -> str:
    """Name the kind and the place of an error; its text may hold anything."""
    frames = extract_tb(error.__traceback__)
    place = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"  # noqa: PTH119
    return say("unforeseen error {kind} at {place}", kind=type(error).__name__, place=place)


def main() -> NoReturn:
    """Run the command line of this process; the entry point `trialanchor`."""
    sys.exit(run())
