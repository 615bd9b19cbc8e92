"""What the rules read and write: a state view, transactions and their outcome.

Keys and values are text (canonical JSON in the values), so the same writes fit an SQL table, Fabric's world state and
the scenario files. The rules never iterate over unordered things, read no clock and use no floats.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Protocol


class StateView(Protocol):
    """Reads the state a transaction is applied to."""

    def get(self, key: str) -> str | None:
        """Give the value under `key`, or None."""


class SignatureCheck(Protocol):
    """Verifies an Ed25519 signature; handed in because the rules use the standard library only."""

    def __call__(self, public_key: bytes, signature: bytes, data: bytes) -> bool:
        """Tell whether `signature` (64 octets) is one of `public_key` (32 octets) over `data`."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A request to change the state.

    Attributes:
        contract: `members`, `anchors` or `oids`.
        action: Name of the transition.
        caller: Dotted OID of the member that asks.
        arguments: JSON values; text and whole numbers only.
    """

    contract: str
    action: str
    caller: str
    arguments: dict[str, Any]

    def encode(self) -> bytes:
        """Encode canonically: the bytes that are hashed into a block."""
        value = {
            "action": self.action,
            "arguments": self.arguments,
            "caller": self.caller,
            "contract": self.contract,
        }
        return encode_value(value).encode()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an accepted transaction does: writes by key, events in order, and what its caller is told.

    A repeated request writes nothing and gives the result it had.
    """

    writes: dict[str, str] = field(default_factory=dict)
    events: tuple[tuple[str, str], ...] = ()
    result: tuple[str, ...] = ()


def encode_value(value: Any) -> str:
    """Write a state value: JSON, sorted keys, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def read(state: StateView, key: str) -> Any:
    """Read and decode a state value, None when there is none."""
    text = state.get(key)
    return None if text is None else json.loads(text)
