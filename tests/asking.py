"""Transactions of one member that concern no study, for tests of what a node does with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from material import AT, MEMBER, Member

from trialanchor.transactions import Requester, SignedTransaction, TransactionBody, sign_transaction

if TYPE_CHECKING:
    from trialanchor.keys import SystemKey

TYPE = "application/vnd.trialanchor.transaction+json"
PERSON = f"{MEMBER}.1.5.1001.100001"
LEDGER = f"embedded:{MEMBER}"


def appointment(**changes: Any) -> dict[str, Any]:
    """Give the arguments that appoint a person."""
    return {
        "person": PERSON,
        "functions": ["pharmacist"],
        "since": AT - 10,
        "until": AT + 1_000,
        "training": "sha256:" + "0" * 64,
        **changes,
    }


def transaction(
    request: str = "r-1", *, member: str = MEMBER, key: SystemKey | None = None, at: int = AT, **asked: Any
) -> SignedTransaction:
    """Sign a transaction of the contract of members, the appointment when nothing else is asked for."""
    action, arguments = asked.get("action", "appoint"), asked.get("arguments") or appointment()
    body = TransactionBody(ledger=LEDGER, request=request, contract="members", action=action, arguments=arguments)
    requester = Requester(member=member, actor=member, study=None, at=at)
    return sign_transaction(body, requester, key or Member(member).system())
