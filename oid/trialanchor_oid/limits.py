"""Limits of an object identifier, the same in every notation, so that hostile input fails fast."""

from __future__ import annotations

from typing import Final

MIN_ARCS: Final = 2
"""Arcs per OID. The first subidentifier of the encoding holds two arcs."""

MAX_ARCS: Final = 128
"""Arcs per OID. The coding scheme needs 10; the limit makes hostile input fail fast."""

MAX_ARC_DIGITS: Final = 40
"""Decimal digits per arc. A UUID below 2.25 needs 39."""

ARC_LIMIT: Final = 10**MAX_ARC_DIGITS
"""The first number that is no arc any more."""

MAX_LABEL: Final = 200
"""Characters per label of an OID-IRI, before it is normalised. DNS takes 63 octets after that."""

MAX_IRI: Final = MAX_ARCS * (MAX_LABEL + 1)
"""Characters of an OID-IRI."""

MAX_DOTTED: Final = MAX_ARCS * (MAX_ARC_DIGITS + 1) - 1
"""Characters of a dotted OID."""

MAX_NAME: Final = 100
"""Characters of a name in ASN.1 value notation; the longest well-known one has 27."""

MAX_ASN1: Final = MAX_ARCS * (MAX_NAME + MAX_ARC_DIGITS + 4)
"""Characters of an OID in ASN.1 value notation, blanks included."""

SECOND_ARC_LIMIT: Final = 40
"""The first number that is no second arc below 0 and 1 (X.690 8.19.4)."""

LAST_ROOT: Final = 2
"""The greatest first arc (X.660 7.2); the only one without a limit on the second."""
