"""What the registration rules ask of the ledger: roles of members in studies, and who administers.

Answers are forgotten with each commit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TypeVar

from trialanchor_chaincode.rules.draft import JOINED
from trialanchor_chaincode.rules.persons import ADMINISTRATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trialanchor_node.anchoring.ports import Ledger

_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")

PARTICIPANTS: Final = "participants/"
TRIALS: Final = "trials/"
PERSONS: Final = "persons/"
"""Prefixes of the state keys of who takes part in a study, of studies, and of appointments."""

_MOST: Final = 4_096
"""Answers kept at most."""


def joined_roles(value: str | None) -> tuple[str, ...]:
    """Give the roles that a participant's state value says, none for who has not joined or has left."""
    held = json.loads(value or "null")
    return tuple(held["roles"]) if held is not None and held["status"] == JOINED else ()


class LedgerStudyRoles:
    """Roles as the ledger has them now; safe to use from several threads.

    An answer that was read while a commit went on is given, and not kept.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._commits = 0
        self._roles: dict[tuple[str, str], Sequence[str] | None] = {}
        self._administrators: dict[str, bool] = {}

    def forget(self) -> None:
        """Forget what was read: the ledger has changed."""
        self._commits += 1
        self._roles = {}
        self._administrators = {}

    def knows(self, study: str, member: str, actor: str) -> bool:
        """Tell whether `roles` and `administers` answer without asking the ledger."""
        return (study, member) in self._roles and actor in self._administrators

    def administers(self, actor: str) -> bool:
        """Tell whether an actor is a person who is appointed as administrator.

        Raises:
            LedgerError: The ledger did not answer.
        """
        return self._known(self._administrators, actor, self._read_administers)

    def roles(self, study: str, member: str) -> Sequence[str] | None:
        """Give the roles of a member in a study, None when the ledger does not have the study.

        Raises:
            LedgerError: The ledger did not answer.
        """
        return self._known(self._roles, (study, member), self._read_roles)

    def _known(self, known: dict[_Asked, _Found], asked: _Asked, read: Callable[[_Asked], _Found]) -> _Found:
        commits = self._commits
        if asked in known:
            return known[asked]
        found = read(asked)
        if commits == self._commits:
            if len(known) >= _MOST:
                known.clear()
            known[asked] = found
        return found

    def _read_administers(self, actor: str) -> bool:
        held = json.loads(self._ledger.read(PERSONS + actor) or "null")
        return held is not None and ADMINISTRATOR in held["functions"]

    def _read_roles(self, asked: tuple[str, str]) -> Sequence[str] | None:
        study, member = asked
        if self._ledger.read(TRIALS + study) is None:
            return None
        return joined_roles(self._ledger.read(f"{PARTICIPANTS}{study}/{member}"))
