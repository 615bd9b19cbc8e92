"""Write the methods of the SDK for the ledger's contracts from the table of transitions; with --check only compare.

    python scripts/write_contracts.py [--check]

They are written out, not made while the program runs, so that an editor completes them and mypy checks their calls.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

from trialanchor_chaincode.rules.transitions import TRANSITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialanchor_chaincode.rules.transitions import TransitionSpec

PATH = Path(__file__).parents[1] / "sdk" / "trialanchor" / "client" / "contracts_api.py"
WIDTH = 120
TYPES = {"positive": "Count"}
"""Names of argument types in the SDK; the others are the type's own name with a capital."""

HEAD = '''"""The contracts of the ledger, a method for each transition; written by `scripts/write_contracts.py`.

Longer than other modules: it holds the whole table of transitions, so that editors complete it and mypy checks calls.
The methods of a `Client` give `Accepted`, those of an `AsyncClient` the same to be awaited.
"""

# fmt: off
# ruff: noqa: A002, PLR0913 - names and number of the arguments are those of the table

from __future__ import annotations

from typing import TYPE_CHECKING, Generic

from trialanchor.client.contracts import Contract, R_co

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialanchor.client.contracts import (
        Code,
        Codes,
        Count,
        Date,
        Digest,
        Digests,
        List,
        Map,
        Oid,
        Oids,
        Seed,
        Time,
        Transition,
        Truth,
    )
'''


def fill(text: str, indent: int) -> str:
    """Break a text into lines below each other."""
    margin = " " * indent
    lines = wrap(
        text,
        WIDTH,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)


def fill_list(items: Iterable[str], indent: int) -> str:
    """Break a list into lines; no item is broken."""
    return fill(", ".join(item.replace(" ", "\0") for item in items), indent).replace("\0", " ")


def parameters(spec: TransitionSpec) -> list[str]:
    """Give the parameters of a method: what must be given first, the name of the request last."""
    typed = {each: TYPES.get(each.type, each.type.capitalize()) for each in spec.fields.values()}
    needed = {each.name: f"{each.name}: {kind}" for each, kind in typed.items() if each.required}
    if spec.scope == "study":
        needed = {"study": "study: Oid"} | needed
    rest = [f"{each.name}: {kind} | None = None" for each, kind in typed.items() if not each.required]
    return [*needed.values(), *rest, "request: str | None = None"]


def who(spec: TransitionSpec) -> str:
    """Say who may make a transition."""
    text = f"By {', '.join(spec.roles) or 'any member'}"
    if spec.functions:
        text += f"; a person as {', '.join(spec.functions)}"
    return f"{text}. A person must sign." if spec.person else f"{text}."


def method(spec: TransitionSpec) -> str:
    """Write the method of a transition."""
    given = [f"{name}={name}" for name in spec.fields]
    study = "study" if spec.scope == "study" else "None"
    return f'''
    def {spec.action}(
{fill_list(["self", "*", *parameters(spec)], 8)}
    ) -> R_co:
        """{spec.en}.

{fill(who(spec), 8)}

{fill(f"Source: {spec.clause}.", 8)}
        """
        return self._ask(
{fill_list([f'"{spec.action}"', study, "request", *given], 12)}
        )
'''


def contract(name: str, specs: Iterable[TransitionSpec]) -> str:
    """Write the class of a contract."""
    return f'''

class {name.capitalize()}(Contract[R_co]):
    """Transitions of the contract `{name}`, see `docs/contracts/{name}.md`.

    Every method raises `TransitionRefusedError` when a rule refuses, here or at the node, and what the client raises.
    """

    name = "{name}"
{"".join(map(method, specs))}'''


def content() -> str:
    """Give the content of the module."""
    grouped = groupby(TRANSITIONS.values(), key=lambda spec: spec.contract)
    classes = {name: contract(name, specs) for name, specs in grouped}
    made = "".join(f"        self.{name} = {name.capitalize()}(make)\n" for name in classes)
    return f'''{HEAD}{"".join(classes.values())}

class Contracts(Generic[R_co]):
    """All contracts, each under its name.

    Args:
        make: Makes a transition.
    """

    def __init__(self, make: Callable[[Transition], R_co]) -> None:
{made}'''


def main() -> int:
    """Write or compare; 1 when the file is not the one of this table."""
    wanted = content()
    if "--check" in sys.argv[1:]:
        same = PATH.is_file() and PATH.read_text(encoding="utf-8") == wanted
        print(f"{PATH.name} {'is up to date' if same else 'is not of this table: run scripts/write_contracts.py'}")
        return 0 if same else 1
    PATH.write_text(wanted, encoding="utf-8")
    print(f"wrote {PATH.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
