"""What is asked of the ORS and what it answers.

Source: X.672 7.1, 7.4.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from trialanchor_oid.errors import InputError
from trialanchor_oid.iri import iri_of, parse_iri
from trialanchor_oid.notation import Notation, notation_of, parse_any
from trialanchor_oid.ors.dnssec import NOT_VALIDATED, Assessment
from trialanchor_oid.ors.errors import rcode_name
from trialanchor_oid.ors.information import (
    ChildInformation,
    Contact,
    Disclosure,
    EncipheredContact,
    Registration,
    RegistrationInformation,
)
from trialanchor_oid.ors.markup import text_of
from trialanchor_oid.ors.names import DEFAULT_APEX, labels_of
from trialanchor_oid.ors.records import CINF

if TYPE_CHECKING:
    from trialanchor_oid.ors.errors import OrsError
    from trialanchor_oid.ors.records import Service

Information = ChildInformation | RegistrationInformation

ORDINARY: Final = "dns"
LEGACY: Final = "legacy"
LOCAL_COPY: Final = "local copy"
"""Where an answer comes from."""


def labels_of_text(text: str, apex: str = DEFAULT_APEX) -> tuple[str, ...]:
    """Read an OID in any notation into labels; an OID-IRI or owner name may hold Unicode labels that only DNS knows.

    Raises:
        OidError: It is no OID in the notation it starts like.
    """
    notation = notation_of(text)
    if notation is Notation.IRI:
        return parse_iri(text)
    if notation is Notation.DNS:
        return labels_of(text, apex)
    return tuple(map(str, parse_any(text, apex=apex).arcs))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        labels: From the root down, arcs or Unicode labels.
        type: Service type; None for any.
        secure: Whether the answer must be validated.
        fetch: Whether a CINF or RINF file is fetched and decoded.

    Raises:
        InputError: The type is not capital letters and digits.
    """

    labels: tuple[str, ...]
    type: str | None = CINF
    secure: bool = False
    fetch: bool = True

    def __post_init__(self) -> None:
        if self.type is not None and not (self.type.isascii() and self.type.isalnum() and self.type.isupper()):
            raise InputError("a service type is capital letters and digits, such as CINF")


@dataclass(frozen=True, slots=True)
class Resolution:
    """What was found.

    Attributes:
        labels: Labels that were asked for.
        owner: Domain name they have in the ORS.
        target: Domain name that holds the records, after aliases.
        arcs: Canonical OID; None when neither a COID record nor the name of the records tells it.
        type: Service type asked for; None for any.
        services: Services of that type, the one to be used first.
        ttl: Seconds the DNS answer is good for.
        dnssec: Outcome of the validation.
        rcode: RCODE of the answer; 0, or 3 in an error.
        source: `dns`, `legacy`, or `local copy` and its prefix.
        cached: Whether the DNS answer comes from the cache.
        url: Address that the information file came from, after redirects.
        information: What the file says.
        steps: What was done, for a person.
    """

    labels: tuple[str, ...]
    owner: str
    target: str
    arcs: tuple[int, ...] | None
    type: str | None
    services: tuple[Service, ...]
    ttl: int
    dnssec: Assessment = NOT_VALIDATED
    rcode: int = 0
    source: str = ORDINARY
    cached: bool = False
    url: str | None = None
    information: Information | None = None
    steps: tuple[str, ...] = field(default=())

    @property
    def chosen(self) -> Service:
        """The service to be used first."""
        return self.services[0]


def result_json(result: Resolution) -> dict[str, Any]:
    """Give the JSON object of a result; keys may be added, never renamed."""
    return {
        "labels": list(result.labels),
        "owner": result.owner,
        "target": result.target,
        "oid": None if result.arcs is None else ".".join(map(str, result.arcs)),
        "iri": None if result.arcs is None else iri_of(result.arcs),
        "type": result.type,
        "services": [
            {"type": s.type, "information": s.information, "order": s.order, "preference": s.preference}
            for s in result.services
        ],
        "information": result.chosen.information,
        "ttl": result.ttl,
        "cached": result.cached,
        "source": result.source,
        "rcode": rcode_name(result.rcode),
        "dnssec": _assessment_json(result.dnssec),
        "url": result.url,
        "document": None if result.information is None else information_json(result.information),
        "steps": list(result.steps),
    }


def error_json(error: OrsError) -> dict[str, Any]:
    """Give the JSON object of a failure: code, number, what was done, and what the DNS gave if it gave something."""
    return {
        "code": error.code,
        "number": error.number,
        "detail": str(error),
        "help": error.help(),
        "dnssec": None if error.dnssec is None else _assessment_json(error.dnssec),
        "steps": list(error.steps),
        "resolution": None if error.resolution is None else result_json(error.resolution),
    }


def _assessment_json(assessment: Assessment) -> dict[str, Any]:
    return {"state": assessment.state.value, "reason": assessment.reason}


def information_json(information: Information) -> dict[str, Any]:
    """Give the JSON object of a CINF or RINF file; HTML also as plain text."""
    if isinstance(information, ChildInformation):
        children = information.disclosed
        return {
            "kind": "CINF",
            "disclosed": None if children is None else [asdict(child) for child in children],
            "other_children": information.other_children,
        }
    told = information.disclosure
    return {"kind": "RINF", "disclosure": None if told is None else _disclosure_json(told)}


def _disclosure_json(told: Disclosure) -> dict[str, Any]:
    extra = told.additional_information
    return {
        "description": told.description,
        "description_text": text_of(told.description),
        "additional_information": extra,
        "additional_information_text": None if extra is None else text_of(extra),
        "first_registration": _registration_json(told.first_registration),
        "current_registration": _registration_json(told.current_registration),
    }


def _registration_json(registration: Registration | None) -> dict[str, Any] | None:
    if registration is None:
        return None
    return {"date": registration.date.isoformat(), "registrant": _registrant_json(registration.registrant)}


def _registrant_json(registrant: Contact | EncipheredContact) -> dict[str, Any]:
    if isinstance(registrant, EncipheredContact):
        return {"enciphered": True, "algorithm": registrant.algorithm, "octets": len(registrant.enciphered)}
    return {"enciphered": False, **asdict(registrant)}
