"""The ten-arc coding scheme: organisation and object OIDs, composed and taken apart.

Layout `<root, 4 arcs>.<province>.<organisation>` names an organisation; four more arcs, `<major class>.<minor
class>.<own class>.<object number>`, name an object. Rules:

1. The root is one this product issues under (`ROOTS`, A.1 a and b). A foreign root is only recognised.
2. The province is a code of Table A.1. 81 and 82 of GB/T 2260-2007 are read as 72 and 73 only on request.
3. The organisation lies in a range of Table A.2.
4. Major and minor class count from 1, the organisation's own class from 1001, the object number from 100001.

The tables are versioned data files beside this module, each with its clause and the conflicts of the draft.

A refusal names the arc and its rule, and never the number that stands there.

Not done here: allocating numbers in sequence, and any meaning of the class arcs; the draft assigns none. The product's
own, provisional meanings are in `classes.py`; where the documents contradict each other stands in `conflicts.py`.

Source: DB44/T draft, Annex A (A.1, Tables A.1 and A.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trialanchor_oid.codec import Oid
from trialanchor_oid.errors import OidError
from trialanchor_oid.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT_ARCS: Final = 4
ORGANISATION_ARCS: Final = 6
OBJECT_ARCS: Final = 10


@dataclass(frozen=True, slots=True)
class Root:
    """A root the scheme knows.

    Attributes:
        oid: Four arcs.
        zh: Industry, Chinese.
        en: Industry, English.
        issued: Whether this product composes OIDs below it; a root that is not issued is a foreign one.
        table_a2: Whether Table A.2 binds below it; the draft does not say so for the health root.
    """

    oid: Oid
    zh: str
    en: str
    issued: bool
    table_a2: bool


@dataclass(frozen=True, slots=True)
class Province:
    """A row of Table A.1."""

    code: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class OrganisationRange:
    """A row of Table A.2: the organisation codes of one nature (机构性质).

    Attributes:
        first: Lowest code.
        last: Highest code, itself included, or None where the table prints no end.
        zh: Nature, Chinese.
        en: Nature, English.
    """

    first: int
    last: int | None
    zh: str
    en: str

    def __contains__(self, code: int) -> bool:
        return self.first <= code and (self.last is None or code <= self.last)


@dataclass(frozen=True, slots=True)
class ArcPart:
    """A part a) to h) of an OID under A.1.

    Attributes:
        clause: Letter in the list of A.1.
        first_arc: Position of its first arc, counted from 1.
        last_arc: Position of its last arc.
        zh: Name in the list.
        zh_prose: Name in the prose, which differs for e) to h).
        en: English name.
        first: Lowest code, or None where a table governs.
    """

    clause: str
    first_arc: int
    last_arc: int
    zh: str
    zh_prose: str
    en: str
    first: int | None


def _roots() -> Mapping[Oid, Root]:
    """Index the known roots by OID."""
    rows = read_table("roots")["roots"]
    roots = [Root(Oid.parse(row["oid"]), row["zh"], row["en"], row["issued"], row["table_a2"]) for row in rows]
    return MappingProxyType({root.oid: root for root in roots})


_PROVINCE_TABLE: Final = read_table("provinces")

ROOTS: Final = _roots()
"""Every root the scheme knows, by OID."""

PROVINCES: Final[Mapping[int, Province]] = MappingProxyType(
    {row["code"]: Province(**row) for row in _PROVINCE_TABLE["provinces"]}
)
"""Table A.1 by code, as printed."""

PROVINCE_ALIASES: Final[Mapping[int, int]] = MappingProxyType(
    {row["code"]: row["means"] for row in _PROVINCE_TABLE["aliases"]}
)
"""Codes of GB/T 2260-2007 that Table A.1 prints differently, and the code of Table A.1 each stands for."""

ORGANISATION_RANGES: Final = tuple(OrganisationRange(**row) for row in read_table("organisations")["ranges"])
"""Table A.2 in printed order."""

PARTS: Final = tuple(ArcPart(**row) for row in read_table("parts")["parts"])
"""The parts a) to h) in order."""

_ORGANISATION_PART: Final = PARTS[3]
_OBJECT_PARTS: Final = PARTS[4:]


@dataclass(frozen=True, slots=True)
class OrganisationOid:
    """An organisation of the coding scheme, six arcs.

    Attributes:
        root: A root this product issues under.
        province: Code of Table A.1.
        organisation: Organisation code (组织机构代码).

    Raises:
        OidError: A part is outside its table; a foreign or unknown root.

    Source: DB44/T draft A.1 a)-d).
    """

    root: Oid
    province: int
    organisation: int

    def __post_init__(self) -> None:
        root = ROOTS.get(self.root)
        if root is None or not root.issued:
            raise OidError(f"arcs 1 to 4 are no root of the coding scheme; issue under {_issued_roots()}")
        if self.province not in PROVINCES:
            raise _no_province(self.province)
        _check_least(self.organisation, _ORGANISATION_PART)
        if root.table_a2 and self.nature is None:
            raise OidError("arc 6 is in no organisation range of Table A.2")

    @property
    def oid(self) -> Oid:
        """The OID of six arcs."""
        return Oid((*self.root.arcs, self.province, self.organisation))

    @property
    def nature(self) -> OrganisationRange | None:
        """The row of Table A.2 that holds the code; None only under a root where that table does not bind."""
        return next((row for row in ORGANISATION_RANGES if self.organisation in row), None)


@dataclass(frozen=True, slots=True)
class ObjectOid:
    """An object of an organisation, ten arcs.

    Attributes:
        organisation: The organisation that names the object.
        major_class: 对象大类码, in the prose 临床研究码; from 1.
        minor_class: 对象小类码, in the prose 临床试验项目/临床试验药品; from 1.
        own_class: 机构自定义分类编码; from 1001.
        number: 对象标识码; from 100001.

    Raises:
        OidError: An arc is below the first code of its part.

    Source: DB44/T draft A.1 e)-h).
    """

    organisation: OrganisationOid
    major_class: int
    minor_class: int
    own_class: int
    number: int

    def __post_init__(self) -> None:
        for code, part in zip(self._own_arcs, _OBJECT_PARTS, strict=True):
            _check_least(code, part)

    @property
    def _own_arcs(self) -> tuple[int, int, int, int]:
        return self.major_class, self.minor_class, self.own_class, self.number

    @property
    def oid(self) -> Oid:
        """The OID of ten arcs."""
        return Oid(self.organisation.oid.arcs + self._own_arcs)


@dataclass(frozen=True, slots=True)
class ForeignOid:
    """An OID at or below a known foreign root; its arcs follow rules of their own.

    Attributes:
        oid: The OID as given.
        root: The foreign root it lies under.
    """

    oid: Oid
    root: Root


def parse_organisation(oid: Oid, *, accept_gb2260: bool = False) -> OrganisationOid:
    """Take an organisation OID apart.

    Args:
        oid: Six arcs.
        accept_gb2260: Whether province 81 is read as 72 and 82 as 73; the result then has another OID.

    Raises:
        OidError: The OID is not of six arcs or a part is outside its table.
    """
    if len(oid.arcs) != ORGANISATION_ARCS:
        raise OidError(f"an organisation OID has {ORGANISATION_ARCS} arcs, not {len(oid.arcs)}")
    province, organisation = oid.arcs[ROOT_ARCS:]
    if accept_gb2260:
        province = PROVINCE_ALIASES.get(province, province)
    return OrganisationOid(Oid(oid.arcs[:ROOT_ARCS]), province, organisation)


def parse_object(oid: Oid, *, accept_gb2260: bool = False) -> ObjectOid:
    """Take an object OID apart.

    Args:
        oid: Ten arcs.
        accept_gb2260: As for `parse_organisation`.

    Raises:
        OidError: The OID is not of ten arcs or a part is outside its table.
    """
    if len(oid.arcs) != OBJECT_ARCS:
        raise OidError(f"an object OID has {OBJECT_ARCS} arcs, not {len(oid.arcs)}")
    owner = parse_organisation(Oid(oid.arcs[:ORGANISATION_ARCS]), accept_gb2260=accept_gb2260)
    return ObjectOid(owner, *oid.arcs[ORGANISATION_ARCS:])


def parse(oid: Oid, *, accept_gb2260: bool = False) -> OrganisationOid | ObjectOid | ForeignOid:
    """Tell what an OID is in the coding scheme; an OID under a known foreign root is reported as such.

    Args:
        oid: Six or ten arcs under an issued root, any number under a foreign one.
        accept_gb2260: As for `parse_organisation`.

    Raises:
        OidError: The root is unknown, the number of arcs is another, or a part is outside its table.
    """
    foreign = _foreign_root(oid)
    if foreign is not None:
        return ForeignOid(oid, foreign)
    if len(oid.arcs) == OBJECT_ARCS:
        return parse_object(oid, accept_gb2260=accept_gb2260)
    if len(oid.arcs) == ORGANISATION_ARCS:
        return parse_organisation(oid, accept_gb2260=accept_gb2260)
    raise OidError(
        f"an OID of the coding scheme has {ORGANISATION_ARCS} arcs (organisation) or {OBJECT_ARCS} (object), "
        f"not {len(oid.arcs)}"
    )


def _foreign_root(oid: Oid) -> Root | None:
    """Find the foreign root that an OID equals or lies under."""
    foreign = (root for root in ROOTS.values() if not root.issued)
    return next((root for root in foreign if oid == root.oid or oid.is_under(root.oid)), None)


def _check_least(code: int, part: ArcPart) -> None:
    """Refuse a code below the first one of its part."""
    if part.first is not None and code < part.first:
        raise OidError(f"arc {part.first_arc}, {part.en} ({part.zh}), starts at {part.first}")


def _no_province(code: int) -> OidError:
    """Say that a code is none of Table A.1, and of one of GB/T 2260 that it can be read on request."""
    message = "arc 5 is no province code of Table A.1"
    if code in PROVINCE_ALIASES:
        message += "; 81 and 82 of GB/T 2260 are read where that is asked for, and never issued"
    return OidError(message)


def _issued_roots() -> str:
    """List the roots for a message."""
    return " or ".join(str(root.oid) for root in ROOTS.values() if root.issued)


def check_node(dotted: str) -> None:
    """Check that an OID may be written: at or below an issued root, and every arc it has within its part.

    Unlike `parse` it takes any depth, from the root itself to the ten arcs of an object, since provinces and classes
    are described as well.

    Args:
        dotted: An OID in dotted form, checked before.

    Raises:
        OidError: Another root, an arc outside its part or table, or more than ten arcs.
    """
    arcs = tuple(map(int, dotted.split(".")))
    root = ROOTS.get(Oid(arcs[:ROOT_ARCS]))
    if root is None or not root.issued:
        raise OidError(f"the OID lies under no root that is issued; issue under {_issued_roots()}")
    if len(arcs) > OBJECT_ARCS:
        raise OidError(f"an object has {OBJECT_ARCS} arcs, the OID has {len(arcs)}")
    own = arcs[ROOT_ARCS:]
    if len(own) > 1:
        OrganisationOid(root.oid, own[0], own[1])
    elif own and own[0] not in PROVINCES:
        raise _no_province(own[0])
    for code, part in zip(own[2:], _OBJECT_PARTS, strict=False):
        _check_least(code, part)


def first_number(prefix: str) -> int:
    """Give the lowest number directly below a prefix of the scheme, 1 where a table or nothing governs.

    Args:
        prefix: An OID in dotted form, checked before.
    """
    place = prefix.count(".") + 2
    part = next((part for part in PARTS if part.first_arc == place), None)
    return 1 if part is None or part.first is None else part.first
