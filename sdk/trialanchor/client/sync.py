"""The synchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx2
import stamina

from trialanchor.client import oids, steps, studies, tracing, transitions
from trialanchor.client.base import BaseClient, digest_of
from trialanchor.client.calls import Answer, Attempts, Call
from trialanchor.client.contracts import Accepted
from trialanchor.client.contracts_api import Contracts
from trialanchor.errors import TrialAnchorError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trialanchor.bundles import Bundle
    from trialanchor.client.contracts import Transition
    from trialanchor.client.preparation import Claims, Evidence, Prepared, Registered
    from trialanchor.client.steps import Entry, Outcome, Steps, T
    from trialanchor.client.tracing import TraceQuestion
    from trialanchor.statements import SignedStatement
    from trialanchor.transactions import SignedTransaction


class Client(BaseClient, Contracts[Accepted]):
    """Registers evidence with a node, asks for receipts and makes transitions; safe to use from several threads.

    The contracts of the ledger are attributes, their transitions methods: `client.drugs.ship(...)`. They are signed
    with the key of the client; without one, the node signs for the source whose token is sent. Under the same `request`
    a transition is made once, also after a lost answer or a crash.

    Every method that talks to the node raises `UnreachableError` when nothing could be sent, `OutcomeUnknownError`
    when statements were sent and the answer was lost, `AnswerError` when the answer is not one, and otherwise the
    error that the node states.
    """

    def __init__(self, url: str, **arguments: Any) -> None:
        BaseClient.__init__(self, url, **arguments)
        Contracts.__init__(self, self.make)
        self._http = httpx2.Client(**self._http_arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def register(self, evidence: Evidence, claims: Claims) -> Registered:
        """Register one record or file.

        Each call signs anew. Where nothing may be lost, store the result of `prepare` and hand it to `submit`.

        Raises:
            TrialAnchorError: See the class and `Author.prepare`.
        """
        return self.submit(self.prepare(evidence, claims))[0]

    def register_many(self, records: Iterable[Mapping[str, Any]], claims: Claims) -> list[Registered]:
        """Register records as one set, under one signature.

        Raises:
            TrialAnchorError: See the class and `Author.prepare_set`.
        """
        return self.submit(self.prepare_set(records, claims))

    def submit(self, prepared: Prepared) -> list[Registered]:
        """Send what was prepared; may be repeated, and gives the same receipt then.

        Raises:
            TrialAnchorError: See the class.
        """
        (outcome,) = self.register_statements([prepared.statement])
        if isinstance(outcome, TrialAnchorError):
            raise outcome
        return prepared.complete(outcome)

    def register_statements(self, statements: Sequence[SignedStatement]) -> list[Outcome]:
        """Send signed statements in batches; gives for each its bundle, or its error as an object."""
        return self._run(steps.register(statements))

    def receipt(self, digest: bytes | str) -> Bundle:
        """Ask for the bundle of a statement by its digest (32 octets or `sha256:<hex>`).

        Raises:
            TrialAnchorError: See the class; `NotRegisteredError` when the node does not know it.
        """
        return self._run(steps.receipt(digest_of(digest)))

    def upgrade(self, bundle: Bundle, wait: str | None = None, timeout: float = 30) -> Bundle:
        """Add to a bundle the anchors gathered since; with `wait="anchored"`, wait up to `timeout` seconds for one.

        What the bundle holds stays; it is given back unchanged when there is nothing new.

        Raises:
            TrialAnchorError: See the class.
        """
        steps.check_wait(wait)
        return self._run(steps.upgrade(bundle, wait, timeout))

    def head(self, subject: str, kind: str, issuer: str | None = None) -> Entry | None:
        """Find the newest version registered for a subject (dotted OID) and kind.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(steps.head(subject, kind, issuer))

    def find(self, fingerprint: bytes | str) -> list[Entry]:
        """Find the log entries of a fingerprint.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(steps.entries({"fingerprint": "sha256:" + digest_of(fingerprint).hex()}))

    def write_oids(self, action: str, arguments: Mapping[str, Any], request: str) -> list[str]:
        """Submit a transition of the OID registry; may be repeated with the same `request`, and gives the same then.

        Raises:
            TrialAnchorError: See the class and `oids.write`.
        """
        return self._run(oids.write(action, arguments, request))

    def register_oids(self, entries: Sequence[Mapping[str, Any]]) -> list[str]:
        """Register entries under the OIDs they name; may be repeated.

        Raises:
            TrialAnchorError: See the class and `oids.register_all`.
        """
        return self._run(oids.register_all(entries))

    def oid(self, value: str, after: int | None = None) -> dict[str, Any]:
        """Ask what the node tells of an OID, in any notation, with its children after arc `after`.

        Raises:
            TrialAnchorError: See the class; `NotRegisteredError` when it knows nothing there.
        """
        return self._run(oids.view(value, after))

    def search_oids(self, **where: str) -> list[dict[str, Any]]:
        """Search the registry by name, code, type and under; all pages.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(oids.search(where))

    def export_oids(self, form: str, under: str | None = None) -> bytes:
        """Export the registry as `json`, `csv` or `xml`.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(oids.export(form, under))

    def export_zone(self) -> bytes:
        """Export the zone of the node as a master file.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(oids.export_zone())

    def make(self, transition: Transition) -> Accepted:
        """Make a transition; may be repeated under the same request name, and gives the same then.

        Raises:
            TrialAnchorError: See the class; `TransitionRefusedError` with the code of the rule that refuses.
        """
        if not self._signs(transition):
            return self._run(transitions.make(transition))
        return self.submit_transaction(self.prepare_transition(transition, self.ledger()))

    def submit_transaction(self, transaction: SignedTransaction) -> Accepted:
        """Send a transaction that was signed before; may be repeated.

        Raises:
            TrialAnchorError: As `make`.
        """
        return self._run(transitions.submit(transaction))

    def ledger(self) -> str:
        """Give the name of the ledger that transactions are meant for; the node is asked once.

        Raises:
            TrialAnchorError: See the class; `ConfigError` when the node names none or several.
        """
        if self._ledger is None:
            self._ledger = self._run(transitions.ledger_name())
        return self._ledger

    def transaction(self, digest: bytes | str) -> dict[str, Any]:
        """Ask for a transaction by its name, as it was signed, with its block and events.

        Raises:
            TrialAnchorError: See the class; `NotRegisteredError` when the node does not know it.
        """
        return self._run(transitions.transaction(digest_of(digest)))

    def object(self, key: str) -> dict[str, Any]:
        """Ask for an object of the ledger's state by its key, such as `shipments/2.16…`.

        Raises:
            TrialAnchorError: See the class; `NotRegisteredError` when there is none.
        """
        return self._run(transitions.read_object(key))

    def versions(self, key: str) -> list[dict[str, Any]]:
        """Ask for all versions of an object, oldest first.

        Raises:
            TrialAnchorError: As `object`.
        """
        return self._run(transitions.versions(key))

    def trace(self, question: TraceQuestion) -> dict[str, Any]:
        """Ask where something comes from and what became of it.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(tracing.trace(question))

    def trace_file(self, question: TraceQuestion) -> bytes:
        """Ask for a trace with the proofs of its transactions, for `trialanchor.traces.verify_trace`.

        Raises:
            TrialAnchorError: See the class, or `TraceError`: what came is not a trace file.
        """
        return self._run(tracing.trace_file(question))

    def completeness(self, study: str, wanted: studies.Wanted | None = None) -> dict[str, Any]:
        """Ask which evidence of a study is missing, late or unreviewed, as the node judges it now.

        Args:
            study: OID of the study.
            wanted: Which items are wanted; by default those that are wanting, of all sites.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(studies.completeness(study, wanted or studies.Wanted()))

    def balance(self, lot: str) -> dict[str, Any]:
        """Ask where every unit of a lot is, by member and bucket, and whether that is all that was made.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(studies.balance(lot))

    def events(
        self, study: str | None = None, *, subject: str | None = None, after: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Go through the events of a study, or of none, in the order of the ledger, to the newest.

        Args:
            study: OID of the study; None for events that concern none.
            subject: OID of an object.
            after: `id` of the last event known.

        Raises:
            TrialAnchorError: See the class.
        """
        wanted: dict[str, str] | None = transitions.events_wanted(study, subject, after)
        while wanted is not None:
            page, wanted = self._run(transitions.events(wanted))
            yield from page

    def transitions(self) -> list[dict[str, Any]]:
        """Ask for the table of all transitions: who may make each, about what, with which arguments.

        Raises:
            TrialAnchorError: See the class.
        """
        return self._run(transitions.table())

    def _run(self, running: Steps[T]) -> T:
        try:
            call = next(running)
            while True:
                try:
                    answer = self._call(call)
                except TrialAnchorError as error:
                    call = running.throw(error)
                else:
                    call = running.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    def _call(self, call: Call) -> Answer:
        attempts = Attempts(call, self._options, self._clock)
        for attempt in stamina.retry_context(attempts.again, **attempts.limits):
            with attempt, attempts.watch():
                return attempts.accept(self._http.send(call.request(self._http, self._options)))
        raise AssertionError("stamina gives at least one attempt")
