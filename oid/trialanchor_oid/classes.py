"""Major and minor classes of objects, the arcs 7 and 8: this product's own, provisional table.

The authority that defines the classes has published none (X-02). The table serves to compose OIDs and to explain them;
reading an OID never holds it to the table, and an object's type does not follow from its arcs.

Source: DB44/T draft A.1 e), f) for the places; `data/classes.json` for the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trialanchor_oid.errors import OidError
from trialanchor_oid.scheme import PARTS, ObjectOid, OrganisationOid
from trialanchor_oid.tables import Words, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_OWN_CLASS: Final = PARTS[6].first or 1


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """A row of the provisional table.

    Attributes:
        major: Arc 7.
        minor: Arc 8.
        object_type: Code of the type of object it is for.
        major_words: Meaning of the major class.
        words: Meaning of the minor class.
    """

    major: int
    minor: int
    object_type: str
    major_words: Words
    words: Words


def _classes() -> tuple[ObjectClass, ...]:
    table = read_table("classes")
    majors = {row["code"]: Words(row["zh"], row["en"]) for row in table["major"]}
    return tuple(
        ObjectClass(row["major"], row["code"], row["object_type"], majors[row["major"]], Words(row["zh"], row["en"]))
        for row in table["minor"]
    )


CLASSES: Final = _classes()
"""The provisional table in order."""

_BY_TYPE: Final[Mapping[str, ObjectClass]] = MappingProxyType({row.object_type: row for row in CLASSES})
_MAJORS: Final[Mapping[int, Words]] = MappingProxyType({row.major: row.major_words for row in CLASSES})
_BY_CODES: Final[Mapping[tuple[int, int], ObjectClass]] = MappingProxyType(
    {(row.major, row.minor): row for row in CLASSES}
)


def class_of(object_type: str) -> tuple[int, int]:
    """Give major and minor class of a type of object.

    Raises:
        OidError: The table has no class for it.
    """
    row = _BY_TYPE.get(object_type)
    if row is None:
        raise OidError(f"no class is set for this type of object; there is one for {', '.join(_BY_TYPE)}")
    return row.major, row.minor


def major_class(major: int) -> Words | None:
    """Give the provisional meaning of a major class, None when it has none."""
    return _MAJORS.get(major)


def minor_class(major: int, minor: int) -> ObjectClass | None:
    """Give the provisional row of a minor class, None when there is none."""
    return _BY_CODES.get((major, minor))


def compose(
    organisation: OrganisationOid, object_type: str, number: int, own_class: int = _FIRST_OWN_CLASS
) -> ObjectOid:
    """Compose the OID of an object of an organisation by the provisional classes.

    Args:
        organisation: The organisation that names the object.
        object_type: Type of the object, such as `kit`.
        number: 对象标识码; from 100001.
        own_class: 机构自定义分类编码; from 1001.

    Raises:
        OidError: The type has no class, or an arc is below the first code of its part.
    """
    return ObjectOid(organisation, *class_of(object_type), own_class, number)
