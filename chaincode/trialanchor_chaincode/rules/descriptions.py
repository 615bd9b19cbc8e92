"""Say what the registry may hold about an object: a closed form, with nothing that could name a person or an arm.

A description is a map of

- `type`: a code of the type table, for ever;
- `visibility`: `public`, `private` or `blinded`, one the type allows; the type's default when it is left out;
- `names`: `zh` and `en`, at least one for a public object and none for another;
- `labels`: Unicode labels of its arc, public objects only (X.660 7.5);
- `codes`: pairs of scheme and value; a drug has at least one drug code or says in `no_code` why there is none (X-10);
- `attributes`: digest of the attributes kept off the ledger, `sha256:<hex>` or `sm3:<hex>`;
- `parent`: OID of the registered object it is part of or belongs to (lot of a pack, trial of a document).

An object that is not public has no names, labels or codes here. A blinded one may have as parent only a trial, an
organisation or a department: a link to a batch or drug would show its arm to every member.

Source: DB44/T draft 5.3, 7.1.1, 7.3.1; X.660 7.5; R-025, R-046, R-070.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from unicodedata import normalize

from trialanchor_chaincode.rules.tables import read_table
from trialanchor_oid.codec import is_dotted
from trialanchor_oid.drugs import DRUG_SCHEMES, DrugCodeError, DrugCodeKind, parse_drug_code
from trialanchor_oid.errors import OidError, RuleError
from trialanchor_oid.iri import check_label

if TYPE_CHECKING:
    from collections.abc import Mapping

PUBLIC: Final = "public"
PRIVATE: Final = "private"
BLINDED: Final = "blinded"

MAX_NAME: Final = 200
"""Characters of a name."""

MAX_LABELS: Final = 8
MAX_CODES: Final = 16
MAX_CODE: Final = 100
"""Characters of a standard code."""

MAX_OID: Final = 256
"""Characters of a registered OID, as in statements."""

NO_CODE_REASONS: Final = ("ldt", "placebo", "unapproved")
"""Why a drug has no national code: prepared in the laboratory, a placebo, or not approved yet (X-10)."""

BLINDED_PARENTS: Final = ("department", "organisation", "trial")

_FIELDS: Final = {"attributes", "codes", "labels", "names", "no_code", "parent", "type", "visibility"}
_OPEN_ONLY: Final = ("codes", "labels", "names", "no_code")
_LANGUAGES: Final = {"en", "zh"}
_DIGEST: Final = re.compile(r"(?:sha256|sm3):[0-9a-f]{64}", re.ASCII)
_SCHEME: Final = re.compile(r"[a-z][a-z0-9_-]{0,30}", re.ASCII)
_CODE: Final = re.compile(rf"[!-~]{{1,{MAX_CODE}}}", re.ASCII)
_BETWEEN: Final = re.compile(r"(?<=[0-9])[\s-]+(?=[0-9])")
_RESERVED: Final = "ors-dummy"
"""The label in front of every owner name of the ORS."""

_PERSONAL: Final = re.compile(r"(?<![0-9])(?:1[3-9][0-9]{9}|[1-9][0-9]{16}[0-9Xx])(?![0-9])", re.ASCII)
"""A Chinese mobile or ID-card number."""


class DescriptionRefusedError(RuleError):
    """The description of an object is not of the agreed form."""

    code = "oid-description"
    hint = "Correct the field the message names; docs/registry.md lists the fields and what each may hold."


class RegisteredCodeError(DescriptionRefusedError):
    """A drug code of an object is not valid."""

    code = "oid-drug-code"
    hint = "Check the code with `trialanchor drug check`; a typing error is the usual cause."


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A kind of registered object.

    Attributes:
        code: Stable code, such as `kit`.
        zh: Chinese name.
        en: English name.
        visibility: Visibilities it may have, the default first.
    """

    code: str
    zh: str
    en: str
    visibility: tuple[str, ...]


def _types() -> Mapping[str, ObjectType]:
    rows = read_table("object_types")["types"]
    types = [ObjectType(row["code"], row["zh"], row["en"], tuple(row["visibility"])) for row in rows]
    return MappingProxyType({kind.code: kind for kind in types})


TYPES: Final = _types()
"""Every object type by code."""


