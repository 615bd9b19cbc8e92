"""Services of a node and the NAPTR records that carry them.

A service is a type (`CINF`) and its information: a URL, or for `COID` the canonical OID-IRI. One NAPTR record for each:
`<order> <preference> "u" "ORS+<TYPE>" "!^.*$!<information>!" .`. A received regexp is never run: it is taken apart, its
pattern must be `^.*$`, and its replacement is taken literally.

Not done here: the DNS message; U-NAPTR chains and flags other than `u`.

Source: X.672 6.2, 7.4 and annexes C, D; RFC 3403 §4.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from trialanchor_oid.errors import InputError

COID: Final = "COID"
"""Canonical OID-IRI of the node."""

CINF: Final = "CINF"
"""Child information, an XML file."""

RINF: Final = "RINF"
"""Registration information, an XML file."""

UINF: Final = "UINF"
"""A page about the node."""

SERVICE_TYPES: Final = (COID, CINF, RINF, "MINF", "TINF", "CYBEX", UINF, "LINF")
"""Types the sources name; the codec takes any that has the form of one."""

ORDER: Final = 100
PREFERENCE: Final = 10
FLAGS: Final = "u"
PREFIX: Final = "ORS+"
PATTERN: Final = "^.*$"

MAX_REGEXP: Final = 255
"""Octets of the regexp, one character-string (RFC 1035 §3.3)."""

MAX_INFORMATION: Final = MAX_REGEXP - len(f"!{PATTERN}!!")
"""Octets left for the information: 248."""

MAX_TYPE: Final = 32
"""Characters of a service type (RFC 3958 §6.5 for application service tags)."""

MAX_ORDER: Final = 65_535
"""Order and preference have 16 bits."""

_TYPE: Final = re.compile(rf"[A-Z][A-Z0-9]{{0,{MAX_TYPE - 1}}}", re.ASCII)
_PARTS: Final = 4


class ServiceError(InputError):
    """Not a service record of the ORS."""

    code = "ors-record"
    hint = "The record's owner must correct it: `!^.*$!<information>!`, flag u, service ORS+TYPE."


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a node.

    Attributes:
        type: Service type in capitals, such as `CINF`.
        information: URL, or OID-IRI for `COID`; at most 248 octets.
        order: RFC 3403 order, lower first; 16 bits.
        preference: RFC 3403 preference among equal orders, lower first; 16 bits.

    Raises:
        ServiceError: The type is none, the information is empty, too long or not printable, or a number too large.
    """

    type: str
    information: str
    order: int = ORDER
    preference: int = PREFERENCE

    def __post_init__(self) -> None:
        if _TYPE.fullmatch(self.type) is None:
            raise ServiceError(f"a service type is capital letters and digits, a letter first, at most {MAX_TYPE}")
        if {"!", "\\"} & {*self.information} or not self.information.isprintable():
            raise ServiceError(
                "the information holds `!`, a backslash or a character that is not printable; write %21 or %5C in a URL"
            )
        octets = len(self.information.encode())
        if not 0 < octets <= MAX_INFORMATION:
            raise ServiceError(f"the information of {self.type} has 1 to {MAX_INFORMATION} octets, not {octets}")
        if not (0 <= self.order <= MAX_ORDER and 0 <= self.preference <= MAX_ORDER):
            raise ServiceError(f"order and preference are 0 to {MAX_ORDER}")

    @property
    def service(self) -> str:
        """The NAPTR service field, such as `ORS+CINF`."""
        return PREFIX + self.type

    @property
    def regexp(self) -> str:
        """The NAPTR regexp field."""
        return f"!{PATTERN}!{self.information}!"


def read_regexp(regexp: str) -> str:
    """Take the information out of a received regexp, literally; nothing of it is ever run.

    Raises:
        ServiceError: Not delimiter, `^.*$`, replacement and flags `i` or none; or the replacement refers to groups.

    Source: X.672 7.4; RFC 3402 §3.2.
    """
    if len(regexp.encode()) > MAX_REGEXP:
        raise ServiceError(f"the regexp is longer than {MAX_REGEXP} octets")
    delimiter = regexp[:1]
    if not delimiter or delimiter.isalnum() or delimiter in "\\i":
        raise ServiceError("the regexp does not begin with a delimiter")
    parts = regexp.split(delimiter)
    if len(parts) != _PARTS or parts[1] != PATTERN or parts[3] not in {"", "i"}:
        raise ServiceError(f"the regexp is not <delimiter>{PATTERN}<delimiter><information><delimiter>")
    if not parts[2] or "\\" in parts[2]:
        raise ServiceError("the regexp's replacement is empty or refers to a group; it is only taken literally")
    return parts[2]
