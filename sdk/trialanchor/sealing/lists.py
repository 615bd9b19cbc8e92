"""The sealed list, and the shares that open it.

Every unit lies in an envelope of its own: its entry is encrypted to a fresh key, and every holder has one share of this
key, encrypted to the holder. What a holder decrypts is the file of the share, which names study, unit and holder: an
envelope that was moved to another unit shows. The digest of this file stands beside it, and on the ledger once the
share was released. The whole list lies in one more envelope, under the OID of the study.

Source: R-091, R-092, X-22; GD44 7.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from trialanchor.encoding import base64_decode, base64_encode, digest_text, json_encode, parse_digest
from trialanchor.merkle import root_of
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
from trialanchor.sealing.keys import SHARE_SIZE
from trialanchor.sealing.units import MAX_UNITS, arcs
from trialanchor_chaincode.rules.sealed_list import extension_proof
from trialanchor_chaincode.rules.unblinding import MAX_HOLDERS


class Holder(NamedTuple):
    """A key holder: OID of the person, and recipient of age, `age1…`."""

    oid: str
    recipient: str


class SealedShare(NamedTuple):
    """A share for one holder: digest of the share's file, and that file encrypted to the holder."""

    digest: bytes
    sealed: bytes


class Envelope(NamedTuple):
    """Something encrypted to a key of its own, with the shares of this key in order of the holders."""

    sealed: bytes
    shares: tuple[SealedShare, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of the envelope."""
        shares = [{"digest": digest_text(share.digest), "sealed": base64_encode(share.sealed)} for share in self.shares]
        return {"sealed": base64_encode(self.sealed), "shares": shares}


class ClosedUnit(NamedTuple):
    """A unit of the sealed list: OID of the kit, leaf of its entry, and the entry in its envelope."""

    kit: str
    leaf: bytes
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class SealedList:
    """A list that nobody can read before enough holders act.

    Attributes:
        study: OID of the study.
        threshold: How many holders must act.
        holders: The key holders; the share of the first has the number 1.
        whole: The whole list, for the end of the trial.
        units: In order of the OIDs' arcs.
    """

    study: str
    threshold: int
    holders: tuple[Holder, ...]
    whole: Envelope = field(repr=False)
    units: tuple[ClosedUnit, ...] = field(repr=False)

    @property
    def root(self) -> str:
        """Root over the leaves of the units."""
        return digest_text(root_of([unit.leaf for unit in self.units]))

    def envelope(self, oid: str) -> Envelope:
        """Give the envelope of a unit; under the OID of the study that of the whole list.

        Raises:
            SealingError: There is no such unit.
        """
        return self.whole if oid == self.study else self.units[self.index(oid)].envelope

    def index(self, kit: str) -> int:
        """Give the place of a unit in the list, from 0.

        Raises:
            SealingError: There is no such unit.
        """
        found = next((n for n, unit in enumerate(self.units) if unit.kit == kit), None)
        if found is None:
            raise SealingError("the sealed list has no such unit")
        return found

    def seal_arguments(self) -> dict[str, Any]:
        """Give the arguments of the transition `unblinding/seal` that puts this list on the ledger."""
        return {
            "study": self.study,
            "file": file_digest(self.encode()),
            "root": self.root,
            "units": len(self.units),
            "holders": [holder.oid for holder in self.holders],
            "threshold": self.threshold,
        }

    def extension(self, before: int) -> list[str]:
        """Give the argument `proof` of a seal that adds units to the `before` ones that were sealed on the ledger."""
        return extension_proof([unit.leaf for unit in self.units], before)

    def encode(self) -> bytes:
        """Encode as the file of the sealed list."""
        units = [{"kit": u.kit, "leaf": digest_text(u.leaf), **u.envelope.to_json()} for u in self.units]
        return json_encode(
            {
                "holders": [holder._asdict() for holder in self.holders],
                "list": self.whole.to_json(),
                "study": self.study,
                "threshold": self.threshold,
                "trialanchor_sealed_list": VERSION,
                "units": units,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> SealedList:
        """Read a sealed list; its root says whether it is the one of the ledger.

        Raises:
            InputError: Not a sealed list, or edited.
        """
        parts = {"study", "threshold", "holders", "list", "units"}
        value = decode_file(data, "trialanchor_sealed_list", parts, MAX_SEALED_LIST)
        holders = tuple(_holder(each) for each in list_of(value["holders"], "the holders"))
        check_threshold(value["threshold"], len(holders))
        units = tuple(_closed(each, len(holders)) for each in list_of(value["units"], "the units"))
        if not 1 <= len(units) <= MAX_UNITS:
            raise SealingError(f"a list has 1 to {MAX_UNITS} units")
        if any(arcs(earlier.kit) >= arcs(later.kit) for earlier, later in pairwise(units)):
            raise SealingError("the units are in order of their OIDs' arcs, and none stands twice")
        whole = _envelope(parts_of(value["list"], {"sealed", "shares"}, "the list"), len(holders))
        return cls(oid_of(value["study"], "the study"), value["threshold"], holders, whole, units)


def check_threshold(threshold: Any, holders: int) -> None:
    """Check how many of how many holders must act.

    Raises:
        SealingError: None, more than there are, or too many holders.
    """
    if type(threshold) is not int or not 1 <= threshold <= holders <= MAX_HOLDERS:
        raise SealingError(f"a seal has up to {MAX_HOLDERS} holders, and 1 to all of them must act")


@dataclass(frozen=True, slots=True)
class Share:
    """What one holder hands over for one unit, or for the whole list.

    Attributes:
        study: OID of the study.
        unit: OID of the unit; that of the study for the whole list.
        holder: OID of the holder.
        number: Number of the share, from 1.
        secret: 64 octets.
    """

    study: str
    unit: str
    holder: str
    number: int
    secret: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """Digest of the file: the argument `share` of the transition `unblinding/release`."""
        return file_digest(self.encode())

    def encode(self) -> bytes:
        """Encode as the file of the share."""
        return json_encode(
            {
                "holder": self.holder,
                "number": self.number,
                "secret": base64_encode(self.secret),
                "study": self.study,
                "trialanchor_share": VERSION,
                "unit": self.unit,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> Share:
        """Read a share.

        Raises:
            InputError: Not a share, or edited.
        """
        parts = {"study", "unit", "holder", "number", "secret"}
        value = decode_file(data, "trialanchor_share", parts, MAX_UNIT_FILE)
        secret, number = base64_decode(value["secret"], "the share"), value["number"]
        if len(secret) != SHARE_SIZE or type(number) is not int or not 1 <= number <= MAX_HOLDERS:
            raise SealingError(f"a share is a number from 1 to {MAX_HOLDERS} and {SHARE_SIZE} octets")
        study, unit, holder = (oid_of(value[name], f"the {name}") for name in ("study", "unit", "holder"))
        return cls(study, unit, holder, number, secret)


def _holder(value: Any) -> Holder:
    parts = parts_of(value, {"oid", "recipient"}, "a holder")
    if not isinstance(parts["recipient"], str):
        raise SealingError("a recipient is text")
    return Holder(oid_of(parts["oid"], "a holder"), parts["recipient"])


def _closed(value: Any, holders: int) -> ClosedUnit:
    parts = parts_of(value, {"kit", "leaf", "sealed", "shares"}, "a unit")
    return ClosedUnit(oid_of(parts["kit"], "a unit"), parse_digest(parts["leaf"]), _envelope(parts, holders))


def _envelope(value: dict[str, Any], holders: int) -> Envelope:
    shares = [parts_of(each, {"digest", "sealed"}, "a share") for each in list_of(value["shares"], "the shares")]
    if len(shares) != holders:
        raise SealingError("every holder has one share of every key")
    read = [SealedShare(parse_digest(each["digest"]), base64_decode(each["sealed"], "a share")) for each in shares]
    return Envelope(base64_decode(value["sealed"], "what is sealed"), tuple(read))
