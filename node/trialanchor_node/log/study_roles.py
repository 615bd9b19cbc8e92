"""What the registration rules ask of the ledger: roles of members in studies, and who administers.

Answers are forgotten with each commit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trialanchor_chaincode.rules.draft import JOINED
from trialanchor_chaincode.rules.persons import ADMINISTRATOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor_node.anchoring.ports import Ledger

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
        self._known: dict[tuple[str, str], Sequence[str] | None] = {}
        self._administrators: dict[str, bool] = {}

    def forget(self) -> None:
        """Forget what was read: the ledger has changed."""
        self._commits += 1
        self._known = {}
        self._administrators = {}

    def knows(self, study: str, member: str, actor: str) -> bool:
        """Tell whether `roles` and `administers` answer without asking the ledger."""
        return (study, member) in self._known and actor in self._administrators

    def administers(self, actor: str) -> bool:
        """Tell whether an actor is a person who is appointed as administrator.

        Raises:
            LedgerError: The ledger did not answer.
        """
        known, commits = self._administrators, self._commits
        if actor in known:
            return known[actor]
        held = json.loads(self._ledger.read(PERSONS + actor) or "null")
        found = held is not None and ADMINISTRATOR in held["functions"]
        if commits == self._commits:
            if len(known) >= _MOST:
                known.clear()
            known[actor] = found
        return found

    def roles(self, study: str, member: str) -> Sequence[str] | None:
        """Give the roles of a member in a study, None when the ledger does not have the study.

        Raises:
            LedgerError: The ledger did not answer.
        """
        known, commits = self._known, self._commits
        if (study, member) in known:
            return known[study, member]
        found = None
        if self._ledger.read(TRIALS + study) is not None:
            found = joined_roles(self._ledger.read(f"{PARTICIPANTS}{study}/{member}"))
        if commits == self._commits:
            if len(known) >= _MOST:
                known.clear()
            known[study, member] = found
        return found