def check_description(value: Any) -> dict[str, Any]:
    """Check a description and give it with its visibility filled in.

    Raises:
        DescriptionRefusedError: A field is missing, unknown or not of its form; names it.
        RegisteredCodeError: A drug code is not valid.
    """
    if not isinstance(value, dict) or not value.keys() <= _FIELDS:
        raise DescriptionRefusedError(f"a description holds only {', '.join(sorted(_FIELDS))}")
    kind = TYPES.get(value["type"]) if type(value.get("type")) is str else None
    if kind is None:
        raise DescriptionRefusedError(f"type is one of {', '.join(TYPES)}")
    visibility = value.get("visibility", kind.visibility[0])
    if visibility not in kind.visibility:
        raise DescriptionRefusedError(f"the visibility of a {kind.code} is one of {', '.join(kind.visibility)}")
    if "attributes" in value and not _matches(_DIGEST, value["attributes"]):
        raise DescriptionRefusedError("attributes is a digest, sha256:<hex> or sm3:<hex>")
    if "parent" in value and not _is_oid(value["parent"]):
        raise DescriptionRefusedError("parent is a dotted OID")
    if visibility == PUBLIC:
        _check_names(value.get("names"))
        _check_labels(value.get("labels", []))
        _check_codes(value.get("codes", []))
        _check_drug(kind, value)
    elif any(field in value for field in _OPEN_ONLY):
        raise DescriptionRefusedError(f"a {visibility} object has no {', '.join(_OPEN_ONLY)}: they would be published")
    return {**value, "visibility": visibility}


def label_key(label: str) -> str:
    """Give the form under which two labels are the same; `check_label` has passed before."""
    return label.casefold()


def _check_names(names: Any) -> None:
    if not isinstance(names, dict) or not names or not names.keys() <= _LANGUAGES:
        raise DescriptionRefusedError("names holds zh, en or both; a public object has at least one")
    for language, name in names.items():
        if type(name) is not str or not 0 < len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
            raise DescriptionRefusedError(f"names.{language} has 1 to {MAX_NAME} printable characters, no outer blanks")
        if _PERSONAL.search(_digits_together(name)):
            raise DescriptionRefusedError(f"names.{language} holds what may be an ID-card or mobile number")


def _digits_together(text: str) -> str:
    """Give a text with its digits in ASCII and without blanks or hyphens between them."""
    return _BETWEEN.sub("", normalize("NFKC", text))


def _check_labels(labels: Any) -> None:
    if not isinstance(labels, list) or len(labels) > MAX_LABELS or any(type(label) is not str for label in labels):
        raise DescriptionRefusedError(f"labels is a list of at most {MAX_LABELS} Unicode labels")
    if len({label_key(label) for label in labels}) != len(labels):
        raise DescriptionRefusedError("labels names the same label twice")
    for place, label in enumerate(labels, 1):
        if label.isdecimal() or "." in label or _PERSONAL.search(label) or label_key(label) == _RESERVED:
            raise DescriptionRefusedError(
                f"label {place} is a number, reserved, or holds a dot or a number of a person"
            )
        try:
            check_label(label, strict=True)
        except OidError as error:
            raise DescriptionRefusedError(f"label {place}: {error}") from error


def _check_codes(codes: Any) -> None:
    if not isinstance(codes, list) or len(codes) > MAX_CODES:
        raise DescriptionRefusedError(f"codes is a list of at most {MAX_CODES} objects of scheme and value")
    for place, code in enumerate(codes, 1):
        if not isinstance(code, dict) or code.keys() != {"scheme", "value"}:
            raise DescriptionRefusedError(f"code {place} holds scheme and value and nothing else")
        if not _matches(_SCHEME, code["scheme"]) or not _matches(_CODE, code["value"]):
            raise DescriptionRefusedError(
                f"code {place}: scheme is a short lower-case name, value 1 to {MAX_CODE} visible ASCII characters"
            )
        _check_drug_code(place, code)
    if len({(code["scheme"], code["value"]) for code in codes}) != len(codes):
        raise DescriptionRefusedError("codes names the same code twice")


def _check_drug_code(place: int, code: dict[str, str]) -> None:
    if code["scheme"] not in DRUG_SCHEMES:
        if _PERSONAL.search(code["value"]):
            raise DescriptionRefusedError(f"code {place} may be an ID-card or mobile number")
        return
    try:
        parse_drug_code(code["value"], DrugCodeKind(code["scheme"]))
    except DrugCodeError as error:
        raise RegisteredCodeError(f"code {place}: {error}") from error


def _check_drug(kind: ObjectType, value: dict[str, Any]) -> None:
    """Hold a drug to its national code, or to a reason for having none (X-10)."""
    coded = any(code["scheme"] in DRUG_SCHEMES for code in value.get("codes", []))
    if kind.code != "drug":
        if "no_code" in value:
            raise DescriptionRefusedError("no_code is for drugs only")
    elif coded == ("no_code" in value) or (not coded and value["no_code"] not in NO_CODE_REASONS):
        raise DescriptionRefusedError(
            f"a drug has a drug code in codes, or no_code with one of {', '.join(NO_CODE_REASONS)}, and not both"
        )


def _is_oid(value: Any) -> bool:
    return is_dotted(value) and len(value) <= MAX_OID


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None
