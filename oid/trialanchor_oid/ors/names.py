"""Owner names of the ORS: the labels of an OID in reverse order below an apex, with `ors-dummy` in front.

A DNAME redirects what lies below its owner and not the owner itself, so the extra label lets one alias cover its whole
node. A label may hold a dot (the long arc `ASN.1`): it stays one label, its dot escaped in the text of the name.

Not done here: which labels are aliases of which arcs; that is the tree's (`tree.py`) or the DNS's word.

Source: X.672 7.3; RFC 6672 for the extra label; RFC 1035 §5.1 for the escape.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trialanchor_oid.errors import ConfigError, OidError
from trialanchor_oid.iri import MAX_DNS_LABEL, a_label
from trialanchor_oid.limits import MAX_ARC_DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_APEX: Final = "oid-res.org"
"""Domain of the public ORS. An operator serves a domain of its own, never this one."""

DUMMY: Final = "ors-dummy"

MAX_NAME: Final = 255
"""Octets of a domain name on the wire, length octets and root included (RFC 1035 §2.3.4)."""

MAX_LABEL: Final = MAX_DNS_LABEL
"""Octets of one label."""

_SPLIT: Final = re.compile(r"(?<!\\)\.")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_HOST_LABEL: Final = rf"(?!-)[a-z0-9_-]{{1,{MAX_LABEL}}}(?<!-)"
_HOST: Final = re.compile(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*", re.ASCII)


def host_name(name: str, what: str = "the apex") -> str:
    """Give a domain name of the operator's choice in lower case, without a final dot.

    Args:
        name: The name; labels of ASCII letters, digits, hyphens and underscores.
        what: What it is the name of, for the message.

    Raises:
        ConfigError: It is no domain name.
    """
    host = name.removesuffix(".").lower()
    if len(host) > MAX_NAME - 2 or _HOST.fullmatch(host) is None:
        raise ConfigError(f"{what} is not a domain name")
    return host


def owner_name(labels: Sequence[str], apex: str = DEFAULT_APEX, *, dummy: bool = True) -> str:
    """Give the absolute owner name of a node, in text, with a final dot.

    Args:
        labels: Labels from the root of the tree down, decimal arcs or Unicode labels; none for the root itself.
        apex: Domain of the ORS.
        dummy: Whether `ors-dummy` stands in front; without it the name is that of a DNAME or of a legacy query.

    Raises:
        OidError: A label has no form in DNS, or the name is longer than DNS allows.
        ConfigError: The apex is no domain name.
    """
    below = [a_label(label).replace(".", "\\.") for label in reversed(labels)]
    name = ".".join([*([DUMMY] if dummy else []), *below, host_name(apex)]) + "."
    wire = sum(1 + len(label.replace("\\.", ".").encode()) for label in _SPLIT.split(name))
    if wire > MAX_NAME:
        raise OidError(f"the node has no ORS name: it would take {wire} octets, {MAX_NAME} are allowed")
    return name


def labels_of(name: str, apex: str = DEFAULT_APEX) -> tuple[str, ...]:
    """Give the labels, root first, of an owner name with or without `ors-dummy`; the inverse of `owner_name`.

    Unicode labels are given as A-labels.

    Raises:
        OidError: The name does not lie at or below the apex, or has an empty label.
        ConfigError: The apex is no domain name.
    """
    own, end = _SPLIT.split(name.rstrip(".").lower()), host_name(apex).split(".")
    if own[-len(end) :] != end:
        raise OidError(f"the name does not lie below {apex}")
    labels = own[: -len(end)]
    if labels and labels[0] == DUMMY:
        labels = labels[1:]
    if not all(labels):
        raise OidError("the name has an empty label")
    return tuple(label.replace("\\.", ".") for label in reversed(labels))


def arcs_of_labels(labels: Sequence[str]) -> tuple[int, ...] | None:
    """Give the arcs when all labels are decimal arcs of at most `MAX_ARC_DIGITS` digits, None otherwise."""
    if any(len(label) > MAX_ARC_DIGITS or _NUMBER.fullmatch(label) is None for label in labels):
        return None
    return tuple(map(int, labels))
