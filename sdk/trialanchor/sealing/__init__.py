"""Sealed allocations: who holds which treatment, openable unit by unit by enough key holders, provable at the end."""

from trialanchor.sealing.errors import (
    NotOpenedError,
    SealedListError,
    SealHolderError,
    SealingError,
    SealStateError,
    ShareError,
    SharesMissingError,
)
from trialanchor.sealing.files import MAX_SEALED_LIST, MAX_UNIT_FILE
from trialanchor.sealing.keys import new_identity, read_identity, recipient_of, write_identity
from trialanchor.sealing.lists import Holder, SealedList, Share
from trialanchor.sealing.service import (
    combine_shares,
    disclose,
    open_share,
    seal_list,
    seal_of,
    verify_disclosed,
    verify_opened,
)
from trialanchor.sealing.units import Allocations, OpenedUnit, allocations, new_unit

__all__ = [
    "MAX_SEALED_LIST",
    "MAX_UNIT_FILE",
    "Allocations",
    "Holder",
    "NotOpenedError",
    "OpenedUnit",
    "SealHolderError",
    "SealStateError",
    "SealedList",
    "SealedListError",
    "SealingError",
    "Share",
    "ShareError",
    "SharesMissingError",
    "allocations",
    "combine_shares",
    "disclose",
    "new_identity",
    "new_unit",
    "open_share",
    "read_identity",
    "recipient_of",
    "seal_list",
    "seal_of",
    "verify_disclosed",
    "verify_opened",
    "write_identity",
]
