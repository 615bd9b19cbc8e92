"""Take evidence in: admit each item, register what is admitted, answer in order.

Decoding and signature checks of a large request run in worker threads (the signature check leaves the interpreter
free); small ones run at once. Whatever is wrong with one item is that item's answer; the others are registered.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from trialanchor.certificates import CertificateError
from trialanchor.errors import RuleError, TrialAnchorError
from trialanchor.signers import RefusedCertificateError
from trialanchor.statements import decode_statement
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.log.store import Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trialanchor.clock import Clock
    from trialanchor.statements import SignedStatement
    from trialanchor_node.log.reader import LogReader
    from trialanchor_node.log.rules import Admission
    from trialanchor_node.log.sequencer import Sequencer

T = TypeVar("T")

Item: TypeAlias = "SignedStatement | TrialAnchorError"
"""An admitted statement, or why it was not admitted."""

_INLINE = 4
"""Items admitted at once in the event loop; handing over to a thread costs more than that."""

_CHUNK = 64
"""Items one worker takes at a time."""


class IntakeService:
    """Admits and registers statements."""

    def __init__(self, admission: Admission, sequencer: Sequencer, reader: LogReader, clock: Clock) -> None:
        self._admission = admission
        self._sequencer = sequencer
        self._reader = reader
        self._clock = clock
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="intake")

    async def register_encoded(self, pieces: Sequence[bytes]) -> Submission:
        """Register encoded statements; the answers are in the submission's results, in order.

        Raises:
            StoreError: Nothing was registered: overloaded, no room, or the database failed.
        """
        now = int(self._clock.now().timestamp())
        return await self.register(Submission(await self._admit_all(pieces, now), now))

    async def register(self, submission: Submission) -> Submission:
        """Register a submission of admitted items.

        Raises:
            StoreError: As above.
        """
        if submission.along is None and all(isinstance(item, TrialAnchorError) for item in submission.items):
            submission.results = list(submission.items)  # type: ignore[arg-type]  # all of them are errors
            return submission
        await self._sequencer.submit(submission)
        return submission

    async def _admit_all(self, pieces: Sequence[bytes], now: int) -> list[Item]:
        if len(pieces) <= _INLINE:
            items = [_decode(piece) for piece in pieces]
            if all(isinstance(item, TrialAnchorError) or self._admission.knows(item) for item in items):
                admitted = [self._admit(item, now) for item in items]
                if not any(isinstance(item, RuleError | CertificateError) for item in admitted):
                    return admitted
        chunks = [pieces[start : start + _CHUNK] for start in range(0, len(pieces), _CHUNK)]
        done = await asyncio.gather(*(self.in_worker(self.admit_chunk, chunk, now) for chunk in chunks))
        items = [item for chunk in done for item in chunk]
        return await self._admit_again(pieces, items, now) if len(chunks) > 1 else items

    async def _admit_again(self, pieces: Sequence[bytes], items: list[Item], now: int) -> list[Item]:
        """Give those refused for want of a certificate a second look: another chunk of the request may have held it."""
        refused = [place for place, item in enumerate(items) if isinstance(item, RefusedCertificateError)]
        found = await self.in_worker(self.admit_chunk, [pieces[place] for place in refused], now)
        for place, item in zip(refused, found, strict=True):
            items[place] = item
        return items

    async def in_worker(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run what would keep the event loop busy, or asks the database, in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, work, *arguments)

    def admit_chunk(self, pieces: Sequence[bytes], now: int) -> list[Item]:
        """Decode and admit statements; an error stands in the place of what was refused.

        A statement that is registered keeps its place, even when it would be refused today.
        """
        items = []
        for item in map(_decode, pieces):
            admitted = self._admit(item, now)
            refused = isinstance(admitted, RuleError | CertificateError)
            registered = refused and not isinstance(item, TrialAnchorError) and self._is_registered(item)
            items.append(item if registered else admitted)
        return items

    def _admit(self, item: Item, now: int) -> Item:
        """Apply the rules."""
        if isinstance(item, TrialAnchorError):
            return item
        try:
            return self._admission.admit(item, now)
        except TrialAnchorError as error:
            return error

    def _is_registered(self, signed: SignedStatement) -> bool:
        try:
            self._reader.index_of(signed.digest)
        except NotFoundError:
            return False
        return True

    def close(self) -> None:
        """End the worker threads."""
        self._workers.shutdown()


def _decode(piece: bytes) -> Item:
    try:
        return decode_statement(piece)
    except TrialAnchorError as error:
        return error
