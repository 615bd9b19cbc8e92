"""Blocks of the embedded ledger, and the proof they give an auditor.

A block holds one transaction: number, hash of the block before, time, ledger name and transaction digest, signed by
the ledger's Ed25519 key. What this proves: the holder of the ledger key accepted the transaction at that place in its
chain. What it leaves to trust: an embedded ledger has one key and one operator; it cannot show that no other chain
exists. A consortium ledger does, see its own proof.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trialanchor.errors import InputError
from trialanchor.merkle import HASH_SIZE
from trialanchor_chaincode.rules.state import encode_value

if TYPE_CHECKING:
    from trialanchor.cose import Signer

_LABEL = "trialanchor-block/1"
_KEYS = {"block", "ledger", "number", "previous", "time", "transaction"}


class BlockError(InputError):
    """Not a block of an embedded ledger."""

    code = "block"
    hint = "Take the anchor unchanged from the receipt."


@dataclass(frozen=True, slots=True)
class Block:
    """A block header.

    Attributes:
        ledger: Name of the ledger, `embedded:<node oid>`.
        number: 0-based height.
        previous: Hash of the block before, 32 octets; zeros for number 0.
        at: Unix seconds of the ledger's clock.
        transaction: SHA-256 of the transaction's canonical bytes.
    """

    ledger: str
    number: int
    previous: bytes
    at: int
    transaction: bytes

    def encode(self) -> bytes:
        """Encode canonically: the bytes that are hashed and signed."""
        return encode_value(
            {
                "block": _LABEL,
                "ledger": self.ledger,
                "number": self.number,
                "previous": self.previous.hex(),
                "time": self.at,
                "transaction": self.transaction.hex(),
            }
        ).encode()

    @property
    def hash(self) -> bytes:
        """SHA-256 of the encoded header."""
        return sha256(self.encode()).digest()

    def sign(self, signer: Signer) -> bytes:
        """Sign the encoded header.

        Raises:
            StoreError: The key cannot be reached.
        """
        return signer.sign(self.encode())


def decode_block(text: str) -> Block:
    """Read a block header in its canonical form.

    Raises:
        BlockError: Anything else.
    """
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise BlockError("not canonical JSON") from error
    if not isinstance(value, dict) or value.keys() != _KEYS or value["block"] != _LABEL:
        raise BlockError("not a block of an embedded ledger")
    try:
        previous, transaction = bytes.fromhex(value["previous"]), bytes.fromhex(value["transaction"])
    except (TypeError, ValueError) as error:
        raise BlockError("the hashes of a block are hexadecimal") from error
    number, at, ledger = value["number"], value["time"], value["ledger"]
    if type(number) is not int or type(at) is not int or type(ledger) is not str or at < 0 or number < 0:
        raise BlockError("a block has a ledger name, a number and a time")
    block = Block(ledger, number, previous, at, transaction)
    if len(previous) != HASH_SIZE or len(transaction) != HASH_SIZE:
        raise BlockError("the hashes of a block are 32 octets")
    if block.encode().decode() != text:
        raise BlockError("not canonical JSON, with hashes in lower-case hexadecimal")
    return block


def decode_canonical(text: str) -> Any:
    """Read canonical JSON of the ledger.

    Raises:
        BlockError: Not JSON, or spelled in another way.
    """
    try:
        value = json.loads(text)
        again = encode_value(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise BlockError("not canonical JSON") from error
    if again != text:
        raise BlockError("not canonical JSON")
    return value
