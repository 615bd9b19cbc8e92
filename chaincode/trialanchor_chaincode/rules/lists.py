"""Compute randomisation lists and draws from a seed and a beacon, so that anybody who has both computes the same.

1. The seed is 32 random octets. Its commitment is their SHA-256 digest. A seed is for one list or one draw.
2. The beacon is a text that nobody could know when the commitment was made. Number n = 1, 2, … of a purpose is the
   first 32 bits, big endian, of HMAC-SHA-256 with the seed as key over the text `<beacon>/<purpose>/<n>`.
3. A number below a limit is the remainder of the next number that lies below the largest multiple of the limit in 32
   bits; numbers from there on are passed over, so that each remainder is as likely as any other.
4. Picking from some items goes through the places from the first: each changes its item with a place that is a number
   below how many places are left, counted from this one (Fisher and Yates). A pick of all items is a shuffle.
5. Complete randomisation: for each place a number below the sum of the ratio; the arms in the order of the scheme own
   as many numbers each as their share.
6. Block randomisation: for each block a number below how many sizes the scheme has, which picks the size; the arms in
   the order of the scheme, each as often as its share, are shuffled. The last block is cut at the end of the list.
7. A stratified list is a list for each stratum, with the purpose `list/<stratum>`; without strata there is one stratum.
   A draw has the purpose `draw` and picks its units, in the order in which they were committed to.

Nothing of this is done for an imported list: its scheme is the digest of the file, and shows that it did not change.

Source: R-144, R-149, R-150; GD44 6.1; BE 2.5.1; RESMAN 三.3; RFC 2104.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_chaincode.rules.transitions import MAX_CODES, TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLOCK: Final = "block"
COMPLETE: Final = "complete"
IMPORTED: Final = "imported"

MAX_BLOCK: Final = 1_000
"""Places in a block at most."""

_SPAN: Final = 1 << 32
_FIELDS: Final = {BLOCK: ("arms", "blocks"), COMPLETE: ("arms",), IMPORTED: ("file",)}


class Scheme(NamedTuple):
    """How a list is made: the method, the arms with their shares, and the sizes of blocks."""

    method: str
    arms: tuple[tuple[str, int], ...] = ()
    blocks: tuple[int, ...] = ()

    @property
    def total(self) -> int:
        """Sum of the ratio."""
        return sum(share for _, share in self.arms)


class Numbers:
    """Whole numbers that follow from a seed, a beacon and a purpose (rules 2 and 3)."""

    def __init__(self, seed: str, beacon: str, purpose: str) -> None:
        self._key = bytes.fromhex(seed)
        self._text = f"{beacon}/{purpose}/"
        self._taken = 0

    def below(self, limit: int) -> int:
        """Give the next number from 0 to `limit` - 1; `limit` is 1 to 2^32."""
        while True:
            self._taken += 1
            digest = hmac.digest(self._key, f"{self._text}{self._taken}".encode(), "sha256")
            number = int.from_bytes(digest[:4], "big")
            if number < _SPAN - _SPAN % limit:
                return number % limit

    def pick(self, items: Sequence[str], count: int) -> list[str]:
        """Pick `count` of the items, at most all (rule 4)."""
        picked = list(items)
        for place in range(count):
            other = place + self.below(len(picked) - place)
            picked[place], picked[other] = picked[other], picked[place]
        return picked[:count]


def commitment(seed: str) -> str:
    """Give the commitment to a seed of 64 hexadecimal digits (rule 1)."""
    return "sha256:" + sha256(bytes.fromhex(seed)).hexdigest()


def read_scheme(value: Mapping[str, Any]) -> Scheme:
    """Read a scheme: `method`, `salt`, and what the method needs.

    `arms` is a list of pairs of a code and its share, `blocks` the sizes of blocks, rising, each a multiple of the sum
    of the shares, and `file` the digest of an imported list. The salt is 32 random octets, without which nobody finds
    out a block size from the scheme's digest by trying.

    Raises:
        TransitionRefusedError: `scheme-invalid`, which names the field.
    """
    method = value.get("method")
    if not isinstance(method, str) or method not in _FIELDS:
        refuse("scheme-invalid", field="method")
    if set(value) != {"method", "salt", *_FIELDS[method]}:
        refuse("scheme-invalid", field=", ".join(("method", "salt", *_FIELDS[method])))
    if not TYPES["seed"](value["salt"]):
        refuse("scheme-invalid", field="salt")
    if method == IMPORTED:
        if not TYPES["digest"](value["file"]):
            refuse("scheme-invalid", field="file")
        return Scheme(method)
    scheme = Scheme(method, _read_arms(value["arms"]))
    return scheme if method == COMPLETE else scheme._replace(blocks=_read_blocks(value["blocks"], scheme.total))


def _read_arms(value: Any) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, list) or not 1 < len(value) <= MAX_CODES or not all(map(_is_arm, value)):
        refuse("scheme-invalid", field="arms")
    arms: dict[str, int] = dict(value)
    if len(arms) < len(value) or sum(arms.values()) > MAX_BLOCK:
        refuse("scheme-invalid", field="arms")
    return tuple(arms.items())


def _is_arm(value: Any) -> bool:
    match value:
        case [code, share]:
            return TYPES["code"](code) and TYPES["positive"](share)
    return False


def _read_blocks(value: Any, total: int) -> tuple[int, ...]:
    if (
        not isinstance(value, list)
        or not 0 < len(value) <= MAX_CODES
        or not all(TYPES["positive"](size) and size <= MAX_BLOCK and size % total == 0 for size in value)
        or value != sorted(set(value))
    ):
        refuse("scheme-invalid", field="blocks")
    return tuple(value)


def scheme_digest(value: Mapping[str, Any]) -> str:
    """Give the digest of a scheme, that of its canonical JSON.

    Raises:
        TransitionRefusedError: `scheme-invalid`.
    """
    read_scheme(value)
    return "sha256:" + sha256(encode_value(value).encode()).hexdigest()


def randomisation_list(seed: str, beacon: str, scheme: Scheme, strata: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Compute a list: the arms in the order of their numbers, for each stratum (rules 5 to 7).

    Args:
        seed: 64 hexadecimal digits.
        beacon: Digest of the transaction that fixed it, `sha256:<hex>`.
        scheme: How the list is made.
        strata: Number of places of each stratum.

    Raises:
        TransitionRefusedError: `list-imported`.
    """
    if scheme.method == IMPORTED:
        refuse("list-imported")
    fill = _fill_blocks if scheme.method == BLOCK else _fill
    return {name: fill(Numbers(seed, beacon, f"list/{name}"), scheme, strata[name]) for name in sorted(strata)}


def _fill(numbers: Numbers, scheme: Scheme, places: int) -> tuple[str, ...]:
    """Fill places one by one (rule 5)."""
    owners = [code for code, share in scheme.arms for _ in range(share)]
    return tuple(owners[numbers.below(scheme.total)] for _ in range(places))


def _fill_blocks(numbers: Numbers, scheme: Scheme, places: int) -> tuple[str, ...]:
    """Fill places block by block (rule 6)."""
    filled: list[str] = []
    while len(filled) < places:
        size = scheme.blocks[numbers.below(len(scheme.blocks))]
        block = [code for code, share in scheme.arms for _ in range(share * size // scheme.total)]
        filled += numbers.pick(block, size)
    return tuple(filled[:places])


def draw(seed: str, beacon: str, units: Sequence[str], count: int) -> tuple[str, ...]:
    """Draw units, at most all, in the order in which they come out (rule 7).

    Args:
        seed: 64 hexadecimal digits.
        beacon: Digest of the transaction that fixed it, `sha256:<hex>`.
        units: What is drawn from, in the order that was committed to.
        count: How many are drawn.
    """
    return tuple(Numbers(seed, beacon, "draw").pick(units, count))
