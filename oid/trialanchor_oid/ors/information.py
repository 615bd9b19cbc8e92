"""The information files of the ORS: CINF, the children of a node, and RINF, its registration.

Both are the EXTENDED-XER encoding of a module of X.672, written and read by hand: general tools give the elements other
names. `noDisclosure` is always allowed, and is all that a node of a blinded trial ever says. Booleans are written as
text; read as text, as `<true/>` and as 1 or 0. HTML is text, escaped, of the subset in `markup.py`. An enciphered
registrant is carried, not deciphered: its key is the parent node's to give.

Longer than other modules because it holds the whole vocabulary of both, values and names side by side.

Not done here: fetching a file; parameters of an algorithm in any form but their DER as hexadecimal digits.

Source: X.672 annexes C and D, modules {joint-iso-itu-t ors(50) modules(0) cinf(0) version1(1)} and rinf(1).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from trialanchor_oid.codec import Oid
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import check_label
from trialanchor_oid.ors import elements
from trialanchor_oid.ors.elements import Element, InformationError, of
from trialanchor_oid.ors.markup import sanitised

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_TOLD: Final = -1
"""Number of further children, when it is not told."""

MAX_TEXT: Final = 1 << 14
"""Characters of one text of a RINF file."""

_CHILD_INFORMATION: Final = "ChildInformation"
_REGISTRATION_INFORMATION: Final = "RegistrationInformation"
_NO_DISCLOSURE: Final = "noDisclosure"
_DISCLOSURE: Final = "disclosure"
_OPEN, _ENCIPHERED = "non-enciphered", "enciphered-registrant"
_TRUE: Final = {"true": True, "1": True, "false": False, "0": False}
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,39})", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PHONE: Final = re.compile(r"\+[\x20-\x7e]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Child:
    """One child of a node that is listed with its consent.

    Attributes:
        numeric_label: The arc.
        labels: Unicode labels that stand for it.
        ors_supported: Whether the child is a node of the ORS itself.

    Raises:
        InformationError: The arc is negative, or a label is none.
    """

    numeric_label: int
    labels: tuple[str, ...] = ()
    ors_supported: bool = True

    def __post_init__(self) -> None:
        if self.numeric_label < 0 or _INTEGER.fullmatch(str(self.numeric_label)) is None:
            raise InformationError("the numeric label of a child is a whole number of at most 40 digits")
        for label in self.labels:
            try:
                check_label(label, strict=False)
            except OidError as error:
                raise InformationError(f"a label of child {self.numeric_label}: {error}") from error
            if label.isdecimal():
                raise InformationError(f"a Unicode label of child {self.numeric_label} has digits only")


@dataclass(frozen=True, slots=True)
class ChildInformation:
    """What a CINF file says.

    Attributes:
        disclosed: Children that are listed; None when nothing is disclosed.
        other_children: Number of children that are not listed; `NOT_TOLD` for an unknown number.

    Raises:
        InformationError: The number is below -1 or told although nothing is disclosed, or two children have one arc.
    """

    disclosed: tuple[Child, ...] | None = None
    other_children: int = NOT_TOLD

    def __post_init__(self) -> None:
        if self.other_children < NOT_TOLD or _INTEGER.fullmatch(str(self.other_children)) is None:
            raise InformationError("the number of other children is -1 (not told) or a whole number")
        if self.disclosed is None and self.other_children != NOT_TOLD:
            raise InformationError("the number of other children has no place where nothing is disclosed")
        arcs = [child.numeric_label for child in self.disclosed or ()]
        if len(set(arcs)) != len(arcs):
            raise InformationError("a child is listed twice")


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach who registered a node; a part that is not told is None.

    Attributes:
        family_name_or_organization: Name.
        given_name: Given name of a person.
        email_address: E-mail address.
        phone: Starts with `+`.
        fax: Starts with `+`.
        postal_address: Lines of the address.

    Raises:
        InformationError: A text is empty, too long or has blanks around it, or a number does not start with `+`.
    """

    family_name_or_organization: str | None = None
    given_name: str | None = None
    email_address: str | None = None
    phone: str | None = None
    fax: str | None = None
    postal_address: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)[:5]):
            text = getattr(self, name)
            if text is not None and not (0 < len(text) <= MAX_TEXT and text == text.strip()):
                raise InformationError(f"{name} has 1 to {MAX_TEXT} characters and no blanks around it")
        if any(number is not None and _PHONE.fullmatch(number) is None for number in (self.phone, self.fax)):
            raise InformationError("a phone or fax number starts with + and is ASCII")
        if any(len(line) > MAX_TEXT or line != line.strip() for line in self.postal_address or ()):
            raise InformationError(
                f"a line of the postal address has {MAX_TEXT} characters at most, no blanks around it"
            )


