"""OIDs for objects that have none of their own: `2.25.` and a random UUID.

A node counts versions for each issuer, subject and kind, so two files or two sets must not share a subject. An OID
below 2.25 needs nobody's permission, never meets another one, and tells nothing, unlike one made from a file name.

Source: X.667 §6.3 (OIDs from UUIDs).
"""

from __future__ import annotations

from uuid import uuid4

_UUID_ARC = "2.25"


def new_subject() -> str:
    """Give a new OID."""
    return f"{_UUID_ARC}.{uuid4().int}"
