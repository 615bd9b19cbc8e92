"""The ORS client: from an OID or OID-IRI to its services, and to the information files they name.

1. The labels become an owner name below the apex (X.672 7.3).
2. One NAPTR question; aliases are followed within the answer, and the target asked for again when a server stops
   within the chain (7.2).
3. With a trust anchor the answer is validated; without one, AD counts when the resolver is trusted. Bogus is always an
   error; with `secure` everything but secure is (7.5).
4. NXDOMAIN, and NOERROR without a record of the type, are told apart. Services are read and put in order (7.4).
5. A CINF or RINF file is fetched under the policy of `fetch.py` and decoded; the next service of the type is tried
   when one fails, `MAX_FILES` in all (8.2).
6. When (2) finds no node or no answer: in legacy mode the name without `ors-dummy`, then the local copy with the
   longest prefix (7.6, annex H). The result says where it comes from.
7. All of it within `ResolverOptions.total_s` seconds: each question and each file gets what is left.

Answers are kept for their TTL, and not beyond the end of a signature or the TTL it was made for; denials as the SOA
says, and no longer than the TTL of their proof. What should have been
validated and was not is never kept, nor the keys it was held against.

Not done here: asynchronous calls (run it in a thread); referrals; running a regexp.

Source: X.672 clauses 7 and 8, annex H.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import dns.flags
import dns.name
import dns.rcode
import dns.rdatatype

from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import resolve_labels
from trialanchor_oid.ors.cache import TtlCache
from trialanchor_oid.ors.dnssec import NOT_VALIDATED, TRUSTED_AD, Assessment, Security, TrustAnchor, Validator
from trialanchor_oid.ors.elements import InformationError
from trialanchor_oid.ors.errors import (
    OrsDnsError,
    OrsError,
    OrsInformationError,
    OrsInsecureError,
    OrsNoServiceError,
    OrsTimeoutError,
    OrsUnknownError,
)
from trialanchor_oid.ors.fetch import Fetcher
from trialanchor_oid.ors.information import decode_cinf, decode_rinf
from trialanchor_oid.ors.names import DEFAULT_APEX, host_name, owner_name
from trialanchor_oid.ors.outcome import Answer, Run, check_security, described, read_answer, ttl_of, within
from trialanchor_oid.ors.query import DnsExchange, Stage, check_whole, question, read_stage
from trialanchor_oid.ors.records import CINF, RINF
from trialanchor_oid.ors.resolution import LEGACY, LOCAL_COPY, ORDINARY, Question, Resolution
from trialanchor_oid.ors.services import canonical_arcs, read_services

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from dns.message import Message
    from dns.name import Name
    from dns.rdatatype import RdataType

    from trialanchor_oid.ors.query import Exchange
    from trialanchor_oid.ors.records import Service
    from trialanchor_oid.ors.resolution import Information

CACHE_ROOM: Final = 1024
"""Answers kept."""

MAX_FILES: Final = 3
"""Information files tried for one question: services of one type, of which a node needs no more than a spare."""

TOTAL_S: Final = 20.0
"""Seconds for one resolution, local copies and files included: a slow file (10) and a slow chain of aliases."""

_DECODERS: Final[Mapping[str, Callable[[bytes], Information]]] = {CINF: decode_cinf, RINF: decode_rinf}
_NAPTR: Final = dns.rdatatype.NAPTR


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where one domain of the ORS is asked for.

    Attributes:
        exchange: Puts questions.
        apex: Domain of the ORS.
        anchors: Trust anchors for own validation.
        trust_ad: Whether the AD bit is believed: only with a validating resolver on a path that nobody else is on.

    Raises:
        ConfigError: The apex is no domain name.
    """

    exchange: Exchange
    apex: str = DEFAULT_APEX
    anchors: tuple[TrustAnchor, ...] = ()
    trust_ad: bool = False

    def __post_init__(self) -> None:
        host_name(self.apex)


@dataclass(frozen=True, slots=True)
class LocalCopy:
    """A copy of a part of the tree, for when a node above it is not in the ORS.

    Attributes:
        prefix: Arcs of the highest node of the copy.
        upstream: Where it is asked for; owner names are whole, below its own apex.
    """

    prefix: tuple[int, ...]
    upstream: Upstream

    def __str__(self) -> str:
        return f"{LOCAL_COPY} {'.'.join(map(str, self.prefix))}"


