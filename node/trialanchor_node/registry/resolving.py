"""Read an OID, or a node above all OIDs, in any notation: numbers, well-known labels, and labels of registered entries.

Beyond `parse_any`, which knows no registry,

1. a single arc is a node (`2`, `/2`, `{iso}`), and the root is one (`root`, `/`, or nothing);
2. an OID-IRI may do without its first `/`, since in an address the `/` before it is one;
3. labels of public entries stand for their arcs, in an OID-IRI and in an owner name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trialanchor_oid.asn1 import parse_asn1
from trialanchor_oid.codec import Oid
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import a_label, check_label, parse_iri
from trialanchor_oid.limits import LAST_ROOT
from trialanchor_oid.notation import MAX_DNS_NAME, Notation, notation_of, parse_any
from trialanchor_oid.ors.names import DEFAULT_APEX, labels_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor_oid.ors.tree import Arcs, OrsTree

ROOT: Final = "root"
"""Name of the root of the tree in addresses."""

_TOP: Final = re.compile(r"[0-2]", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+", re.ASCII)


def resolve(text: str, tree: OrsTree, *, apex: str = DEFAULT_APEX) -> Arcs:
    """Give the arcs a text stands for; none for the root.

    Args:
        text: The OID or node, in any notation.
        tree: Knows the labels of registered entries.
        apex: Domain below which owner names lie.

    Raises:
        OidError: It stands for none; names the place and the rule, and nothing of the text.
    """
    if text in {"", ROOT}:
        return ()
    if _TOP.fullmatch(text):
        return (int(text),)
    notation = notation_of(text)
    if notation is Notation.ASN1:
        return _checked(parse_asn1(text))
    if notation is Notation.DNS:
        if len(text) > MAX_DNS_NAME:
            raise OidError(f"not an ORS owner name: it is longer than {MAX_DNS_NAME} characters")
        return _walk(labels_of(text, apex), tree)
    if "/" in text:
        return _walk(parse_iri(text if text.startswith("/") else f"/{text}"), tree)
    return parse_any(text, apex=apex).arcs


def name_of(arcs: Arcs) -> str:
    """Give the name of a node in addresses: its dotted form, `root` for the root."""
    return ".".join(map(str, arcs)) or ROOT


def _walk(labels: Sequence[str], tree: OrsTree) -> Arcs:
    """Go down from the root, label by label."""
    arcs: Arcs = ()
    for number, label in enumerate(labels, 1):
        try:
            found = _step(arcs, label, tree)
        except OidError as error:
            raise OidError(f"not an OID that can be read: label {number}: {error}") from error
        if found is None:
            raise OidError(f"label {number} is not a name that is known at this place; write its number")
        arcs = found
    return _checked(arcs)


def _step(arcs: Arcs, label: str, tree: OrsTree) -> Arcs | None:
    check_label(label, strict=False)
    if _NUMBER.fullmatch(label):
        return (*arcs, int(label))
    return tree.alias(arcs, a_label(label))


def _checked(arcs: Arcs) -> Arcs:
    """Refuse what is neither an OID nor a node above one."""
    if len(arcs) > 1:
        return Oid(arcs).arcs
    if any(arc > LAST_ROOT for arc in arcs):
        raise OidError("not an OID: the first arc is 0, 1 or 2")
    return arcs
