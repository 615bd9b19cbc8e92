"""Receipt bundles: everything an auditor needs about one piece of evidence, in one JSON file.

`FILE.trialanchor.json` holds the statement, its certificate chain, the place in its set when it is one of many, the
receipt with its checkpoint, and the anchors gathered since. Parts are added, never replaced. Nothing is said twice
unless the second saying is signed, and a file has one spelling only, so any change to it shows.

JSON Schema: `sdk/trialanchor/data/bundle.schema.json`. Exports: a transparent statement (`.cose`, RFC 9943), the bare
statement, and a C2SP `.tlog-proof`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from trialanchor import cose
from trialanchor.encoding import (
    OversizeError,
    base64_decode,
    base64_encode,
    digest_text,
    json_decode,
    json_encode,
    parse_digest,
)
from trialanchor.errors import InputError, PendingError
from trialanchor.fingerprint.sets import Membership
from trialanchor.merkle import HASH_SIZE, MAX_PATH, split_hashes
from trialanchor.receipts import decode_receipt
from trialanchor.statements import MAX_CHAIN, decode_statement

SUFFIX = ".trialanchor.json"
OPENING_SUFFIX = ".opening.json"
MEDIA_TYPE = "application/vnd.trialanchor.bundle.v1+json"
MAX_BUNDLE = 1 << 20
"""Octets of a bundle: 1 MiB; one with several anchors has about 8 KiB."""

MAX_ANCHORS = 64
_VERSION = 1
_NAME = "trialanchor_bundle"
_KEYS = {_NAME, "statement", "chain", "set", "receipt", "checkpoint", "anchors"}
_ANCHOR_KEYS = {"ledger", "type", "checkpoint", "path", "block", "transaction", "signature"}
_TEXT_LIMIT = 65_536


class BundleError(InputError):
    """Not a receipt bundle of the agreed form."""

    code = "bundle"
    hint = "Use the bundle as it was written; `trialanchor info` shows one, `trialanchor upgrade` completes one."


@dataclass(frozen=True, slots=True)
class Anchor:
    """One ledger transaction that holds a checkpoint, with the way from the statement to it.

    Attributes:
        ledger: Name of the ledger, as in the trust file.
        type: `embedded`.
        checkpoint: The anchored checkpoint note.
        path: Inclusion path of the entry in the anchored tree.
        block: Block header, canonical JSON.
        transaction: Transaction, canonical JSON.
        signature: Signature of the ledger key over the block header.
    """

    ledger: str
    type: str
    checkpoint: str
    path: tuple[bytes, ...]
    block: str
    transaction: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A receipt bundle, decoded only as far as JSON and base64 go.

    Attributes:
        statement: The log entry: COSE_Sign1 with empty unprotected header.
        chain: Certificates in DER, signing one first.
        membership: Place in the set, when the statement registers a set.
        receipt: COSE receipt.
        checkpoint: Checkpoint note of the tree the receipt is for.
        anchors: Oldest first.
    """

    statement: bytes
    chain: tuple[bytes, ...]
    membership: Membership | None
    receipt: bytes | None
    checkpoint: str | None
    anchors: tuple[Anchor, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of the bundle."""
        value: dict[str, Any] = {
            _NAME: _VERSION,
            "statement": base64_encode(self.statement),
            "chain": [base64_encode(der) for der in self.chain],
        }
        if self.membership is not None:
            value["set"] = {
                "fingerprint": digest_text(self.membership.fingerprint),
                "index": self.membership.index,
                "path": base64_encode(b"".join(self.membership.path)),
            }
        if self.receipt is not None and self.checkpoint is not None:
            value["receipt"] = base64_encode(self.receipt)
            value["checkpoint"] = self.checkpoint
        if self.anchors:
            value["anchors"] = [anchor_to_json(anchor) for anchor in self.anchors]
        return value

    def encode(self) -> bytes:
        """Encode as the bundle file."""
        return json_encode(self.to_json())

    def add_anchor(self, anchor: Anchor) -> Bundle:
        """Append an anchor; one that is there already is not added twice."""
        return self if anchor in self.anchors else replace(self, anchors=(*self.anchors, anchor))


def decode_bundle(data: bytes) -> Bundle:
    """Read a bundle file.

    Raises:
        InputError: Not a bundle, too large, edited; the message names the part.
    """
    if len(data) > MAX_BUNDLE:
        raise OversizeError(f"a bundle has at most {MAX_BUNDLE} octets")
    return bundle_from_json(json_decode(data, "the bundle"))


def bundle_from_json(value: Any) -> Bundle:
    """Read the JSON object of a bundle.

    Raises:
        BundleError: Names the part that is missing, unknown or malformed.
    """
    if not isinstance(value, dict) or not value.keys() <= _KEYS or not {_NAME, "statement", "chain"} <= value.keys():
        raise BundleError("a bundle holds a version, a statement, a chain, and only parts of the schema")
    if type(value[_NAME]) is not int or value[_NAME] != _VERSION:
        raise BundleError(f"only bundles of version {_VERSION} are known")
    if ("receipt" in value) != ("checkpoint" in value):
        raise BundleError("receipt and checkpoint come together")
    chain, anchors = value["chain"], value.get("anchors", [])
    if not isinstance(chain, list) or len(chain) > MAX_CHAIN:
        raise BundleError(f"chain is a list of at most {MAX_CHAIN} certificates")
    if not isinstance(anchors, list) or len(anchors) > MAX_ANCHORS or ("anchors" in value and not anchors):
        raise BundleError(f"anchors is a list of 1 to {MAX_ANCHORS} anchors")
    if "checkpoint" in value:
        _text(value["checkpoint"], "checkpoint")
    read = tuple(anchor_from_json(anchor) for anchor in anchors)
    if len(set(read)) != len(read):
        raise BundleError("an anchor stands twice")
    return Bundle(
        statement=base64_decode(value["statement"], "the statement"),
        chain=tuple(base64_decode(der, "a certificate") for der in chain),
        membership=_read_membership(value["set"]) if "set" in value else None,
        receipt=base64_decode(value["receipt"], "the receipt") if "receipt" in value else None,
        checkpoint=value.get("checkpoint"),
        anchors=read,
    )


def anchor_to_json(anchor: Anchor) -> dict[str, Any]:
    """Give the JSON object of an anchor."""
    return {
        "ledger": anchor.ledger,
        "type": anchor.type,
        "checkpoint": anchor.checkpoint,
        "path": base64_encode(b"".join(anchor.path)),
        "block": anchor.block,
        "transaction": anchor.transaction,
        "signature": base64_encode(anchor.signature),
    }


def anchor_from_json(value: Any) -> Anchor:
    """Read the JSON object of an anchor.

    Raises:
        BundleError: A part is missing, unknown or malformed.
    """
    if not isinstance(value, dict) or value.keys() != _ANCHOR_KEYS:
        raise BundleError("an anchor holds " + ", ".join(sorted(_ANCHOR_KEYS)))
    return Anchor(
        ledger=_text(value["ledger"], "the ledger of an anchor"),
        type=_text(value["type"], "the type of an anchor"),
        checkpoint=_text(value["checkpoint"], "the checkpoint of an anchor"),
        path=_read_path(value["path"]),
        block=_text(value["block"], "the block of an anchor"),
        transaction=_text(value["transaction"], "the transaction of an anchor"),
        signature=base64_decode(value["signature"], "the signature of an anchor"),
    )


def _read_membership(value: Any) -> Membership:
    if not isinstance(value, dict) or value.keys() != {"fingerprint", "index", "path"}:
        raise BundleError("set holds fingerprint, index and path")
    if type(value["index"]) is not int:
        raise BundleError("the index in a set is a whole number")
    return Membership(parse_digest(value["fingerprint"]), value["index"], _read_path(value["path"]))


def _read_path(text: Any) -> tuple[bytes, ...]:
    joined = base64_decode(text, "a path")
    if len(joined) % HASH_SIZE or len(joined) > HASH_SIZE * MAX_PATH:
        raise BundleError("a path is at most 63 hashes of 32 octets, one after the other")
    return tuple(split_hashes(joined))


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or len(value) > _TEXT_LIMIT:
        raise BundleError(f"{what} is text of at most {_TEXT_LIMIT} characters")
    return value


def export_transparent(bundle: Bundle) -> bytes:
    """Export a transparent statement: chain and receipt in the unprotected header.

    Raises:
        PendingError: The bundle has no receipt yet.
        InputError: The statement is not one.

    Source: RFC 9943 §7, RFC 9942 §4.4.
    """
    receipt, _ = _registered(bundle)
    message = cose.decode_sign1(bundle.statement)
    header: dict[int, Any] = {}
    if bundle.chain:
        header[cose.X5CHAIN] = bundle.chain[0] if len(bundle.chain) == 1 else list(bundle.chain)
    header[cose.RECEIPTS] = [receipt]
    return cose.encode_sign1(cose.Sign1(message.protected, header, message.payload, message.signature))


def export_tlog_proof(bundle: Bundle) -> bytes:
    """Export a C2SP `.tlog-proof`: index, path and checkpoint, for the log entry of `export_statement`.

    Raises:
        PendingError: The bundle has no receipt yet.
        InputError: The receipt is not one.

    Source: C2SP tlog-proof@v1.
    """
    receipt, checkpoint = _registered(bundle)
    proof = decode_receipt(receipt)
    lines = ["c2sp.org/tlog-proof@v1", f"index {proof.index}", *(base64_encode(sibling) for sibling in proof.path)]
    return ("\n".join(lines) + "\n\n" + checkpoint).encode()


def export_statement(bundle: Bundle) -> bytes:
    """Export the bare statement: the exact bytes of the log entry.

    Raises:
        InputError: The statement is not one.
    """
    decode_statement(bundle.statement)
    return bundle.statement


def _registered(bundle: Bundle) -> tuple[bytes, str]:
    if bundle.receipt is None or bundle.checkpoint is None:
        raise PendingError("the bundle has no receipt yet")
    return bundle.receipt, bundle.checkpoint
