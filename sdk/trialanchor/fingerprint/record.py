"""Fingerprint of a record: a salted Merkle tree with one leaf per item.

1. The record, a JSON object, is taken apart into items: the path of each scalar, empty object and array as a JSON
   Pointer, and its value. A non-empty array is the item `{"array": "<its length>"}` beside those of its elements, or it
   would have the paths of an object with the keys 0, 1, … Items are sorted by path (UTF-8 octets).
2. The salts are the output of SHAKE-256 over a label and a random 32-octet seed, 16 octets for each item in order.
3. An item's leaf entry is `salt || JCS([path, value])`, hashed as an RFC 9162 leaf. Text is in NFC; a number is
   `{"number": "<the characters the source wrote>"}`, so 1.10 stays 1.10 and never meets the text "1.10".
4. The fingerprint is the RFC 9162 root over the leaves.

The owner keeps the *opening*: seed, items and leaf hashes. With it the whole record is checked, and a changed item is
named. A *disclosure* shows one item with its salt and its path to the root, and nothing of the others: without its
salt a low-entropy value (sex, a visit date) cannot be guessed from a hash.

`JCS` of these arrays is `json.dumps` without blanks and escapes: with no floats, no number tokens and at most one key
per object there is nothing left to choose (the tests compare it with another implementation of RFC 8785).

Source: RFC 6901 (paths), RFC 8785 (JCS), RFC 9162 §2.1.1, FIPS 202 (SHAKE-256).
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256, shake_256
from itertools import pairwise
from json import JSONEncoder
from json.encoder import encode_basestring
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from trialanchor.canonical import Number
from trialanchor.encoding import OversizeError, base64_decode, base64_encode, json_decode, json_encode
from trialanchor.errors import DigestError, InputError
from trialanchor.merkle import HASH_SIZE, Tree, root_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_ITEMS = 100_000
"""Items of one record."""

MAX_DEPTH = 64
"""Nesting of one record."""

MAX_OPENING = 64 << 20
"""Octets of an opening or disclosure file: 64 MiB."""

MAX_DISCLOSURE_PATH = 17
"""Levels of a tree of `MAX_ITEMS` leaves."""

SEED_SIZE = 32
SALT_SIZE = 16
"""Octets: 128 bits hide a value of any entropy."""

_CACHED_PATH = 128
"""Characters of a path whose JSON text is kept: the cache stays below 1 MiB, whatever is sent."""

_MARKS = ({"number"}, {"array"})
"""Keys of the objects that stand for a number or a non-empty array, with text as their value."""

_SALT_LABEL = b"trialanchor-record-salts/1"
_OPENING = "trialanchor_opening"
_DISCLOSURE = "trialanchor_disclosure"
_VERSION = 1
_to_json = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_LEFT, _RIGHT = 0, 1


class RecordError(InputError):
    """A record cannot be fingerprinted."""

    code = "record"
    hint = "Send one JSON object of text, numbers, true, false, null, arrays and objects."


class OpeningError(InputError):
    """An opening or disclosure file is not of the agreed form."""

    code = "opening"
    hint = "Use the file as it was written; ask the record's owner for a new copy if it was edited."


class ItemError(DigestError):
    """An item of a record is not the one that was fingerprinted."""

    code = "item-changed"


class OpenedItem(NamedTuple):
    """One item: JSON Pointer and value, a number as `{"number": "…"}`, a non-empty array as `{"array": "…"}`."""

    path: str
    value: Any


@dataclass(frozen=True, slots=True)
class Opening:
    """What the owner keeps to show a record later: never sent to the log or the ledger.

    Attributes:
        seed: 32 random octets, the source of all salts.
        items: Sorted by path.
        leaves: Leaf hash of each item, in the same order.
    """

    seed: bytes
    items: tuple[OpenedItem, ...]
    leaves: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """The fingerprint that the leaf hashes stand for."""
        return root_of(self.leaves)

    def check(self) -> bytes:
        """Recompute every leaf from its item and give the fingerprint.

        Raises:
            ItemError: An item was changed; names its path, never its value.
        """
        leaves = _leaves(self.seed, self.items)
        if leaves != self.leaves:
            changed = next(i for i, leaf in enumerate(leaves) if leaf != self.leaves[i])
            raise ItemError(f"the item {self.items[changed].path} is not the one that was registered")
        return self.root

    def differences(self, record: Mapping[str, Any]) -> list[str]:
        """Name the paths at which `record` differs from what was opened: changed, missing or new items.

        Raises:
            RecordError: `record` cannot be fingerprinted.
        """
        opened = {item.path: item.value for item in self.items}
        present = dict(_items(record))
        return [path for path in sorted(opened.keys() | present.keys()) if not _same(opened, present, path)]

    def encode(self) -> bytes:
        """Encode as the opening file."""
        return json_encode(
            {
                _OPENING: _VERSION,
                "seed": base64_encode(self.seed),
                "items": [[item.path, item.value] for item in self.items],
                "leaves": base64_encode(b"".join(self.leaves)),
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Opening:
        """Read an opening file.

        Raises:
            InputError: Not an opening, or edited; `OpeningError` names the part.
        """
        value = _decode_file(data, "opening", _OPENING, ("seed", "items", "leaves"))
        seed = base64_decode(value["seed"], "the seed")
        joined = base64_decode(value["leaves"], "the leaves")
        items = value["items"]
        if len(seed) != SEED_SIZE or not isinstance(items, list) or len(joined) != HASH_SIZE * len(items) or not items:
            raise OpeningError("seed, items and leaves do not fit together")
        if len(items) > MAX_ITEMS:
            raise OpeningError(f"a record has at most {MAX_ITEMS} items")
        leaves = tuple(joined[i : i + HASH_SIZE] for i in range(0, len(joined), HASH_SIZE))
        opened = tuple(_opened_item(item) for item in items)
        if any(earlier.path >= later.path for earlier, later in pairwise(opened)):
            raise OpeningError("the items are sorted by path, and no path stands twice")
        return cls(seed, opened, leaves)


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One item of a record, shown alone.

    Attributes:
        item: Path and value.
        salt: 16 octets.
        steps: Siblings bottom up, each with the side it stands on (0 left, 1 right), so nothing is left unbound.
    """

    item: OpenedItem
    salt: bytes
    steps: tuple[tuple[int, bytes], ...]

    @property
    def root(self) -> bytes:
        """The fingerprint of the whole record that this item leads to."""
        node = sha256(b"\x00" + self.salt + _entry(self.item.path, self.item.value)).digest()
        for side, sibling in self.steps:
            pair = sibling + node if side == _LEFT else node + sibling
            node = sha256(b"\x01" + pair).digest()
        return node

    def encode(self) -> bytes:
        """Encode as the disclosure file."""
        return json_encode(
            {
                _DISCLOSURE: _VERSION,
                "item": [self.item.path, self.item.value],
                "salt": base64_encode(self.salt),
                "steps": base64_encode(b"".join(bytes([side]) + sibling for side, sibling in self.steps)),
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Disclosure:
        """Read a disclosure file.

        Raises:
            InputError: Not a disclosure, or edited; `OpeningError` names the part.
        """
        value = _decode_file(data, "disclosure", _DISCLOSURE, ("item", "salt", "steps"))
        salt = base64_decode(value["salt"], "the salt")
        joined = base64_decode(value["steps"], "the steps")
        width = 1 + HASH_SIZE
        if len(salt) != SALT_SIZE or len(joined) % width or len(joined) > width * MAX_DISCLOSURE_PATH:
            raise OpeningError("salt or steps have a wrong length")
        steps = tuple((joined[i], joined[i + 1 : i + width]) for i in range(0, len(joined), width))
        if any(side not in (_LEFT, _RIGHT) for side, _ in steps):
            raise OpeningError("a step stands on the left (0) or on the right (1)")
        return cls(_opened_item(value["item"]), salt, steps)


def fingerprint_record(record: Mapping[str, Any], seed: bytes | None = None) -> Opening:
    """Fingerprint a record read by `trialanchor.canonical.loads` (numbers as `Number`).

    Args:
        record: A JSON object; `int` values are taken as their decimal text, `float` is refused.
        seed: 32 octets; fresh randomness when not given. Give one only to repeat a fingerprint.

    Returns:
        The opening; its `root` is the fingerprint.

    Raises:
        RecordError: Not an object of JSON values, a float, lone surrogates, too deep or too many items.
    """
    seed = secrets.token_bytes(SEED_SIZE) if seed is None else seed
    items = sorted(_items(record), key=itemgetter(0))
    if not items or len(items) > MAX_ITEMS:
        raise RecordError(f"a record has 1 to {MAX_ITEMS} items")
    if len({item.path for item in items}) != len(items):
        raise RecordError("two items have one path after Unicode normalisation")
    return Opening(seed, tuple(items), _leaves(seed, items))


def disclose(opening: Opening, path: str) -> Disclosure:
    """Show one item of a record without the others.

    Raises:
        RecordError: The record has no such item.
        ItemError: The opening was changed.
    """
    opening.check()
    index = next((i for i, item in enumerate(opening.items) if item.path == path), None)
    if index is None:
        raise RecordError(f"the record has no item {path}")
    salt = _salts(opening.seed, len(opening.items))[index * SALT_SIZE : (index + 1) * SALT_SIZE]
    steps = []
    position = index
    for level in Tree(opening.leaves).levels[:-1]:
        if position ^ 1 < len(level):
            steps.append((_LEFT if position & 1 else _RIGHT, level[position ^ 1]))
        position >>= 1
    return Disclosure(opening.items[index], salt, tuple(steps))


def _salts(seed: bytes, count: int) -> bytes:
    """Squeeze `count` salts out of the seed."""
    return shake_256(_SALT_LABEL + seed).digest(SALT_SIZE * count)


def _leaves(seed: bytes, items: Sequence[OpenedItem]) -> tuple[bytes, ...]:
    """Hash each item with its salt to its leaf."""
    salts = _salts(seed, len(items))
    return tuple(
        [
            sha256(b"\x00" + salts[start : start + SALT_SIZE] + _entry(path, value)).digest()
            for start, (path, value) in zip(range(0, len(salts), SALT_SIZE), items, strict=True)
        ]
    )


def _entry(path: str, value: Any) -> bytes:
    """Encode one item canonically: JCS of `[path, value]`."""
    try:
        if type(value) is str:
            return f"[{_quoted(path)},{encode_basestring(value)}]".encode()
        return f"[{_quoted(path)},{_to_json(value)}]".encode()
    except UnicodeEncodeError as error:
        raise RecordError("a record holds a lone surrogate, which is no character") from error


def _quoted(path: str) -> str:
    """Give the JSON text of a path; the records of a study share their paths, but long ones are not kept."""
    return _quoted_once(path) if len(path) <= _CACHED_PATH else encode_basestring(path)


_quoted_once = lru_cache(maxsize=4_096)(encode_basestring)


def _items(record: Mapping[str, Any]) -> Iterator[OpenedItem]:
    """Take a record apart; a flat record of text and numbers takes the short way."""
    if not isinstance(record, dict):
        raise RecordError("a record is a JSON object")
    for key, value in record.items():
        path = "/" + _token(key)
        if type(value) is str:
            yield OpenedItem(path, value if value.isascii() else unicodedata.normalize("NFC", value))
        elif type(value) is Number:
            yield OpenedItem(path, {"number": str(value)})
        else:
            yield from _nested(path, value, 1)


def _nested(path: str, value: Any, depth: int) -> Iterator[OpenedItem]:
    if depth > MAX_DEPTH:
        raise RecordError(f"a record is nested at most {MAX_DEPTH} deep")
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _nested(f"{path}/{_token(key)}", inner, depth + 1)
    elif isinstance(value, list) and value:
        yield OpenedItem(path, {"array": str(len(value))})
        for position, inner in enumerate(value):
            yield from _nested(f"{path}/{position}", inner, depth + 1)
    else:
        yield OpenedItem(path, _scalar(value))


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool) or value in ({}, []):
        return value
    if isinstance(value, Number):
        return {"number": str(value)}
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, int):
        return {"number": str(value)}
    raise RecordError("a record holds JSON values only; read numbers with trialanchor.canonical.loads")


