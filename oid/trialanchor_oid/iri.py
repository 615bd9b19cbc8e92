"""OID-IRI: the labels of `/Country/156/3016`, their DNS form, and the arcs they stand for.

Rules:

1. An OID-IRI starts with `/`; labels are parted by one `/` each; `/` alone is the root.
2. A label is a number (ASCII digits, no leading zero but 0 itself) or a Unicode label of the characters of X.660 7.5.
   Surrogates and private use are outside them.
3. Read, a Unicode label has at least one character that is no digit (X.672 C.2.3). Issued (`strict`), it also starts
   with neither digit nor hyphen, does not end with a hyphen, and has no `--` at characters 3 and 4 (X.660 7.5).
4. Two labels are the same when their A-labels are (`a_label`): NFC, UTS 46 mapping, IDNA2008. A label of ASCII only is
   put in lower case and otherwise left alone, because DNS takes any octet in a label and IDNA would refuse `_` and `~`.
   A dot inside it stays inside it (`ASN.1` is `asn.1`, one label): who writes a DNS name must escape it.
5. A label whose IDNA2003 form is another than its IDNA2008 form, or that has none of them, is refused: the national
   edition of ORS (GB/T 35299-2017) takes the former, X.672 (2022) the latter, so it would lead to two owners. ß, ς and
   the joiners are such.

A message names the position of a label, counted from 1, or of a character, and never the label.

Source: X.660 7.5; X.672 C.2.3; RFC 5891; RFC 3490; UTS 46.
"""

from __future__ import annotations

import re
import unicodedata
from encodings import idna as idna2003
from functools import cache
from typing import TYPE_CHECKING, Final

import idna

from trialanchor_oid.arcs import long_arcs, named_arcs
from trialanchor_oid.errors import OidError
from trialanchor_oid.limits import LAST_ROOT, MAX_ARC_DIGITS, MAX_ARCS, MAX_IRI, MAX_LABEL, SECOND_ARC_LIMIT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_DNS_LABEL: Final = 63
"""Octets of a DNS label (RFC 1035 2.3.4)."""

_ACE_PREFIX: Final = "xn--"
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_OUTSIDE: Final = re.compile(
    r"[^-._~0-9A-Za-z\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
    + "".join(f"{chr(plane << 16)}-{chr(plane << 16 | 0xFFFD)}" for plane in range(1, 14))
    + "\U000e1000-\U000efffd]"
)
"""A character that no Unicode label has (X.660 7.5)."""


def parse_iri(text: str, *, strict: bool = False) -> tuple[str, ...]:
    """Read the labels of an OID-IRI as they are given; `/` has none.

    Args:
        text: The whole OID-IRI.
        strict: Whether the rules for issuing a label hold, not only those for reading one.

    Raises:
        OidError: It is no OID-IRI or exceeds a limit; names the label.
    """
    if len(text) > MAX_IRI:
        raise OidError(f"not an OID-IRI: it is longer than {MAX_IRI} characters")
    if not text.startswith("/"):
        raise OidError("not an OID-IRI: it must start with /")
    if text == "/":
        return ()
    labels = tuple(text[1:].split("/"))
    if len(labels) > MAX_ARCS:
        raise OidError(f"not an OID-IRI: it has more than {MAX_ARCS} labels")
    for number, label in enumerate(labels, 1):
        reason = _reason_against(label, strict=strict)
        if reason:
            raise OidError(f"not an OID-IRI: label {number}: it {reason}")
    return labels


def check_label(label: str, *, strict: bool) -> None:
    """Check one label, a number or a Unicode label.

    Args:
        label: Without `/`.
        strict: Whether it is to be issued.

    Raises:
        OidError: It is neither; names the rule.
    """
    reason = _reason_against(label, strict=strict)
    if reason:
        raise OidError(f"not a label of an OID-IRI: it {reason}")


def a_label(label: str) -> str:
    """Give the canonical form of a label in DNS: two labels with the same one are the same arc.

    Digits stay as they are. The result may hold a dot that belongs to the label (rule 4).

    Raises:
        OidError: It is no label, does not fit 63 octets, or has no single form in DNS (rule 5).
    """
    check_label(label, strict=False)
    found = label if _DIGITS.fullmatch(label) else _canonical(label)
    if len(found) > MAX_DNS_LABEL:
        raise OidError(f"the label does not fit the {MAX_DNS_LABEL} octets of a DNS label")
    return found


def iri_of(arcs: Sequence[int]) -> str:
    """Write the canonical OID-IRI, all labels numbers."""
    return "/" + "/".join(map(str, arcs))


def long_iri_of(arcs: Sequence[int]) -> str:
    """Write the OID-IRI with its long arc where it has one, such as `/Country/156`; otherwise as `iri_of`."""
    label = next((label for label, under in long_arcs().items() if tuple(arcs[: len(under)]) == under), None)
    if label is None:
        return iri_of(arcs)
    return "/" + "/".join((label, *map(str, arcs[len(long_arcs()[label]) :])))


