"""What a trace is made of: objects, the edges between them, and branches that were cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor_node.trace.ports import Version

MAX_COUNT: Final = 10_000
"""Objects of a branch that are counted; beyond that there are just more."""


def oid_of(key: str) -> str:
    """Give the first OID of a key."""
    return next((part for part in key.split("/") if is_dotted(part)), "")


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a trace goes.

    Attributes:
        nodes: Objects at most.
        branch: Objects of one kind that name one object.
    """

    nodes: int = 2_000
    branch: int = 200


@dataclass(slots=True)
class Node:
    """An object of a trace.

    Attributes:
        id: State key; of a version that is not walked for its newest one `<key>@<version>`.
        key: State key.
        versions: All its versions, oldest first.
        shown: The version it stands for.
        missing: Names of what was not in force when it happened.
    """

    id: str
    key: str
    versions: Sequence[Version]
    shown: Version
    missing: list[str] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """First part of the key."""
        return self.key.partition("/")[0]

    @property
    def oid(self) -> str:
        """First OID of the key."""
        return oid_of(self.key)

    @property
    def saying(self) -> Sequence[Version]:
        """The versions whose relations are followed: all of them, or the one of then that it stands for."""
        return self.versions if self.id == self.key else (self.shown,)


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation between two objects of a trace, and the version that made it.

    Attributes:
        source: Id of the object that names the other one.
        relation: Name of the relation.
        target: Id of the object that is named.
        made: The version that made the relation.
        current: Whether the newest version still says so.
        holds: Of what was in force: whether it held; None for other relations.
    """

    source: str
    relation: str
    target: str
    made: Version
    current: bool = True
    holds: bool | None = None


@dataclass(frozen=True, slots=True)
class Truncated:
    """A branch that was not followed to its end.

    Attributes:
        of: Id of the object where it begins.
        relation: Name of the relation.
        shown: Objects of it in this trace.
        count: All objects of it, up to `MAX_COUNT + 1`.
        after: Key of the last one shown; empty when there is none.
    """

    of: str
    relation: str
    shown: int
    count: int
    after: str


@dataclass(slots=True)
class Trace:
    """What a walk found."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str, str], Edge] = field(default_factory=dict)
    truncated: list[Truncated] = field(default_factory=list)