@dataclass(frozen=True, slots=True)
class ResolverOptions:
    """How a resolver works.

    Attributes:
        copies: Local copies.
        legacy: Whether names without `ors-dummy` are asked for, too, and bare service types taken.
        cache_room: Answers kept; 0 keeps none.
        total_s: Seconds for one resolution.
    """

    copies: tuple[LocalCopy, ...] = ()
    legacy: bool = False
    cache_room: int = CACHE_ROOM
    total_s: float = TOTAL_S


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One way to ask."""

    source: str
    upstream: Upstream
    labels: tuple[str, ...]
    dummy: bool = True


class Resolver:
    """Resolves OIDs; safe to use from several threads.

    Args:
        now: Gives the present time, aware, against which signatures are judged.
        upstream: Where to ask; the name servers of the system for the public domain by default.
        options: Local copies, legacy mode, cache.
        fetcher: Fetches files; under the default policy when not given.
        monotonic: Seconds on a clock that never goes back, for the cache and the time limit.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        upstream: Upstream | None = None,
        options: ResolverOptions | None = None,
        *,
        fetcher: Fetcher | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._upstream = upstream or Upstream(DnsExchange())
        self._options = options or ResolverOptions()
        self._fetcher = fetcher or Fetcher()
        self._monotonic = monotonic
        self._answers: TtlCache[Answer] = TtlCache(self._options.cache_room, monotonic)
        self._keys: TtlCache[Message] = TtlCache(self._options.cache_room, monotonic)

    def resolve(self, asked: Question) -> Resolution:
        """Resolve an OID.

        Raises:
            OidError: The labels have no owner name.
            OrsUnknownError: There is no such node.
            OrsNoServiceError: The node has no service of the type.
            OrsBogusError: DNSSEC refutes the answer.
            OrsInsecureError: DNSSEC was required and the answer is not validated.
            OrsTimeoutError: The time is over.
            OrsError: Any other failure; all carry the steps until then.
        """
        total_s = self._options.total_s
        run = Run(self._monotonic() + total_s, total_s, self._monotonic)
        first: OrsError | None = None
        attempts = list(self._attempts(asked))
        while attempts:
            attempt = attempts.pop(0)
            try:
                return self._attempt(attempt, asked, run)
            except OrsError as error:
                first = first or error
                attempts = [other for other in attempts if _may_follow(other, first)]
                if attempts:
                    run.steps.append(f"{attempt.source}: {error}; next: {attempts[0].source}")
        if first is None:
            raise OrsUnknownError("there is nowhere to ask")
        first.steps = tuple(run.steps)
        raise first

    def walk(self, labels: Sequence[str], *, secure: bool = False) -> Iterator[Resolution]:
        """Resolve node by node from the root of the tree down to `labels`, through their child information.

        A child that the listing does not name is asked for all the same: only children that agreed are listed. Each
        node has the time of one resolution.

        Raises:
            OrsError: A node cannot be resolved, or its listing not be had.
        """
        for depth in range(len(labels) + 1):
            yield self.resolve(Question(tuple(labels[:depth]), CINF, secure))

    def forget(self) -> None:
        """Empty the cache."""
        self._answers.clear()
        self._keys.clear()

    def _attempts(self, asked: Question) -> Iterator[_Attempt]:
        """Give the ways to ask, in order (6)."""
        yield _Attempt(ORDINARY, self._upstream, asked.labels)
        if self._options.legacy:
            yield _Attempt(LEGACY, self._upstream, asked.labels, dummy=False)
        arcs, rest = _known_arcs(asked.labels)
        fitting = [copy for copy in self._options.copies if arcs[: len(copy.prefix)] == copy.prefix]
        for copy in sorted(fitting, key=lambda copy: -len(copy.prefix)):
            yield _Attempt(str(copy), copy.upstream, (*map(str, arcs), *rest))

    def _attempt(self, attempt: _Attempt, asked: Question, run: Run) -> Resolution:
        """Ask in one way."""
        apex = attempt.upstream.apex
        owner = owner_name(attempt.labels, apex, dummy=attempt.dummy)
        answer, left = self._answer(attempt.upstream, owner, run)
        try:
            check_security(answer, owner, secure=asked.secure)
            reading = read_answer(answer, owner, asked.type)
            arcs = canonical_arcs(reading, answer.target, apex)
        except OrsError as error:
            error.dnssec = answer.assessment
            raise
        found = Resolution(
            labels=asked.labels,
            owner=owner,
            target=answer.target,
            arcs=arcs,
            type=asked.type,
            services=reading.of_type(asked.type),
            ttl=answer.ttl if left is None else left,
            dnssec=answer.assessment,
            rcode=answer.rcode,
            source=attempt.source,
            cached=left is not None,
        )
        return self._with_information(found, asked, run)

    def _answer(self, upstream: Upstream, owner: str, run: Run) -> tuple[Answer, int | None]:
        """Give the DNS's answer and, when it comes from the cache, the seconds it is still good for."""
        key = (id(upstream.exchange), owner)
        kept = self._answers.get(key)
        if kept is not None:
            run.steps.append(f"{owner}: from the cache")
            return kept
        answer = self._ask(upstream, owner, run)
        if not upstream.anchors or answer.assessment.state in {Security.SECURE, Security.INSECURE}:
            self._answers.put(key, answer, answer.ttl)
        else:
            self._keys.clear()
        return answer, None

    def _ask(self, upstream: Upstream, owner: str, run: Run) -> Answer:
        """Ask the DNS, follow aliases, and validate (2), (3)."""
        name, stages = dns.name.from_text(owner), []
        while True:
            query = question(name, _NAPTR, checking_disabled=bool(upstream.anchors))
            message = within(upstream.exchange, run.left()).exchange(query)
            stage = read_stage(message, name, _NAPTR)
            stages.append(stage)
            run.steps.append(described(stage))
            check_whole(stages)
            if not stage.goes_on:
                break
            name = stage.end
        assessment = self._assess(upstream, stages, run)
        run.steps.append(f"DNSSEC {assessment.state.value}: {assessment.reason}")
        last = stages[-1]
        legacy = self._options.legacy
        return Answer(
            target=last.end.to_text(),
            reading=None if last.records is None else read_services(last.records, legacy=legacy),
            rcode=int(last.message.rcode()),
            ttl=ttl_of(stages, assessment),
            assessment=assessment,
        )

    def _assess(self, upstream: Upstream, stages: Sequence[Stage], run: Run) -> Assessment:
        if not upstream.anchors:
            authentic = upstream.trust_ad and all(stage.message.flags & dns.flags.AD for stage in stages)
            return TRUSTED_AD if authentic else NOT_VALIDATED

        def ask(name: Name, rdtype: RdataType) -> Message:
            key = (id(upstream.exchange), name, rdtype)
            kept = self._keys.get(key)
            if kept is not None:
                return kept[0]
            query = question(name, rdtype, checking_disabled=True)
            message = within(upstream.exchange, run.left()).exchange(query)
            ttls = [rrset.ttl for section in (message.answer, message.authority) for rrset in section]
            self._keys.put(key, message, min(ttls, default=0))
            return message

        return Validator(upstream.anchors, ask, self._now()).assess(stages)

    def _with_information(self, found: Resolution, asked: Question, run: Run) -> Resolution:
        """Fetch and decode the file of the first service whose server hands it out (5)."""
        if not asked.fetch or asked.type not in _DECODERS:
            return replace(found, steps=tuple(run.steps))
        first: OrsError | None = None
        for service in found.services[:MAX_FILES]:
            try:
                url, information = self._fetched(service, run)
            except OrsError as error:
                run.steps.append(f"{service.information}: {error}")
                first = first or error
                continue
            run.steps.append(f"{url}: fetched and read")
            return replace(found, url=url, information=information, steps=tuple(run.steps))
        if first is None:
            raise OrsNoServiceError(f"the node {found.owner} has no services")
        first.resolution = replace(found, steps=tuple(run.steps))
        raise first

    def _fetched(self, service: Service, run: Run) -> tuple[str, Information]:
        fetched = self._fetcher.fetch(service.information, within_s=run.left())
        try:
            information = _DECODERS[service.type](fetched.data)
        except InformationError as error:
            raise OrsInformationError(f"the {service.type} file does not conform: {error}") from error
        return fetched.url, information


def _may_follow(other: _Attempt, error: OrsError) -> bool:
    """Tell whether another way to ask is tried after an error (6)."""
    if other.source == LEGACY:
        return isinstance(error, OrsUnknownError | OrsNoServiceError)
    negative = isinstance(error, OrsUnknownError | OrsInsecureError | OrsTimeoutError)
    return negative or (isinstance(error, OrsDnsError) and not isinstance(error, OrsNoServiceError))


def _known_arcs(labels: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Give the arcs of the labels as far as they are known without asking, and the labels after them."""
    arcs: tuple[int, ...] = ()
    for depth in range(1, len(labels) + 1):
        try:
            arcs = resolve_labels(labels[:depth])
        except OidError:
            return arcs, labels[depth - 1 :]
    return arcs, ()
