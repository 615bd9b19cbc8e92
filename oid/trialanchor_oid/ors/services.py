"""Read the services of a node out of its NAPTR records, without ever running a regexp.

1. A record counts with flag `u`, replacement `.` and service `ORS+<TYPE>` in any case; in legacy mode also a bare one.
2. Its regexp is taken apart literally (`records.read_regexp`).
3. Lower order first, then lower preference; of records that count, the first `MAX_RECORDS` in this order are read.

A record that counts and cannot be read is left out, with the reason; it does not spoil the others.

Source: X.672 7.4; RFC 3403 §4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import dns.name

from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import parse_iri
from trialanchor_oid.ors.errors import OrsRecordError
from trialanchor_oid.ors.names import arcs_of_labels, labels_of
from trialanchor_oid.ors.records import COID, FLAGS, PREFIX, Service, ServiceError, read_regexp

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_RECORDS: Final = 64
"""NAPTR records read at one node; the known types are eight."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Services of a node.

    Attributes:
        services: Those that could be read, in order.
        refused: Why others could not, by type.
    """

    services: tuple[Service, ...]
    refused: tuple[tuple[str, str], ...]

    def of_type(self, wanted: str | None) -> tuple[Service, ...]:
        """Give the services of a type, or all when it is None."""
        return tuple(service for service in self.services if wanted in {None, service.type})

    def reason_against(self, wanted: str | None) -> str:
        """Say why a record of the type could not be read; empty when there is no such record."""
        return next((reason for type_, reason in self.refused if wanted in {None, type_}), "")


def read_services(records: Iterable[Any], *, legacy: bool = False) -> Reading:
    """Read NAPTR records.

    Args:
        records: NAPTR rdata.
        legacy: Whether a service may be a bare type.
    """
    counting = [(type_, record) for record in records if (type_ := _type(record, legacy=legacy))]
    counting.sort(key=lambda pair: (pair[1].order, pair[1].preference))
    services, refused = [], []
    for type_, record in counting[:MAX_RECORDS]:
        try:
            information = read_regexp(record.regexp.decode("utf-8"))
            services.append(Service(type_, information, record.order, record.preference))
        except ServiceError as error:
            refused.append((type_, str(error)))
        except UnicodeDecodeError:
            refused.append((type_, "the regexp is not UTF-8"))
    return Reading(tuple(services), tuple(refused))


def canonical_arcs(reading: Reading, target: str, apex: str) -> tuple[int, ...] | None:
    """Give the canonical OID: the COID's, or that of the name that holds the records; None when neither tells it.

    Raises:
        OrsRecordError: The COID is none, or another OID than that of its name.
    """
    named = _arcs_of_name(target, apex)
    coid = reading.of_type(COID)
    if not coid:
        return named
    try:
        told = arcs_of_labels(parse_iri(coid[0].information))
    except OidError as error:
        raise OrsRecordError("the COID record of the node is no OID-IRI") from error
    if told is None:
        raise OrsRecordError("the COID record of the node is not all numbers")
    if named is not None and named != told:
        raise OrsRecordError("the COID record of the node names another OID than the node's own")
    return told


def _arcs_of_name(target: str, apex: str) -> tuple[int, ...] | None:
    try:
        return arcs_of_labels(labels_of(target, apex))
    except OidError:
        return None


def _type(record: Any, *, legacy: bool) -> str:
    """Give the type of a record; empty when it does not count as one of the ORS (1)."""
    if record.flags.decode("ascii", "replace").lower() != FLAGS or record.replacement != dns.name.root:
        return ""
    upper = str(record.service.decode("ascii", "replace")).upper()
    if upper.startswith(PREFIX):
        return upper.removeprefix(PREFIX)
    return upper if legacy and upper.isalnum() else ""
