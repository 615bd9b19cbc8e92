"""A node for some studies only: a partition of what the consortium shares, by study.

Events and objects that belong to no study, such as members and the rule set, are everybody's.

Source: R-069; GD44 7.1.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialanchor.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Collection

    from trialanchor.transactions import SignedTransaction


class StudyNotServedError(RuleError):
    """This node serves other studies."""

    code = "study-not-served"
    http_status = 403
    hint = "Ask a node of the group that shares this study; the setting `studies` names those of this one."


class StudyGroup:
    """The studies that a node serves.

    Args:
        studies: Their OIDs; none for all.
    """

    def __init__(self, studies: Collection[str] = ()) -> None:
        self._studies = frozenset(studies)

    def serves(self, study: str) -> bool:
        """Tell whether a study is served; what belongs to none, an empty `study`, always is."""
        return not study or not self._studies or study in self._studies

    def check(self, study: str) -> None:
        """Check that a study is served.

        Raises:
            StudyNotServedError: It is not.
        """
        if not self.serves(study):
            raise StudyNotServedError("this node does not serve the study")

    def check_transaction(self, transaction: SignedTransaction) -> None:
        """Check that the study in which a transaction is made, or which it is about, is served.

        Raises:
            StudyNotServedError: It is not.
        """
        statement = transaction.signed.statement
        if statement.study != statement.issuer:
            self.check(statement.study)
        named = transaction.body.arguments.get("study")
        if isinstance(named, str):
            self.check(named)
