"""Projector: keeps the read models up with the log.

Envelopes are decoded on the event loop, a slice at a time; everything else happens in SQLite's threads. Errors:
`ReadModelBehind`, when somebody waited for a position that was not reached in time; what the log raises; and
`events.codec.Corrupt`, for a log that does not read as it was written.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from heapq import heapify, heappop, heappush
from itertools import count

import msgspec

from quarterdeck.events.codec import GENESIS, Corrupt, unseal
from quarterdeck.events.commit import Chained
from quarterdeck.events.log.port import Log, Record
from quarterdeck.projections.models.fold import Applied
from quarterdeck.projections.models.store import ReadModels

APPLY_COMMITS_MAX = 2_000
"""Commits folded in one transaction, give or take an envelope: more would keep readers' news waiting."""

DECODE_BYTES_MAX = 256 * 1024
"""Bytes decoded before others get their turn on the event loop; about a millisecond."""


GIVE_WAY_SECONDS = 0.01
GIVE_WAY_SECONDS_MAX = 0.5


class ReadModelBehind(Exception):
    """The read models did not reach a position in time; says which, where they are, and what to do."""


class Batch(msgspec.Struct):
    """What has been decoded and not yet applied."""

    sequence: int = 0
    envelopes: list[Chained] = []
    commits: int = 0


class Projector:
    """Follows one log into one set of read models; `run` must be running for anything to move.

    `on_applied` hears of each envelope once the models hold it, in order; and of all of them again after a rebuild.
    `busy`, given the position reached, says whether there is more urgent work just now.
    """

    def __init__(
        self,
        log: Log,
        models: ReadModels,
        on_applied: Callable[[Chained], None] | None = None,
        busy: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._log = log
        self.models = models
        self._on_applied = on_applied
        self._busy = busy
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._turn = count()
        self._urgent = 0
        self._scope: asyncio.Timeout | None = None
        self._reason = ""
        self._identity = ""
        self.applied = Applied(0, GENESIS, "")

    async def run(self) -> None:
        """Follow the log until cancelled; begins anew when the models turn out not to be of its past."""
        while True:
            resumed = await self._resume()
            try:
                async with asyncio.timeout(None) as self._scope:
                    await self._follow()
            except TimeoutError:
                if not self._reason:
                    raise
            except Corrupt as error:
                if not resumed.sequence or self.applied.hash != resumed.hash:
                    raise
                # Nothing read fits what is held: a log that lost its end and went on. From its start it may.
                self._reason = f"the log does not go on from the read models: {error}"
            else:
                return
            finally:
                self._scope = None

    async def wait(self, sequence: int, seconds_max: float, *, patient: bool = False) -> None:
        """Wait until the models have reached a position, so that one reads one's own writes. Raises ReadModelBehind.

        For who is `patient`, the models go on giving way to more urgent work.
        """
        if self.applied.sequence >= sequence:
            return
        self._urgent += not patient
        try:
            async with asyncio.timeout(seconds_max):
                await self._reached(sequence)
        except TimeoutError:
            raise ReadModelBehind(
                f"the read models are at {self.applied.sequence}, {sequence} was not reached within {seconds_max:g} s; "
                "what was written is in the log: read again later, and see that the projector is running"
            ) from None
        finally:
            self._urgent -= not patient

    async def rebuild(self, reason: str = "a rebuild was asked for") -> None:
        """Begin anew, and wait until the models are where the log now ends. Reads meanwhile see its past."""
        end = await self._log.position()
        self._reason = reason
        self.applied = Applied(0, GENESIS, self._identity)
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())
        await self._reached(end.sequence)

    async def _reached(self, sequence: int) -> None:
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (sequence, next(self._turn), reached)
        heappush(self._waiters, waiter)
        try:
            await reached
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
                heapify(self._waiters)
            raise

    async def _resume(self) -> Applied:
        end = await self._log.position()
        held = await self.models.suit(end.identity, end.sequence)
        while self._reason:
            reason, self._reason = self._reason, ""
            held = await self.models.reset(reason)
        self._identity = end.identity
        self._move(held)
        return held

    async def _follow(self) -> None:
        batch = Batch(self.applied.sequence)
        previous = self.applied.hash
        async with aclosing(self._log.read(self.applied.sequence, follow=True)) as batches:
            async for records in batches:
                for part in slices(records):
                    for record in part:
                        previous = take(batch, record, previous)
                    await asyncio.sleep(0)
                    if batch.commits >= APPLY_COMMITS_MAX:
                        await self._apply(batch)
                await self._apply(batch)

    async def _apply(self, batch: Batch) -> None:
        if batch.sequence <= self.applied.sequence:
            return
        await self._give_way()
        envelopes, batch.envelopes, batch.commits = batch.envelopes, [], 0
        self._move(await self.models.apply(envelopes, self._identity, batch.sequence))
        if self._on_applied is not None:
            for envelope in envelopes:
                self._on_applied(envelope)

    async def _give_way(self) -> None:
        """Let commands go first while nobody waits to read, within bounds: the models then lag, and catch up after."""
        until = asyncio.get_running_loop().time() + GIVE_WAY_SECONDS_MAX
        while self._busy(self.applied.sequence) and not self._urgent and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(GIVE_WAY_SECONDS)

    def _move(self, applied: Applied) -> None:
        if self._reason:
            return  # what was reached before a rebuild counts for nothing
        self.applied = applied
        while self._waiters and self._waiters[0][0] <= applied.sequence:
            _, _, reached = heappop(self._waiters)
            if not reached.done():
                reached.set_result(None)


def take(batch: Batch, record: Record, previous: str) -> str:
    """Decode a record into a batch, if it holds commits; give the hash the next envelope must follow."""
    batch.sequence = record.sequence
    if record.kind != "commits":
        return previous
    envelope = unseal(record.payload, record.sequence, previous)
    batch.envelopes.append(envelope)
    batch.commits += len(envelope.commits)
    return envelope.hash


def slices(records: Sequence[Record]) -> list[list[Record]]:
    """Cut records into parts that are decoded in one go."""
    parts: list[list[Record]] = [[]]
    size = 0
    for record in records:
        if size >= DECODE_BYTES_MAX:
            parts.append([])
            size = 0
        parts[-1].append(record)
        size += len(record.payload)
    return parts
