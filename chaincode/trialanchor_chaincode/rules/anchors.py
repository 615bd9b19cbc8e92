"""Anchor a log's checkpoint; the rule itself checks that the log only grew.

State: `anchors/<origin>` holds size, root (hex) and log key (hex) of the last anchored checkpoint.

A checkpoint is accepted when

1. the caller is the registered member that owns the log: its node is named by the member's OID or one below it,
2. the log's key signed it: the key given first, for ever after,
3. it is larger than the last anchored one, and
4. the consistency proof leads from the last anchored root to it (RFC 9162 §2.1.4).

So a node cannot anchor a log that was rewritten or forked, whoever runs the ledger.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.merkle import EMPTY_ROOT, HASH_SIZE, verify_consistency
from trialanchor_chaincode.rules.state import Event, Outcome, encode_value, read
from trialanchor_oid.codec import is_at_or_under, is_dotted
from trialanchor_oid.errors import ProofError, RuleError

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.state import SignatureCheck, StateView, Transaction

MAX_SIZE = 1 << 63
_ARGUMENTS = {"key", "node", "proof", "root", "signature", "size"}
_KEY_SIZE = 32
_SIGNATURE_SIZE = 64


class AnchorRefusedError(RuleError):
    """The anchor rule refused a checkpoint."""

    code = "anchor-refused"
    hint = "Compare the log with the last anchored checkpoint; `trialanchor node fsck` names the first difference."


class AnchorStaleError(AnchorRefusedError):
    """The checkpoint is not larger than the one anchored last."""

    code = "anchor-stale"
    hint = "Nothing is lost: a larger checkpoint of this log is anchored already."


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    """Give the text of a checkpoint, the bytes its log signs.

    Source: C2SP tlog-checkpoint.
    """
    return f"{origin}\n{size}\n{b64encode(root).decode('ascii')}\n".encode()


def log_origin(node: str) -> str:
    """Give the origin and key name of the log of a node with OID `node`."""
    return f"oid/{node}"


def apply_anchor(state: StateView, transaction: Transaction, verify: SignatureCheck) -> Outcome:
    """Accept a checkpoint: arguments `node`, `size`, `root`, `key`, `signature` and `proof` (hex).

    Raises:
        AnchorStaleError: Not larger than the last anchored checkpoint.
        AnchorRefusedError: Another rule above.
    """
    arguments = transaction.arguments
    if arguments.keys() != _ARGUMENTS:
        raise AnchorRefusedError(f"an anchor holds {', '.join(sorted(_ARGUMENTS))} and nothing else")
    node, size = arguments.get("node"), arguments.get("size")
    root = _octets(arguments, "root", HASH_SIZE)
    key = _octets(arguments, "key", _KEY_SIZE)
    if not is_dotted(node) or type(size) is not int or not 0 < size < MAX_SIZE:
        raise AnchorRefusedError("an anchor names its node and a size of at least 1")
    if read(state, f"members/{transaction.caller}") is None or not is_at_or_under(node, transaction.caller):  # (1)
        raise AnchorRefusedError("only the registered member that owns a log anchors it")
    origin = log_origin(node)
    last = read(state, f"anchors/{origin}") or {"key": key.hex(), "root": EMPTY_ROOT.hex(), "size": 0}
    if last["key"] != key.hex():
        raise AnchorRefusedError("the log is anchored under another key")
    signature = _octets(arguments, "signature", _SIGNATURE_SIZE)
    if not verify(key, signature, checkpoint_text(origin, size, root)):  # (2)
        raise AnchorRefusedError("the log key did not sign this checkpoint")
    if size <= last["size"]:  # (3)
        raise AnchorStaleError(f"size {size} is not larger than the anchored size {last['size']}")
    try:  # (4)
        verify_consistency((last["size"], bytes.fromhex(last["root"])), (size, root), _proof(arguments))
    except ProofError as error:
        raise AnchorRefusedError(f"the log was rewritten or forked: {error}") from error
    value = encode_value({"key": key.hex(), "root": root.hex(), "size": size})
    return Outcome({f"anchors/{origin}": value}, (Event("log:checkpoint:anchored", origin),))


def _octets(arguments: dict[str, Any], name: str, size: int) -> bytes:
    try:
        value = bytes.fromhex(arguments[name])
    except (KeyError, TypeError, ValueError) as error:
        raise AnchorRefusedError(f"{name} must be {size} octets in hexadecimal") from error
    if len(value) != size:
        raise AnchorRefusedError(f"{name} must be {size} octets in hexadecimal")
    return value


def _proof(arguments: dict[str, Any]) -> list[bytes]:
    hashes = arguments.get("proof")
    if not isinstance(hashes, list):
        raise AnchorRefusedError("proof must be a list of hashes")
    return [_octets({"proof": value}, "proof", HASH_SIZE) for value in hashes]
