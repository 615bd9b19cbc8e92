"""Allocations, and what is opened of them: which unit holds which treatment.

These files name treatments: they are for the eyes of whoever may know them. Neither `repr` nor an error shows one.

Source: R-091, R-092, X-22; GD44 7.3.2.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from trialanchor.encoding import base64_decode, base64_encode, digest_text, json_encode
from trialanchor.merkle import HASH_SIZE, MAX_PATH, leaf_hash, root_from_inclusion, split_hashes
from trialanchor.sealing.errors import SealingError
from trialanchor.sealing.files import (
    MAX_SEALED_LIST,
    MAX_UNIT_FILE,
    VERSION,
    decode_file,
    file_digest,
    list_of,
    oid_of,
    parts_of,
)
from trialanchor_chaincode.rules.sealed_list import SealedUnit, in_order, sealed_root
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_UNITS = 100_000
"""Units of one list."""

MAX_TREATMENT = 64
"""Characters of the code of a treatment."""

SALT_SIZE = 32
"""Octets of a salt."""

_TREATMENT = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}", re.ASCII)
_SALT = re.compile(r"[0-9a-f]{64}", re.ASCII)


def arcs(oid: str) -> list[int]:
    """Give the arcs of an OID, by which lists are in order."""
    return [int(arc) for arc in oid.split(".")]


@dataclass(frozen=True, slots=True)
class Allocations:
    """Which unit holds which treatment: what the keeper keeps, and what is disclosed at the end.

    Attributes:
        study: OID of the study.
        units: In order of the OIDs' arcs, no unit twice.
    """

    study: str
    units: tuple[SealedUnit, ...] = field(repr=False)

    @property
    def root(self) -> str:
        """Root of the list, as the ledger keeps it."""
        return sealed_root(self.units)

    @property
    def digest(self) -> str:
        """Digest of the file: the argument `list` of the disclosure on the ledger."""
        return file_digest(self.encode())

    def encode(self) -> bytes:
        """Encode as the file of allocations."""
        units = [unit._asdict() for unit in self.units]
        return json_encode({"study": self.study, "trialanchor_allocations": VERSION, "units": units})

    @classmethod
    def decode(cls, data: bytes) -> Allocations:
        """Read a file of allocations.

        Raises:
            InputError: Not one, or edited; names the unit by its place, and never its treatment.
        """
        value = decode_file(data, "trialanchor_allocations", {"study", "units"}, MAX_SEALED_LIST)
        found = allocations(oid_of(value["study"], "the study"), map(unit_of, list_of(value["units"], "the units")))
        if found.encode() != data:
            raise SealingError("the units are not in order of their OIDs")
        return found


def allocations(study: str, units: Iterable[SealedUnit]) -> Allocations:
    """Bring the units of a study into order.

    Raises:
        SealingError: There is none or there are too many, one stands twice, or is not of its form.
    """
    given = list(units)
    for place, unit in enumerate(given, 1):
        if not is_dotted(unit.kit) or not _TREATMENT.fullmatch(unit.treatment) or not _SALT.fullmatch(unit.salt):
            raise SealingError(f"unit {place} is not an OID, a lower-case code of a treatment and a salt")
    if not 1 <= len(given) <= MAX_UNITS:
        raise SealingError(f"a list has 1 to {MAX_UNITS} units")
    ordered = in_order(given)
    for earlier, later in pairwise(ordered):
        if earlier.kit == later.kit:
            raise SealingError(f"the unit {later.kit} stands twice in the list")
    if len({unit.salt for unit in ordered}) != len(ordered):
        raise SealingError("a salt stands twice: one opened unit would tell the treatment of another")
    if any(unit.kit == study for unit in ordered):
        raise SealingError("the study is no unit of its list")
    return Allocations(oid_of(study, "the study"), tuple(ordered))


def new_unit(kit: str, treatment: str) -> SealedUnit:
    """Make a unit of a new list, with a salt of its own."""
    return SealedUnit(kit, treatment, secrets.token_hex(SALT_SIZE))


def padded_entry(unit: SealedUnit) -> bytes:
    """Give the entry of a unit with blanks at its end, so that the length of what is sealed says nothing."""
    return unit.entry() + b" " * (MAX_TREATMENT - len(unit.treatment))


@dataclass(frozen=True, slots=True)
class OpenedUnit:
    """The treatment of one unit, with the proof that it is what was sealed; it says nothing of other units.

    Attributes:
        study: OID of the study.
        unit: OID, treatment and salt.
        index: Place in the list, from 0.
        size: Units of the list.
        path: Sibling hashes, bottom up, 32 octets each.
    """

    study: str
    unit: SealedUnit = field(repr=False)
    index: int
    size: int
    path: tuple[bytes, ...] = field(repr=False)

    @property
    def root(self) -> str:
        """Root that the unit and its path lead to.

        Raises:
            ProofError: Place, size and path do not fit together.
        """
        return digest_text(root_from_inclusion(leaf_hash(self.unit.entry()), self.index, self.size, self.path))

    def encode(self) -> bytes:
        """Encode as the file of an opened unit."""
        return json_encode(
            {
                "index": self.index,
                "path": base64_encode(b"".join(self.path)),
                "size": self.size,
                "study": self.study,
                "trialanchor_opened_unit": VERSION,
                "unit": self.unit._asdict(),
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> OpenedUnit:
        """Read an opened unit.

        Raises:
            InputError: Not an opened unit, or edited.
        """
        parts = {"study", "unit", "index", "size", "path"}
        value = decode_file(data, "trialanchor_opened_unit", parts, MAX_UNIT_FILE)
        joined, index, size = base64_decode(value["path"], "the path"), value["index"], value["size"]
        if len(joined) % HASH_SIZE or len(joined) > HASH_SIZE * MAX_PATH:
            raise SealingError(f"a path is up to {MAX_PATH} hashes of {HASH_SIZE} octets")
        if type(index) is not int or type(size) is not int or not 0 <= index < size:
            raise SealingError("the place is a whole number from 0 and below the size")
        (unit,) = allocations(oid_of(value["study"], "the study"), [unit_of(value["unit"])]).units
        return cls(value["study"], unit, index, size, tuple(split_hashes(joined)))


def unit_of(value: Any) -> SealedUnit:
    """Take a unit of a list; its form is checked with the list.

    Raises:
        SealingError: It is none.
    """
    parts = parts_of(value, {"kit", "treatment", "salt"}, "a unit")
    if not all(isinstance(part, str) for part in parts.values()):
        raise SealingError("the parts of a unit are text")
    return SealedUnit(**parts)
