"""Signed notes and checkpoints: what a log says of itself, and what witnesses say of it.

* A note is text ending in a newline, an empty line, and signature lines `— <name> <base64(key id || signature)>`.
* A checkpoint is a note whose text is origin, decimal size and base64 root, one line each; extension lines are not
  made and not accepted, because nobody could audit them.
* Ed25519 signatures of logs (type 01) and timed Ed25519 cosignatures of witnesses (type 04). Other types, and keys
  that are not in the trust file, are ignored; a known key with a bad signature rejects the note.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature (July 2026).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trialanchor.encoding import base64_decode, base64_encode
from trialanchor.errors import InputError, SignatureError
from trialanchor_chaincode.rules.anchors import checkpoint_text

if TYPE_CHECKING:
    from trialanchor.cose import Signer

LOG_KEY = 0x01
COSIGNATURE_KEY = 0x04
"""Signature types: Ed25519 note, Ed25519 timed cosignature."""

MAX_NOTE = 65_536
"""Octets of a note."""

MAX_SIGNATURES = 64
_KEY_SIZE = 32
_ID_SIZE = 4
_SIGNATURE_SIZE = 64
_TIME_SIZE = 8
_NAME = re.compile(r"[^\s+]{1,255}")
_LINE = re.compile(r"— ([^\s+]{1,255}) ([A-Za-z0-9+/]+={0,2})")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class NoteError(InputError):
    """Not a signed note or not a checkpoint."""

    code = "note"
    hint = "Take the checkpoint unchanged from the log or the receipt."


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A C2SP verifier key: `name+hex(id)+base64(type || key)`.

    Attributes:
        name: Key name; a log's is its origin line.
        kind: LOG_KEY or COSIGNATURE_KEY.
        public: Raw Ed25519 key, 32 octets.
    """

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """First four octets of SHA-256(name, newline, type, key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_ID_SIZE]

    def encode(self) -> str:
        """Write the verifier-key line."""
        return f"{self.name}+{self.key_id.hex()}+{base64_encode(bytes([self.kind]) + self.public)}"

    @classmethod
    def decode(cls, text: str) -> VerifierKey:
        """Read a verifier-key line.

        Raises:
            NoteError: Not one, of another signature type, or its id does not fit its key.
        """
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = base64_decode(encoded, "the key")
        except InputError as error:
            raise NoteError("the verifier key is not name+id+base64") from error
        if not _NAME.fullmatch(name) or len(raw) != 1 + _KEY_SIZE or raw[0] not in (LOG_KEY, COSIGNATURE_KEY):
            raise NoteError("the verifier key must be an Ed25519 note or cosignature key with a name")
        key = cls(name, raw[0], raw[1:])
        if key.key_id.hex() != key_id:
            raise NoteError("the verifier key's id does not fit its name and key")
        return key


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's statement of its size and root, with the signatures found under it.

    Attributes:
        text: The signed text, as received.
        signatures: All lines, verified or not.
    """

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[NoteSignature, ...]

    def find(self, key: VerifierKey) -> NoteSignature | None:
        """Find the line of `key`: name and id must both match."""
        return next((s for s in self.signatures if s.name == key.name and s.key_id == key.key_id), None)

    def _lines(self, key: VerifierKey) -> list[NoteSignature]:
        """Find every line of `key`: a note with one bad signature of a known key is bad (C2SP signed-note)."""
        return [s for s in self.signatures if s.name == key.name and s.key_id == key.key_id]

    def verify_log(self, key: VerifierKey) -> None:
        """Check the log's own signature.

        Raises:
            SignatureError: It is missing or does not verify, or the key's name is not the origin.
        """
        lines = self._lines(key)
        if not lines or key.kind != LOG_KEY or key.name != self.origin:
            raise SignatureError("the checkpoint carries no signature of this log's key")
        for line in lines:
            _verify(key.public, line.signature, self.text)

    def verify_cosignature(self, key: VerifierKey) -> int:
        """Check a witness's cosignature and give its time in Unix seconds, that of the first line if there are more.

        Raises:
            SignatureError: It is missing or does not verify.

        Source: C2SP tlog-cosignature, `cosignature/v1`.
        """
        lines = self._lines(key)
        if not lines or key.kind != COSIGNATURE_KEY:
            raise SignatureError("the checkpoint carries no cosignature of this witness")
        times = [int.from_bytes(line.signature[:_TIME_SIZE], "big") for line in lines]
        for line, at in zip(lines, times, strict=True):
            _verify(key.public, line.signature[_TIME_SIZE:], cosigned_text(self.text, at))
        return times[0]


def cosigned_text(text: bytes, at: int) -> bytes:
    """Give the bytes a witness signs at Unix second `at` over a checkpoint's text."""
    return b"cosignature/v1\ntime " + str(at).encode() + b"\n" + text


def sign_checkpoint(origin: str, size: int, root: bytes, signer: Signer, public: bytes) -> str:
    """Make a checkpoint note signed by the log's Ed25519 key; `public` is its raw key.

    Raises:
        StoreError: The key cannot be reached.
    """
    text = checkpoint_text(origin, size, root)
    return text.decode() + "\n" + signature_line(VerifierKey(origin, LOG_KEY, public), signer.sign(text))


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """Write one signature line."""
    return f"— {key.name} {base64_encode(key.key_id + signature)}\n"


def parse_checkpoint(note: str | bytes) -> Checkpoint:
    """Read a checkpoint note; no signature is checked.

    Raises:
        NoteError: Not a checkpoint in the strict form above.
    """
    try:
        text = note.decode() if isinstance(note, bytes) else note
        size = len(text.encode())
    except UnicodeError as error:
        raise NoteError("a note is UTF-8 text") from error
    if size > MAX_NOTE or any(c < " " and c != "\n" for c in text):
        raise NoteError(f"a note has at most {MAX_NOTE} octets and no control characters")
    body, separator, tail = text.rpartition("\n\n")
    lines = body.split("\n")
    if not separator or len(lines) != 3 or not _NAME.fullmatch(lines[0]) or not _DECIMAL.fullmatch(lines[1]):  # noqa: PLR2004
        raise NoteError("a checkpoint is origin, size and root, one line each, and signature lines")
    root = base64_decode(lines[2], "the checkpoint's root")
    if len(root) != _KEY_SIZE:
        raise NoteError("the checkpoint's root must be 32 octets")
    return Checkpoint(lines[0], int(lines[1]), root, body.encode() + b"\n", _parse_signatures(tail))


def _parse_signatures(tail: str) -> tuple[NoteSignature, ...]:
    lines = tail.split("\n")
    if lines[-1] != "" or not 1 < len(lines) <= MAX_SIGNATURES + 1:
        raise NoteError(f"a note ends with 1 to {MAX_SIGNATURES} signature lines")
    return tuple(_parse_line(line) for line in lines[:-1])


def _parse_line(line: str) -> NoteSignature:
    match = _LINE.fullmatch(line)
    if match is None:
        raise NoteError("a signature line is an em dash, a key name and base64")
    raw = base64_decode(match[2], "a note signature")
    if len(raw) <= _ID_SIZE:
        raise NoteError("a note signature is too short")
    return NoteSignature(match[1], raw[:_ID_SIZE], raw[_ID_SIZE:])


def _verify(public: bytes, signature: bytes, data: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("a signature under the checkpoint does not verify") from error
