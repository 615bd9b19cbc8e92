"""Seal a list, open a share, combine shares, disclose the list, and check what was opened.

1. The keeper seals: every unit in an envelope of its own, the whole list in one more. Root and digest of the file go
   on the ledger (`SealedList.seal_arguments`, transition `unblinding/seal`).
2. A holder opens the share of one unit when the ledger says that the unit was opened, and hands it over; its digest
   goes on the ledger (`Share.digest`, transition `unblinding/release`).
3. Whoever has as many shares as the seal asks for combines them to the entry of this unit, and of no other.
4. At the end holders open their shares of the whole list, named by the OID of the study, when the ledger says that it
   was disclosed. Anybody checks the list, or one opened unit, against the root on the ledger.

Source: R-091, R-092, X-22; GD44 7.3.2; JS4652 7.5.2 f), 7.5.3 d), 7.8.2.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trialanchor.merkle import Tree, leaf_hash
from trialanchor.sealing.errors import (
    NotOpenedError,
    SealedListError,
    SealHolderError,
    SealingError,
    SealStateError,
    ShareError,
    SharesMissingError,
)
from trialanchor.sealing.keys import (
    decrypt,
    encrypt,
    join_identity,
    new_identity,
    normal_recipient,
    recipient_of,
    split_identity,
)
from trialanchor.sealing.lists import (
    ClosedUnit,
    Envelope,
    Holder,
    SealedList,
    SealedShare,
    Share,
    check_threshold,
)
from trialanchor.sealing.units import Allocations, OpenedUnit, allocations, padded_entry, unit_of
from trialanchor_chaincode.rules.state import read
from trialanchor_chaincode.rules.unblinding_gate import may_release

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor_chaincode.rules.sealed_list import SealedUnit
    from trialanchor_chaincode.rules.state import StateView


def seal_list(listed: Allocations, holders: Sequence[Holder], threshold: int) -> SealedList:
    """Seal a list to its key holders (1).

    A list that was sealed before keeps its root, because its units keep their salts; all keys are new.

    Args:
        listed: The allocations.
        holders: Who gets a share of every key; the OIDs are those of the seal on the ledger.
        threshold: How many of them must act. With 1 every holder alone can read the list.

    Raises:
        SealingError: A holder or key stands twice, is not of its form, or the threshold does not fit.
        ConfigError: The extra `seal` is not installed.
    """
    check_threshold(threshold, len(holders))
    known = tuple(Holder(holder.oid, normal_recipient(holder.recipient)) for holder in holders)
    if any(len({holder[part] for holder in known}) != len(known) for part in (0, 1)):
        raise SealingError("no holder and no key stands twice in a seal")
    padded = [padded_entry(unit) for unit in listed.units]
    units = tuple(
        ClosedUnit(unit.kit, leaf_hash(unit.entry()), _close(listed.study, unit.kit, entry, known, threshold))
        for unit, entry in zip(listed.units, padded, strict=True)
    )
    whole = _close(listed.study, listed.study, b"\n".join(padded), known, threshold)
    return SealedList(listed.study, threshold, known, whole, units)


def _close(study: str, oid: str, plain: bytes, holders: Sequence[Holder], threshold: int) -> Envelope:
    """Encrypt to a fresh key, which nobody keeps, and its shares to the holders."""
    identity = new_identity()
    shares = []
    for number, secret in enumerate(split_identity(identity, threshold, len(holders)), 1):
        holder = holders[number - 1]
        file = Share(study, oid, holder.oid, number, secret).encode()
        shares.append(SealedShare(sha256(file).digest(), encrypt(file, holder.recipient)))
    return Envelope(encrypt(plain, recipient_of(identity)), tuple(shares))


def open_share(sealed: SealedList, oid: str, identity: str, state: StateView) -> Share:
    """Open a holder's share of one unit, or of the whole list, if the ledger says that it was opened (2, 4).

    What this protects: no share leaves by mistake or on a caller's word. The unit must be opened on the ledger, this
    list must be the one that the study's seal names, and this holder one of its holders; so every share that was handed
    over has a request, a reason and approvals that stay. What it cannot: the key is the holder's, and with other
    software it opens the holder's shares at any time; only the threshold stands against that. Nor is the state proved
    here: give what a node you trust says of the ledger as far as it is final.

    Args:
        sealed: The sealed list.
        oid: OID of the unit; that of the study for the whole list.
        identity: The holder's age identity.
        state: Final state of the ledger: `seals/<study>`, and for a unit `unblindings/<unit>`.

    Raises:
        SealingError: The list has no such unit, or the identity is none.
        SealHolderError: The identity is not one of a holder.
        SealStateError: The state lacks the seal, or is malformed.
        SealedListError: The seal on the ledger is another.
        NotOpenedError: The ledger does not say that it was opened.
        ShareError: What is in the envelope is not the share that belongs there.
        ConfigError: The extra `seal` is not installed.
    """
    envelope, recipient = sealed.envelope(oid), recipient_of(identity)
    number = next((n for n, holder in enumerate(sealed.holders, 1) if holder.recipient == recipient), None)
    if number is None:
        raise SealHolderError("the key is not one of a holder of this seal")
    holder = sealed.holders[number - 1].oid
    _check_sealed(sealed, state)
    _check_opened(sealed.study, oid, holder, state)
    share = envelope.shares[number - 1]
    file = decrypt(share.sealed, identity)
    if file is None or sha256(file).digest() != share.digest:
        raise ShareError(f"the share {number} in the sealed list cannot be opened, or is not the one it names")
    found = Share.decode(file)
    if (found.study, found.unit, found.holder, found.number) != (sealed.study, oid, holder, number):
        raise ShareError(f"the share {number} in the sealed list is one of another unit or holder")
    return found


def seal_of(state: StateView, study: str) -> dict[str, Any]:
    """Read the seal of a study from a state of the ledger.

    Raises:
        SealStateError: There is none.
    """
    seal = read(state, f"seals/{study}")
    if not isinstance(seal, dict):
        raise SealStateError("the state of the ledger has no seal of this study")
    return seal


def _check_sealed(sealed: SealedList, state: StateView) -> None:
    seal = seal_of(state, sealed.study)
    if any(seal.get(name) != value for name, value in sealed.seal_arguments().items()):
        raise SealedListError("this is not the sealed list that the ledger names")


def _check_opened(study: str, oid: str, holder: str, state: StateView) -> None:
    if oid == study:
        if "disclosed_at" not in seal_of(state, study):
            raise NotOpenedError("the ledger does not say that the list was disclosed")
        return
    try:
        request = read(state, f"unblindings/{oid}")
        opened = request is not None and request["study"] == study and may_release(state, oid, holder)
    except (KeyError, TypeError):
        raise SealStateError("the state of the ledger is malformed") from None
    if not opened:
        raise NotOpenedError("the ledger does not say that this unit was opened")


def combine_shares(sealed: SealedList, shares: Sequence[Share]) -> OpenedUnit:
    """Combine shares of one unit to its entry, with the proof that leads to the root of the list (3).

    Whether that root is the one on the ledger is for `verify_opened` to say.

    Raises:
        SharesMissingError: There are fewer than the seal asks for.
        ShareError: A share is not the sealed one, or not of the same unit.
        SealedListError: What the keeper sealed is not what its leaf says.
        SealingError: The list has no such unit.
        ConfigError: The extra `seal` is not installed.
    """
    if not shares:
        raise SharesMissingError("there is no share")
    kit = shares[0].unit
    if kit == sealed.study:
        raise ShareError("these are shares of the whole list: disclose it")
    unit = _entry(_open(sealed, kit, shares), sealed.units[sealed.index(kit)])
    index = sealed.index(kit)
    path = Tree([each.leaf for each in sealed.units]).inclusion_proof(index)
    return OpenedUnit(sealed.study, unit, index, len(sealed.units), tuple(path))


def disclose(sealed: SealedList, shares: Sequence[Share]) -> Allocations:
    """Combine shares of the whole list to its allocations, every unit compared with its leaf (4).

    Raises:
        SharesMissingError: There are fewer than the seal asks for.
        ShareError: A share is not the sealed one, or not of the whole list.
        SealedListError: What the keeper sealed is not what its leaves say.
        ConfigError: The extra `seal` is not installed.
    """
    entries = _open(sealed, sealed.study, shares).split(b"\n")
    if len(entries) != len(sealed.units):
        raise SealedListError("the whole list does not hold the units that were sealed one by one")
    units = [_entry(entry, unit) for entry, unit in zip(entries, sealed.units, strict=True)]
    return allocations(sealed.study, units)


def _open(sealed: SealedList, oid: str, shares: Sequence[Share]) -> bytes:
    """Open an envelope with as many shares as its key needs."""
    envelope = sealed.envelope(oid)
    found: dict[int, bytes] = {}
    for share in shares:
        if (share.study, share.unit) != (sealed.study, oid):
            raise ShareError(f"the share {share.number} is not one of the same unit of this study")
        sealed_digest = envelope.shares[share.number - 1].digest if share.number <= len(envelope.shares) else b""
        if sha256(share.encode()).digest() != sealed_digest:
            raise ShareError(f"the share {share.number} is not the one that was sealed")
        found[share.number] = share.secret
    if len(found) < sealed.threshold:
        raise SharesMissingError(f"{len(found)} of {sealed.threshold} shares are there")
    identity = join_identity(sorted(found.items())[: sealed.threshold])
    plain = None if identity is None else decrypt(envelope.sealed, identity)
    if plain is None:
        raise SealedListError("the sealed shares do not open what was sealed: the list was made wrong or changed")
    return plain


def _entry(padded: bytes, closed: ClosedUnit) -> SealedUnit:
    """Read the entry of a unit, which must be the one of its leaf; no error carries a part of it."""
    entry = padded.rstrip(b" ")
    if leaf_hash(entry) != closed.leaf:
        raise SealedListError(f"the entry of {closed.kit} is not the one of its leaf")
    try:
        unit = unit_of(json.loads(entry))
    except (ValueError, RecursionError, SealingError):
        unit = None
    if unit is None or unit.kit != closed.kit or unit.entry() != entry:
        raise SealedListError(f"the entry of {closed.kit} is not an entry of a sealed list") from None
    return unit


def verify_disclosed(listed: Allocations, seal: Mapping[str, Any]) -> None:
    """Check that a list is the one that was sealed, and after the disclosure the very file that was disclosed (4).

    Args:
        listed: The list.
        seal: The ledger's `seals/<study>`, as `seal_of` gives it.

    Raises:
        SealedListError: It is another list.
    """
    if (listed.study, len(listed.units), listed.root) != _sealed(seal):
        raise SealedListError("this is not the list whose root was sealed on the ledger")
    disclosure = seal.get("disclosure")
    if "disclosed_at" in seal and (not isinstance(disclosure, dict) or disclosure.get("list") != listed.digest):
        raise SealedListError("the list is the sealed one, and yet not the file that was disclosed on the ledger")


def verify_opened(opened: OpenedUnit, seal: Mapping[str, Any]) -> None:
    """Check that one opened unit is as it was sealed; nothing is asked of the others.

    Args:
        opened: The unit with its proof.
        seal: The ledger's `seals/<study>`, as `seal_of` gives it.

    Raises:
        SealedListError: It is another one.
        ProofError: Its proof does not fit its place.
    """
    if (opened.study, opened.size, opened.root) != _sealed(seal):
        raise SealedListError("this unit is not one of the list whose root was sealed on the ledger")


def _sealed(seal: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return seal.get("study"), seal.get("units"), seal.get("root")