def resolve_labels(labels: Sequence[str]) -> tuple[int, ...]:
    """Give the arcs that labels stand for, as far as they are numbers, well-known labels or long arcs.

    Args:
        labels: As `parse_iri` gives them.

    Raises:
        OidError: A label is not known here, has no single form, or the arcs are no OID; names the label.
    """
    arcs: tuple[int, ...] = ()
    for number, label in enumerate(labels, 1):
        reason = _reason_against(label, strict=False)
        if reason:
            raise OidError(f"the labels name no OID: label {number}: it {reason}")
        arcs += _arcs_of(label, arcs, number)
        reason = _reason_against_top(arcs)
        if reason:
            raise OidError(f"the labels name no OID: label {number}: it {reason}")
    if len(arcs) > MAX_ARCS:
        raise OidError(f"the labels name no OID: it has more than {MAX_ARCS} arcs")
    return arcs


def _arcs_of(label: str, before: tuple[int, ...], number: int) -> tuple[int, ...]:
    """Give what a checked label adds to the arcs before it."""
    if _DIGITS.fullmatch(label):
        return (int(label),)
    try:
        form = a_label(label)
    except OidError as error:
        raise OidError(f"the labels name no OID: label {number}: {error}") from error
    found = known_labels().get(before, {}).get(form)
    if found is None:
        raise OidError(
            f"the labels name no OID: label {number}: it is not a name known at this place; write its number"
        )
    return found


@cache
def known_labels() -> Mapping[tuple[int, ...], Mapping[str, tuple[int, ...]]]:
    """Give what each known label adds to the arcs before it: by those arcs, then by A-label."""
    found: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = {}
    for arc in named_arcs().values():
        for label in arc.labels:
            found.setdefault(arc.arcs[:-1], {})[a_label(label)] = arc.arcs[-1:]
    found[()].update({a_label(label): arcs for label, arcs in long_arcs().items()})
    return found


def _reason_against_top(arcs: tuple[int, ...]) -> str:
    """Say why the last of these arcs cannot stand first or second; empty when it can."""
    if arcs[0] > LAST_ROOT:
        return "is no first arc, which is 0, 1 or 2"
    if len(arcs) > 1 and arcs[0] < LAST_ROOT and arcs[1] >= SECOND_ARC_LIMIT:
        return f"is not below {SECOND_ARC_LIMIT}, as a second arc under 0 and 1 is"
    return ""


def _reason_against(label: str, *, strict: bool) -> str:
    """Say why a label is none; empty when it is one."""
    if not label:
        return "is empty"
    if len(label) > MAX_LABEL:
        return f"is longer than {MAX_LABEL} characters"
    if _DIGITS.fullmatch(label):
        return _reason_against_number(label)
    outside = _OUTSIDE.search(label)
    if outside:
        return f"has a character that no label has, at its character {outside.start() + 1}"
    return _reason_against_issuing(label) if strict else ""


def _reason_against_number(digits: str) -> str:
    if len(digits) > MAX_ARC_DIGITS:
        return f"is a number of more than {MAX_ARC_DIGITS} digits"
    return "is a number with a leading zero" if digits[0] == "0" and len(digits) > 1 else ""


def _reason_against_issuing(label: str) -> str:
    """Say which rule for issuing a Unicode label is broken (X.660 7.5)."""
    if label[0] in "0123456789-":
        return "starts with a digit or a hyphen"
    if label[-1] == "-":
        return "ends with a hyphen"
    return "has hyphens as characters 3 and 4" if label[2:4] == "--" else ""


def _canonical(label: str) -> str:
    """Map a Unicode label to its A-label, or to lower case when it is ASCII."""
    if label.isascii():
        lower = label.lower()
        if lower.startswith(_ACE_PREFIX):
            _check_ace(lower)
        return lower
    return _idna(label)


def _idna(label: str) -> str:
    """Map a label that is not ASCII to the A-label it has in both versions of IDNA."""
    try:
        mapped = idna.uts46_remap(unicodedata.normalize("NFC", label), std3_rules=False, transitional=False)
        if not mapped or "." in mapped or _DIGITS.fullmatch(mapped):
            raise OidError(
                "the label has no DNS form, because IDNA maps it to nothing, to a number, or to more than one label"
            )
        found = idna.alabel(mapped).decode("ascii")
    except idna.IDNAError as error:
        raise OidError("the label has no DNS form under IDNA2008, or does not fit 63 octets") from error
    if found != _form_2003(mapped):
        raise OidError("the label has another form under IDNA2003 than under IDNA2008, or none")
    return found


def _form_2003(mapped: str) -> str:
    try:
        return idna2003.ToASCII(mapped).decode("ascii").lower()
    except UnicodeError:
        return ""


def _check_ace(lower: str) -> None:
    """Refuse a label that looks like an A-label and is none: nothing else may lead to its owner in DNS."""
    try:
        genuine = _idna(idna.ulabel(lower)) == lower
    except idna.IDNAError:
        genuine = False
    if not genuine:
        raise OidError("the label starts with xn-- and is no A-label")
