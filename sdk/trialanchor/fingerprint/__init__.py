"""Fingerprints: what stands in a statement for a record, a file or a set of them."""

from trialanchor.fingerprint.files import FileDigest, digest_file
from trialanchor.fingerprint.record import (
    MAX_OPENING,
    Disclosure,
    OpenedItem,
    Opening,
    RecordError,
    disclose,
    fingerprint_record,
)
from trialanchor.fingerprint.sets import Membership, SetTree

__all__ = [
    "MAX_OPENING",
    "Disclosure",
    "FileDigest",
    "Membership",
    "OpenedItem",
    "Opening",
    "RecordError",
    "SetTree",
    "digest_file",
    "disclose",
    "fingerprint_record",
]
