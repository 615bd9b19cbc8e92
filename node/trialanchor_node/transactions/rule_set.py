"""Hold the node to the rule set that the regulators have put in force.

Without such a motion any version decides. Once there is one, a node whose rule set has another digest takes only
transactions of the contract `members`, so that the regulators can confirm its version.

Source: R-202, R-203; JS4652 8.4.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from trialanchor.errors import RuleError
from trialanchor_chaincode.rules.rule_set import rule_set_digest

if TYPE_CHECKING:
    from trialanchor_node.anchoring.ports import Ledger

KEY: Final = "rules"
"""State key of the motion that is in force."""


class RuleSetError(RuleError):
    """The rule set of this node is not the one that the regulators have put in force."""

    code = "rule-set-not-in-force"
    http_status = 503
    hint = "Install the version that is in force, or have the regulators confirm this one (`members/propose`)."


class RuleSet:
    """The rule set of this node, and the one in force.

    Attributes:
        digest: Digest of the rule set that runs here, `sha256:<hex>`.
        in_force: Digest of the one in force; None when the regulators have decided on none.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.digest = rule_set_digest()
        self.in_force = self._read()

    def check(self, contract: str) -> None:
        """Check that this node may decide on a transaction of a contract.

        Raises:
            RuleSetError: Another rule set is in force.
        """
        if contract != "members" and self.in_force not in (None, self.digest):
            raise RuleSetError("the regulators have put another rule set in force than the one of this node")

    def reload(self) -> None:
        """Read what is in force from the ledger.

        Raises:
            LedgerError: The ledger did not answer.
        """
        self.in_force = self._read()

    def _read(self) -> str | None:
        held = json.loads(self._ledger.read(KEY) or "null")
        return None if held is None else str(held["digest"])