@dataclass(frozen=True, slots=True)
class EncipheredContact:
    """A contact that only those with the parent node's key can read.

    Attributes:
        algorithm: Dotted OID of the algorithm.
        enciphered: The enciphered EXTENDED-XER encoding of a contact.
        parameters: DER of the algorithm's parameters; empty when it has none.

    Raises:
        InformationError: The algorithm is no OID, or there is nothing enciphered.
    """

    algorithm: str
    enciphered: bytes
    parameters: bytes = b""

    def __post_init__(self) -> None:
        try:
            Oid.parse(self.algorithm)
        except OidError as error:
            raise InformationError(f"the algorithm: {error}") from error
        if not self.enciphered:
            raise InformationError("there is no enciphered registrant")


@dataclass(frozen=True, slots=True)
class Registration:
    """When a node was registered, and by whom.

    Attributes:
        date: The day, without a time.
        registrant: Who registered it.

    Raises:
        InformationError: The date has a time.
    """

    date: date
    registrant: Contact | EncipheredContact

    def __post_init__(self) -> None:
        if isinstance(self.date, datetime):
            raise InformationError("the date of a registration is a day, without a time")


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a RINF file discloses; `html_of` makes the two texts out of plain ones.

    Attributes:
        description: What the OID was allocated for; HTML of the subset, not empty.
        additional_information: More HTML.
        first_registration: The first registration.
        current_registration: The one in force; it is recommended to give it.

    Raises:
        InformationError: A text is empty, too long, or HTML outside the subset.
    """

    description: str
    additional_information: str | None = None
    first_registration: Registration | None = None
    current_registration: Registration | None = None

    def __post_init__(self) -> None:
        for name, html in (("description", self.description), ("additional information", self.additional_information)):
            if html is None:
                continue
            if not 0 < len(html) <= MAX_TEXT:
                raise InformationError(f"the {name} has 1 to {MAX_TEXT} characters")
            if sanitised(html) != html:
                raise InformationError(f"the {name} is HTML outside p, b, i, br and a href; make it with html_of")


@dataclass(frozen=True, slots=True)
class RegistrationInformation:
    """What a RINF file says; `disclosure` is None when nothing is disclosed."""

    disclosure: Disclosure | None = None


def encode_cinf(value: ChildInformation) -> bytes:
    """Write a CINF file.

    Raises:
        InformationError: The file would be too large.
    """
    if value.disclosed is None:
        return elements.write(of(_CHILD_INFORMATION, Element(_NO_DISCLOSURE)))
    children = of("disclosedChildren", *map(_child_element, value.disclosed))
    other = Element("otherChildren", text=str(value.other_children))
    return elements.write(of(_CHILD_INFORMATION, of(_DISCLOSURE, children, other)))


def decode_cinf(data: bytes) -> ChildInformation:
    """Read a CINF file.

    Raises:
        InformationError: It does not conform; names the line.
    """
    choice = elements.read(data, _CHILD_INFORMATION).choice(_NO_DISCLOSURE, _DISCLOSURE)
    if choice.name == _NO_DISCLOSURE:
        choice.check_empty()
        return ChildInformation()
    parts = choice.parts({"disclosedChildren": True, "otherChildren": True})
    children = tuple(_child(child) for child in parts["disclosedChildren"].items("disclosedChild"))
    try:
        return ChildInformation(children, _integer(parts["otherChildren"]))
    except InformationError as error:
        raise InformationError(f"line {choice.line}: {error}") from error


def encode_rinf(value: RegistrationInformation) -> bytes:
    """Write a RINF file.

    Raises:
        InformationError: The file would be too large, or a text has a character that XML cannot hold.
    """
    told = value.disclosure
    if told is None:
        return elements.write(of(_REGISTRATION_INFORMATION, Element(_NO_DISCLOSURE)))
    disclosure = of(
        _DISCLOSURE,
        Element("description", text=told.description),
        _text_element("additionalInformation", told.additional_information),
        _registration_element("firstRegistration", told.first_registration),
        _registration_element("currentRegistration", told.current_registration),
    )
    return elements.write(of(_REGISTRATION_INFORMATION, disclosure))


def decode_rinf(data: bytes) -> RegistrationInformation:
    """Read a RINF file; its HTML is sanitised.

    Raises:
        InformationError: It does not conform; names the line.
    """
    choice = elements.read(data, _REGISTRATION_INFORMATION).choice(_NO_DISCLOSURE, _DISCLOSURE)
    if choice.name == _NO_DISCLOSURE:
        choice.check_empty()
        return RegistrationInformation()
    names = ("description", "additionalInformation", "firstRegistration", "currentRegistration")
    parts = choice.parts({name: name == names[0] for name in names})
    texts = [_html(parts[name]) if name in parts else None for name in names[:2]]
    registrations = [_registration(parts[name]) if name in parts else None for name in names[2:]]
    try:
        return RegistrationInformation(Disclosure(texts[0] or "", texts[1] or None, *registrations))
    except InformationError as error:
        raise InformationError(f"line {choice.line}: {error}") from error


def _html(element: Element) -> str:
    """Give the sanitised HTML of an element, its length checked before anything is parsed."""
    text = element.content()
    if len(text) > MAX_TEXT:
        element.refuse(f"has more than {MAX_TEXT} characters")
    return sanitised(text)


def _child_element(child: Child) -> Element:
    labels = of("non-numeric", *(Element("labels", text=label) for label in child.labels))
    numeric = Element("numericLabel", text=str(child.numeric_label))
    supported = Element("orsSupported", text="true" if child.ors_supported else "false")
    return of("disclosedChild", supported, of("unicodeLabels", numeric, labels if child.labels else None))


def _child(element: Element) -> Child:
    parts = element.parts({"orsSupported": True, "unicodeLabels": True})
    labels = parts["unicodeLabels"].parts({"numericLabel": True, "non-numeric": False})
    non_numeric = labels["non-numeric"].items("labels") if "non-numeric" in labels else []
    try:
        return Child(
            _integer(labels["numericLabel"]),
            tuple(label.content() for label in non_numeric),
            _boolean(parts["orsSupported"]),
        )
    except InformationError as error:
        raise _placed(element, error) from error


def _boolean(element: Element) -> bool:
    if element.children:
        child = element.choice("true", "false")
        child.check_empty()
        return child.name == "true"
    value = _TRUE.get(element.content())
    return element.refuse("is neither true nor false") if value is None else value


def _integer(element: Element) -> int:
    text = element.content()
    return int(text) if _INTEGER.fullmatch(text) else element.refuse("is not a whole number of at most 40 digits")


def _registration_element(name: str, value: Registration | None) -> Element | None:
    if value is None:
        return None
    registrant = value.registrant
    inner = (
        _enciphered_element(registrant) if isinstance(registrant, EncipheredContact) else _contact_element(registrant)
    )
    return of(name, Element("registrationDate", text=value.date.isoformat()), of("registrant", inner))


def _registration(element: Element) -> Registration:
    parts = element.parts({"registrationDate": True, "registrant": True})
    choice = parts["registrant"].choice(_OPEN, _ENCIPHERED)
    try:
        registrant = _contact(choice) if choice.name == _OPEN else _enciphered(choice)
    except InformationError as error:
        raise _placed(choice, error) from error
    return Registration(_day(parts["registrationDate"]), registrant)


def _day(element: Element) -> date:
    text = element.content()
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    return element.refuse("is not a date, YYYY-MM-DD")


_CONTACT: Final = {
    "familyNameOrOrganization": "family_name_or_organization",
    "givenName": "given_name",
    "e-mailAddress": "email_address",
    "phone": "phone",
    "fax": "fax",
}
"""Elements of a contact that hold text, and their fields."""


def _contact_element(contact: Contact) -> Element:
    texts = [_text_element(name, getattr(contact, field)) for name, field in _CONTACT.items()]
    lines = contact.postal_address
    address = None if lines is None else of("postalAddress", *(Element("UTF8String", text=line) for line in lines))
    return of(_OPEN, *texts, address)


def _contact(element: Element) -> Contact:
    parts = element.parts(dict.fromkeys((*_CONTACT, "postalAddress"), False))
    texts = {field: parts[name].content() or None for name, field in _CONTACT.items() if name in parts}
    address = parts.get("postalAddress")
    lines = None if address is None else tuple(line.content() for line in address.items("UTF8String"))
    return Contact(**texts, postal_address=lines)


def _enciphered_element(value: EncipheredContact) -> Element:
    algorithm = of(
        "algorithmIdentifier",
        Element("algorithm", text=value.algorithm),
        _text_element("parameters", value.parameters.hex() or None),
    )
    return of(_ENCIPHERED, algorithm, Element("enciphered", text=b64encode(value.enciphered).decode()))


def _enciphered(element: Element) -> EncipheredContact:
    parts = element.parts({"algorithmIdentifier": True, "enciphered": True})
    algorithm: Mapping[str, Element] = parts["algorithmIdentifier"].parts({"algorithm": True, "parameters": False})
    parameters = algorithm.get("parameters")
    return EncipheredContact(
        algorithm["algorithm"].content(),
        _octets(parts["enciphered"]),
        b"" if parameters is None else _hexadecimal(parameters),
    )


def _octets(element: Element) -> bytes:
    try:
        return b64decode("".join(element.content().split()), validate=True)
    except ValueError:
        return element.refuse("is not base64")


def _hexadecimal(element: Element) -> bytes:
    try:
        return bytes.fromhex(element.content())
    except ValueError:
        return element.refuse("is not hexadecimal")


def _text_element(name: str, text: str | None) -> Element | None:
    return None if text is None else Element(name, text=text)


def _placed(element: Element, error: InformationError) -> InformationError:
    """Add the line to an error that has none yet."""
    text = str(error)
    return error if text.startswith("line ") else InformationError(f"line {element.line}: {text}")
