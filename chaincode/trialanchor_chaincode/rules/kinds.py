"""The evidence catalogue: kinds of evidence, who may provide each, and the roles.

The tables are versioned data files beside this module (`evidence_kinds.json`, `roles.json`, `domains.json`);
their notes say what is printed in the sources and what is this product's own reading. A kind's code is
`<list>.<table>.<item>`, such as `gd44.c3.drug_use` or `js4652.7_4_3.crf_digest`.

Not done here: whether a reader may open the record behind a piece of evidence. The users of a kind are
listed, but reading rests on grants.

Source: DB44/T draft 6.1, 7.3, 8.1 Table 2, Annex C; DB32/T 4652-2024, lists 7.x.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.tables import read_table
from trialanchor_oid.errors import UnknownKindError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Requirement(StrEnum):
    """How strongly a source asks for a kind on chain (存证要求).

    Source: DB44/T draft, notes of Annex C; the letter O is printed as the digit 0 there.
    """

    REQUIRED = "R"
    OPTIONAL = "O"
    CONDITIONAL = "Cn"


@dataclass(frozen=True, slots=True)
class Role:
    """A role a member of the consortium can have.

    Attributes:
        code: Stable code, such as `study_unit`.
        abbreviation: Abbreviation in the evidence catalogue, or None.
        zh: Chinese name.
        en: English name.
        acts_as: Role whose kinds a holder may provide as well, or None.
    """

    code: str
    abbreviation: str | None
    zh: str
    en: str
    acts_as: str | None


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """A row of the evidence catalogue.

    Attributes:
        code: Stable code, `<list>.<table>.<item>`.
        zh: Chinese name as printed.
        en: English name.
        table: Table that lists it: `C.1` to `C.5`, `drug`, `2` (reviews) or a clause of DB32/T 4652.
        number: Number or letter in that list; None where the list has none or the kind is the product's own.
        requirement: How strongly it is asked for.
        condition: Name of the condition that makes it due; set exactly for `Requirement.CONDITIONAL`.
        de_identified: Whether it is accepted only de-identified (脱敏).
        providers: Role codes that submit it.
        users: Role codes the source names as its readers.
        clause: Clauses of the source.
        note: What is the product's own reading of the row; empty when nothing is.
    """

    code: str
    zh: str
    en: str
    table: str
    number: str | None
    requirement: Requirement
    condition: str | None
    de_identified: bool
    providers: tuple[str, ...]
    users: tuple[str, ...]
    clause: str
    note: str = ""

    @property
    def item(self) -> str:
        """Last part of the code; the same item in two tables of Annex C is the same kind of document."""
        return self.code.rpartition(".")[2]


def _kind(row: dict[str, Any]) -> EvidenceKind:
    """Build a kind from its row."""
    typed = {
        "requirement": Requirement(row["requirement"]),
        "providers": tuple(row["providers"]),
        "users": tuple(row["users"]),
    }
    return EvidenceKind(**{**row, **typed})


def _acting(providers: tuple[str, ...]) -> frozenset[str]:
    """Collect the roles that may provide: those named and those that act as one of them."""
    return frozenset(role.code for role in ROLES.values() if {role.code, role.acts_as} & set(providers))


_KIND_TABLE: Final = read_table("evidence_kinds")
_DOMAIN_TABLE: Final = read_table("domains")

ROLES: Final[Mapping[str, Role]] = MappingProxyType({row["code"]: Role(**row) for row in read_table("roles")["roles"]})
"""Every role by code."""

KINDS: Final[Mapping[str, EvidenceKind]] = MappingProxyType({row["code"]: _kind(row) for row in _KIND_TABLE["kinds"]})
"""Every kind by code, in catalogue order."""

CONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {name: texts["en"] for name, texts in _KIND_TABLE["conditions"].items()}
)
"""What each condition of a `Requirement.CONDITIONAL` kind says, in English."""

DOMAINS: Final[Mapping[str, str]] = MappingProxyType({row["domain"]: row["kind"] for row in _DOMAIN_TABLE["domains"]})
"""Kind code of each mapped CDISC SDTM domain, by its code in lower case."""

FALLBACK_DOMAIN_KIND: Final[str] = _DOMAIN_TABLE["fallback"]
"""Kind code of an SDTM domain without a row of its own."""

_PROVIDERS: Final = MappingProxyType({kind.code: _acting(kind.providers) for kind in KINDS.values()})
_DOMAIN: Final = re.compile(r"(?:supp)?([a-z][a-z0-9])", re.ASCII | re.IGNORECASE)


def kind(code: str) -> EvidenceKind:
    """Look a kind up by its code.

    Raises:
        UnknownKindError: The catalogue has no such code.
    """
    found = KINDS.get(code)
    if found is None:
        raise UnknownKindError("the evidence kind is not in the catalogue")
    return found


def may_provide(kind_code: str, roles: Iterable[str]) -> bool:
    """Tell whether a holder of these roles may submit evidence of a kind; an unknown role gives no right.

    Raises:
        UnknownKindError: The catalogue has no such code.

    Source: DB44/T draft C.1-C.5, column 数据提供者; the equivalences of `roles.json`.
    """
    return not _PROVIDERS[kind(kind_code).code].isdisjoint(roles)


def kind_of_domain(name: str) -> EvidenceKind:
    """Choose the kind for a CDISC SDTM domain.

    Args:
        name: Domain code such as `AE`, or the name of its supplemental dataset such as `SUPPAE`; in any case.

    Raises:
        UnknownKindError: The name has no row and is neither; a two-character code without a row is a case form.
    """
    if name.lower() in DOMAINS:
        return KINDS[DOMAINS[name.lower()]]
    match = _DOMAIN.fullmatch(name)
    if match is None:
        raise UnknownKindError("not an SDTM domain code of two characters, nor supp and such a code")
    return KINDS[DOMAINS.get(match[1].lower(), FALLBACK_DOMAIN_KIND)]