def _token(key: object) -> str:
    """Write a key as a JSON Pointer token.

    Source: RFC 6901 §3.
    """
    if not isinstance(key, str):
        raise RecordError("the keys of a record are text")
    if not key.isascii():
        key = unicodedata.normalize("NFC", key)
    return key.replace("~", "~0").replace("/", "~1") if "/" in key or "~" in key else key


def _decode_file(data: bytes, kind: str, name: str, parts: tuple[str, str, str]) -> dict[str, Any]:
    """Read an opening or a disclosure: its size, spelling, parts and version."""
    if len(data) > MAX_OPENING:
        raise OversizeError(f"the {kind} has more than {MAX_OPENING} octets")
    value = json_decode(data, f"the {kind}")
    if not isinstance(value, dict) or value.keys() != {name, *parts}:
        raise OpeningError(
            f"an evidence file of the kind {kind} holds its version, {', '.join(parts)} and nothing else"
        )
    if value[name] != _VERSION or type(value[name]) is not int:
        raise OpeningError(f"only {kind}s of version {_VERSION} are known")
    return value


def _opened_item(item: Any) -> OpenedItem:
    if not isinstance(item, list) or len(item) != 2 or not isinstance(item[0], str):  # noqa: PLR2004 - [path, value]
        raise OpeningError("an item is its path and its value")
    value = item[1]
    marked = (
        isinstance(value, dict) and value.keys() in _MARKS and all(isinstance(text, str) for text in value.values())
    )
    if not (value is None or isinstance(value, bool | str) or value in ({}, []) or marked):
        raise OpeningError("an item's value is text, true, false, null, a number or array length as text, or empty")
    return OpenedItem(item[0], value)


def _same(opened: Mapping[str, Any], present: Mapping[str, Any], path: str) -> bool:
    missing = object()
    ours, theirs = opened.get(path, missing), present.get(path, missing)
    return type(ours) is type(theirs) and ours == theirs
