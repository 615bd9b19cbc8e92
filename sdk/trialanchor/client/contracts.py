"""Transitions of the ledger's contracts: what is asked, how it is made plain, and what came of it.

The methods, one for each row of the table of transitions, are in `contracts_api`, which `scripts/write_contracts.py`
writes. A request has a name: the same member asking again under the same name, even after a crash, gets the result of
the first time. Whoever must not ask twice gives the name and keeps it; otherwise it is random.

Source: R-003, R-005; JS4652 8.4, 8.5.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Final, Generic, TypeVar
from uuid import uuid4

from trialanchor.encoding import base64_encode, digest_text
from trialanchor.errors import InputError
from trialanchor_chaincode.rules.transitions import TRANSITIONS, TransitionSpec, check_arguments
from trialanchor_oid.codec import URN_PREFIX

Oid = str
"""A dotted OID, or one as `urn:oid:`."""

Oids = Collection[str]
Code = str
"""A code of lower-case letters, digits and `_.:-`."""

Codes = Collection[str]
Digest = str | bytes
"""`sha256:<hex>` or `sm3:<hex>`; 32 octets are a SHA-256."""

Digests = Collection[str | bytes]
Count = int
Time = int | datetime
"""Unix second, or a time with its offset; fractions of a second are left out."""

Date = str | date
"""`YYYYMMDD`, or a date."""

Truth = bool
Seed = str
List = Sequence[Any]
Map = Mapping[str, Any]

R_co = TypeVar("R_co", covariant=True)


def new_request() -> str:
    """Make a random name of a request."""
    return uuid4().hex


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition that is asked for.

    Attributes:
        contract: Name of the contract.
        action: Name of the transition.
        arguments: Its arguments; those that are None are left out.
        study: OID of the study where it is made in one, else None.
        request: Name of the request, 1 to 64 letters, digits, dots, underscores or hyphens.
    """

    contract: str
    action: str
    arguments: Mapping[str, Any]
    study: str | None = None
    request: str = field(default_factory=new_request)

    @property
    def spec(self) -> TransitionSpec:
        """Its row of the table.

        Raises:
            InputError: There is none.
        """
        spec = TRANSITIONS.get((self.contract, self.action))
        if spec is None:
            raise InputError(f"there is no transition {self.contract}/{self.action}")
        return spec

    def plain(self) -> dict[str, Any]:
        """Give the arguments as they are signed, held to their form.

        Raises:
            InputError: There is no such transition, or a time has no offset.
            TransitionRefusedError: An argument is missing, unknown or not of its form.
        """
        spec, given = self.spec, {name: value for name, value in self.arguments.items() if value is not None}
        types = {name: each.type for name, each in spec.fields.items()}
        arguments = {name: _PLAIN.get(types.get(name, ""), _as_it_is)(value) for name, value in given.items()}
        check_arguments(spec, arguments)
        return arguments


def _as_it_is(value: Any) -> Any:
    return value


def _oid(value: Any) -> Any:
    return value.removeprefix(URN_PREFIX) if isinstance(value, str) else value


def _digest(value: Any) -> Any:
    return digest_text(value) if isinstance(value, bytes) else value


def _time(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise InputError("a time needs its offset: give an aware datetime, or Unix seconds")
    return int(value.timestamp())


def _date(value: Any) -> Any:
    return value.strftime("%Y%m%d") if isinstance(value, date) else value


def _each(plain: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: values if isinstance(values, str | bytes) else [plain(value) for value in values]


_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "oid": _oid,
    "oids": _each(_oid),
    "codes": lambda values: values if isinstance(values, str) else sorted(values),
    "digest": _digest,
    "digests": _each(_digest),
    "time": _time,
    "date": _date,
    "list": _each(lambda value: list(value) if isinstance(value, tuple) else value),
    "map": lambda value: dict(value) if isinstance(value, Mapping) else value,
}
"""How a value of Python becomes one of a transaction, by the type of the argument."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of a transition: it is final on the ledger, and evidence in the node's log.

    Attributes:
        transaction: Name of the transaction, `sha256:<hex>`; of the first one when the request was done before.
        ledger: Name of the ledger.
        block: Number of its block.
        new: Whether it was done now, not before.
        result: OIDs or texts that the rules tell the caller; the subject where there is nothing more to tell.
        index: Place in the log.
        receipt: COSE receipt of the statement; `Client.receipt` gives the whole bundle.
        checkpoint: Checkpoint note to which the receipt leads.
    """

    transaction: str
    ledger: str
    block: int
    new: bool
    result: tuple[str, ...]
    index: int
    receipt: bytes = field(repr=False)
    checkpoint: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object, as the node's answer."""
        return {
            "transaction": self.transaction,
            "ledger": self.ledger,
            "block": self.block,
            "new": self.new,
            "result": list(self.result),
            "index": self.index,
            "receipt": base64_encode(self.receipt),
            "checkpoint": self.checkpoint,
        }


class Contract(Generic[R_co]):
    """A contract of the ledger; the subclasses have a method for each of its transitions.

    Args:
        make: Makes a transition; what it gives is what the methods give.
    """

    name: ClassVar[str]

    def __init__(self, make: Callable[[Transition], R_co]) -> None:
        self._make = make

    def _ask(self, action: str, study: str | None, request: str | None, /, **arguments: Any) -> R_co:
        return self._make(Transition(self.name, action, arguments, study, request or new_request()))
