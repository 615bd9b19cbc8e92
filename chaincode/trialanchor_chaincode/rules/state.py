"""What the rules read and write: a state view, transactions and their outcome.

Keys and values are text (canonical JSON in the values), so the same writes fit an SQL table, Fabric's world state and
the scenario files. The rules never iterate over unordered things, read no clock and use no floats.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol


class StateView(Protocol):
    """Reads the state a transaction is applied to."""

    def get(self, key: str) -> str | None:
        """Give the value under `key`, or None."""


class SignatureCheck(Protocol):
    """Verifies an Ed25519 signature; handed in because the rules use the standard library only."""

    def __call__(self, public_key: bytes, signature: bytes, data: bytes) -> bool:
        """Tell whether `signature` (64 octets) is one of `public_key` (32 octets) over `data`."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signature of a transaction vouches for, beside contract, action and arguments.

    Attributes:
        actor: Dotted OID of the person or system that acted.
        named: Whether the signing certificate names the actor: it is a person's, not a system's.
        subject: Dotted OID of the object it is about.
        study: Dotted OID of the study; of the member itself when no study is concerned.
        kind: Evidence kind as which it stands in the member's log.
        at: Unix second at which it was signed, by the signer's clock.
        ledger: Name of the ledger it is meant for.
        request: Name of the request, unique for its caller.
        body: Digest `sha256:<hex>` of what is asked for: ledger, request, contract, action and arguments.
        digest: Statement digest `sha256:<hex>`, the name of the transaction everywhere.
        text: The signed bytes with their certificates, as they stand in a block.
    """

    actor: str
    named: bool
    subject: str
    study: str
    kind: str
    at: int
    ledger: str
    request: str
    body: str
    digest: str
    text: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """A request to change the state.

    Attributes:
        contract: Name of the contract, such as `drugs`.
        action: Name of the transition.
        caller: Dotted OID of the member that asks.
        arguments: JSON values; text, whole numbers, truth values, lists and objects only.
        signed: What its signature vouches for; None for what the ledger's operator or a log's key answers for.
    """

    contract: str
    action: str
    caller: str
    arguments: dict[str, Any]
    signed: Signed | None = None

    def encode(self) -> bytes:
        """Encode canonically: the bytes that are hashed into a block."""
        if self.signed is not None:
            return self.signed.text.encode()
        value = {
            "action": self.action,
            "arguments": self.arguments,
            "caller": self.caller,
            "contract": self.contract,
        }
        return encode_value(value).encode()


@dataclass(frozen=True, slots=True)
class Context:
    """Where and when a transaction is decided.

    Attributes:
        ledger: Name of the ledger.
        at: Unix second of the block.
        verify: Ed25519 verification.
    """

    ledger: str
    at: int
    verify: SignatureCheck


class Event(NamedTuple):
    """Something that happened: `source:subject:action`, the object's OID, and the study's when there is one."""

    name: str
    subject: str
    study: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an accepted transaction does. A repeated request writes nothing and gives the result it had.

    Attributes:
        writes: State values by key.
        events: Events in order.
        result: What its caller is told.
        block: Number of its block, which the ledger fills in; None for a repeated request.
    """

    writes: dict[str, str] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    result: tuple[str, ...] = ()
    block: int | None = None


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_DECODER: Final = json.JSONDecoder()
"""Made once: `json.dumps` with options and `json.loads` look again at each call."""


def encode_value(value: Any) -> str:
    """Write a state value: JSON, sorted keys, no blanks."""
    return _ENCODER.encode(value)


def read(state: StateView, key: str) -> Any:
    """Read and decode a state value, None when there is none."""
    text = state.get(key)
    return None if text is None else _DECODER.decode(text)
