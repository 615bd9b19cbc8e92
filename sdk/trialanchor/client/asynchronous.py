"""The asynchronous client: the methods of `Client`, to be awaited."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Coroutine
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
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from trialanchor.bundles import Bundle
    from trialanchor.client.contracts import Transition
    from trialanchor.client.preparation import Claims, Evidence, Prepared, Registered
    from trialanchor.client.steps import Entry, Outcome, Steps, T
    from trialanchor.client.tracing import TraceQuestion
    from trialanchor.statements import SignedStatement
    from trialanchor.transactions import SignedTransaction


class AsyncClient(BaseClient, Contracts[Coroutine[Any, Any, Accepted]]):
    """Does what `Client` does, with the same errors; fingerprints and signatures are made in a worker thread."""

    def __init__(self, url: str, **arguments: Any) -> None:
        BaseClient.__init__(self, url, **arguments)
        Contracts.__init__(self, self.make)
        self._http = httpx2.AsyncClient(**self._http_arguments)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def register(self, evidence: Evidence, claims: Claims) -> Registered:
        """Register one record or file; see `Client.register`."""
        return (await self.submit(await to_thread(self.prepare, evidence, claims)))[0]

    async def register_many(self, records: Iterable[Mapping[str, Any]], claims: Claims) -> list[Registered]:
        """Register records as one set; see `Client.register_many`."""
        return await self.submit(await to_thread(self.prepare_set, records, claims))

    async def submit(self, prepared: Prepared) -> list[Registered]:
        """Send what was prepared; see `Client.submit`."""
        (outcome,) = await self.register_statements([prepared.statement])
        if isinstance(outcome, TrialAnchorError):
            raise outcome
        return prepared.complete(outcome)

    async def register_statements(self, statements: Sequence[SignedStatement]) -> list[Outcome]:
        """Send signed statements in batches; see `Client.register_statements`."""
        return await self._run(steps.register(statements))

    async def receipt(self, digest: bytes | str) -> Bundle:
        """Ask for the bundle of a statement; see `Client.receipt`."""
        return await self._run(steps.receipt(digest_of(digest)))

    async def upgrade(self, bundle: Bundle, wait: str | None = None, timeout: float = 30) -> Bundle:  # noqa: ASYNC109 - the node waits, not a task that is cancelled
        """Add to a bundle the anchors gathered since; see `Client.upgrade`."""
        steps.check_wait(wait)
        return await self._run(steps.upgrade(bundle, wait, timeout))

    async def head(self, subject: str, kind: str, issuer: str | None = None) -> Entry | None:
        """Find the newest version of a subject and kind; see `Client.head`."""
        return await self._run(steps.head(subject, kind, issuer))

    async def find(self, fingerprint: bytes | str) -> list[Entry]:
        """Find the log entries of a fingerprint; see `Client.find`."""
        return await self._run(steps.entries({"fingerprint": "sha256:" + digest_of(fingerprint).hex()}))

    async def write_oids(self, action: str, arguments: Mapping[str, Any], request: str) -> list[str]:
        """Submit a transition of the OID registry; see `Client.write_oids`."""
        return await self._run(oids.write(action, arguments, request))

    async def register_oids(self, entries: Sequence[Mapping[str, Any]]) -> list[str]:
        """Register entries under the OIDs they name; see `Client.register_oids`."""
        return await self._run(oids.register_all(entries))

    async def oid(self, value: str, after: int | None = None) -> dict[str, Any]:
        """Ask what the node tells of an OID; see `Client.oid`."""
        return await self._run(oids.view(value, after))

    async def search_oids(self, **where: str) -> list[dict[str, Any]]:
        """Search the registry; see `Client.search_oids`."""
        return await self._run(oids.search(where))

    async def export_oids(self, form: str, under: str | None = None) -> bytes:
        """Export the registry; see `Client.export_oids`."""
        return await self._run(oids.export(form, under))

    async def export_zone(self) -> bytes:
        """Export the zone of the node; see `Client.export_zone`."""
        return await self._run(oids.export_zone())

    async def make(self, transition: Transition) -> Accepted:
        """Make a transition; see `Client.make`."""
        if not self._signs(transition):
            return await self._run(transitions.make(transition))
        ledger = await self.ledger()
        return await self.submit_transaction(await to_thread(self.prepare_transition, transition, ledger))

    async def submit_transaction(self, transaction: SignedTransaction) -> Accepted:
        """Send a transaction that was signed before; see `Client.submit_transaction`."""
        return await self._run(transitions.submit(transaction))

    async def ledger(self) -> str:
        """Give the name of the ledger that transactions are meant for; see `Client.ledger`."""
        if self._ledger is None:
            self._ledger = await self._run(transitions.ledger_name())
        return self._ledger

    async def transaction(self, digest: bytes | str) -> dict[str, Any]:
        """Ask for a transaction by its name; see `Client.transaction`."""
        return await self._run(transitions.transaction(digest_of(digest)))

    async def object(self, key: str) -> dict[str, Any]:
        """Ask for an object of the ledger's state; see `Client.object`."""
        return await self._run(transitions.read_object(key))

    async def versions(self, key: str) -> list[dict[str, Any]]:
        """Ask for all versions of an object; see `Client.versions`."""
        return await self._run(transitions.versions(key))

    async def trace(self, question: TraceQuestion) -> dict[str, Any]:
        """Ask where something comes from and what became of it; see `Client.trace`."""
        return await self._run(tracing.trace(question))

    async def trace_file(self, question: TraceQuestion) -> bytes:
        """Ask for a trace with the proofs of its transactions; see `Client.trace_file`."""
        return await self._run(tracing.trace_file(question))

    async def completeness(self, study: str, wanted: studies.Wanted | None = None) -> dict[str, Any]:
        """Ask which evidence of a study is missing, late or unreviewed; see `Client.completeness`."""
        return await self._run(studies.completeness(study, wanted or studies.Wanted()))

    async def balance(self, lot: str) -> dict[str, Any]:
        """Ask where every unit of a lot is; see `Client.balance`."""
        return await self._run(studies.balance(lot))

    async def events(
        self, study: str | None = None, *, subject: str | None = None, after: str | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Go through the events of a study; see `Client.events`."""
        wanted: dict[str, str] | None = transitions.events_wanted(study, subject, after)
        while wanted is not None:
            page, wanted = await self._run(transitions.events(wanted))
            for event in page:
                yield event

    async def transitions(self) -> list[dict[str, Any]]:
        """Ask for the table of all transitions; see `Client.transitions`."""
        return await self._run(transitions.table())

    async def _run(self, running: Steps[T]) -> T:
        try:
            call = next(running)
            while True:
                try:
                    answer = await self._call(call)
                except TrialAnchorError as error:
                    call = running.throw(error)
                else:
                    call = running.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]

    async def _call(self, call: Call) -> Answer:
        attempts = Attempts(call, self._options, self._clock)
        async for attempt in stamina.retry_context(attempts.again, **attempts.limits):
            with attempt, attempts.watch():
                return attempts.accept(await self._http.send(call.request(self._http, self._options)))
        raise AssertionError("stamina gives at least one attempt")
