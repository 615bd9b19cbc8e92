"""One resolution under way, what the DNS said in it, and what that means.

Source: X.672 7.4, 7.5; RFC 2308 for how long a denial is good.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import dns.rcode

from trialanchor_oid.ors.cache import MAX_NEGATIVE_TTL_S
from trialanchor_oid.ors.dnssec import Assessment, Security
from trialanchor_oid.ors.errors import (
    OrsBogusError,
    OrsInsecureError,
    OrsNoServiceError,
    OrsRecordError,
    OrsTimeoutError,
    OrsUnknownError,
)
from trialanchor_oid.ors.query import DnsExchange, soa

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trialanchor_oid.ors.query import Exchange, Stage
    from trialanchor_oid.ors.services import Reading


@dataclass(frozen=True, slots=True)
class Run:
    """One resolution under way: what was done, and the time it has."""

    deadline: float
    total_s: float
    monotonic: Callable[[], float]
    steps: list[str] = field(default_factory=list)

    def left(self) -> float:
        """Give the seconds that are left.

        Raises:
            OrsTimeoutError: None are.
        """
        left = self.deadline - self.monotonic()
        if left <= 0:
            raise OrsTimeoutError(f"the resolution took more than {self.total_s:g} seconds")
        return left


@dataclass(frozen=True, slots=True)
class Answer:
    """What the DNS said about an owner name."""

    target: str
    reading: Reading | None
    rcode: int
    ttl: int
    assessment: Assessment


def within(exchange: Exchange, seconds: float) -> Exchange:
    """Bound the time of a question; an exchange of another kind than that over the network keeps its own."""
    if not isinstance(exchange, DnsExchange):
        return exchange
    return replace(exchange, total_s=min(seconds, exchange.total_s))


def check_security(answer: Answer, owner: str, *, secure: bool) -> None:
    """Refuse what DNSSEC refutes and, when it is required, what it does not prove.

    Raises:
        OrsBogusError: The answer is bogus.
        OrsInsecureError: It is not secure, and has to be.
    """
    state, reason = answer.assessment.state, answer.assessment.reason
    if state is Security.BOGUS:
        raise OrsBogusError(f"the answer about {owner} is bogus: {reason}")
    if secure and state is not Security.SECURE:
        raise OrsInsecureError(f"the answer about {owner} is {state.value}, secure is required: {reason}")


def read_answer(answer: Answer, owner: str, wanted: str | None) -> Reading:
    """Give the services of a node that has one of the type.

    Raises:
        OrsUnknownError: There is no node.
        OrsRecordError: Its record of the type cannot be used.
        OrsNoServiceError: It has none.
    """
    reading = answer.reading
    if reading is None and answer.rcode == dns.rcode.NXDOMAIN:
        raise OrsUnknownError(f"there is no node {owner}")
    if reading is not None and reading.of_type(wanted):
        return reading
    reason = "" if reading is None else reading.reason_against(wanted)
    if reason:
        raise OrsRecordError(f"the record of {wanted or 'any service'} at {owner} cannot be used: {reason}")
    raise OrsNoServiceError(f"the node {owner} has no service {wanted or 'of the ORS'}")


def ttl_of(stages: Sequence[Stage], assessment: Assessment) -> int:
    """Give the seconds an answer is good for."""
    last = stages[-1]
    ttls = [alias.ttl for stage in stages for alias in stage.aliases]
    if last.records is not None:
        ttls.append(last.records.ttl)
    else:
        authority = soa(last.message)
        ttls.append(0 if authority is None else min(authority.ttl, authority[0].minimum, MAX_NEGATIVE_TTL_S))
    ttls += [bound for bound in (assessment.valid_s, assessment.ttl) if bound is not None]
    return min(ttls)


def described(stage: Stage) -> str:
    """Say what one answer held."""
    if stage.records is not None:
        outcome = f"{len(stage.records)} NAPTR records"
    elif stage.message.rcode() == dns.rcode.NXDOMAIN:
        outcome = "NXDOMAIN"
    else:
        outcome = "ask again" if stage.goes_on else "no records (NODATA)"
    aliases = f"{len(stage.aliases)} aliases to {stage.end}: " if stage.aliases else ""
    return f"{stage.start}: {aliases}{outcome}"
