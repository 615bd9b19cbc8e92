"""Take evidence in: admit each item, register what is admitted, answer in order.

Decoding and signature checks of a large request run in worker threads (the signature check leaves the interpreter
free); small ones run at once. Whatever is wrong with one item is that item's answer; the others are registered.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from trialanchor.errors import TrialAnchorError
from trialanchor.statements import decode_statement
from trialanchor_node.log.store import Submission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor.clock import Clock
    from trialanchor.statements import SignedStatement
    from trialanchor_node.log.rules import Admission
    from trialanchor_node.log.sequencer import Sequencer

_INLINE = 4
"""Items admitted at once in the event loop; handing over to a thread costs more than that."""

_CHUNK = 64
"""Items one worker takes at a time."""


class IntakeService:
    """Admits and registers statements."""

    def __init__(self, admission: Admission, sequencer: Sequencer, clock: Clock) -> None:
        self._admission = admission
        self._sequencer = sequencer
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

    async def _admit_all(self, pieces: Sequence[bytes], now: int) -> list[SignedStatement | TrialAnchorError]:
        if len(pieces) <= _INLINE:
            return self.admit_chunk(pieces, now)
        loop = asyncio.get_running_loop()
        chunks = [pieces[start : start + _CHUNK] for start in range(0, len(pieces), _CHUNK)]
        work = [loop.run_in_executor(self._workers, self.admit_chunk, chunk, now) for chunk in chunks]
        done = await asyncio.gather(*work)
        return [item for chunk in done for item in chunk]

    def admit_chunk(self, pieces: Sequence[bytes], now: int) -> list[SignedStatement | TrialAnchorError]:
        """Decode and admit statements; an error stands in the place of what was refused."""
        return [self._admit(piece, now) for piece in pieces]

    def _admit(self, piece: bytes, now: int) -> SignedStatement | TrialAnchorError:
        try:
            return self._admission.admit(decode_statement(piece), now)
        except TrialAnchorError as error:
            return error

    def close(self) -> None:
        """End the worker threads."""
        self._workers.shutdown()
