"""Memory log: the log of tests and simulations, with the fence of the real one and faults on demand.

Nothing waits but followers, nothing reads a clock: the same calls give the same log.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from enum import Enum

import msgspec

from quarterdeck.events.log.chain import Chain
from quarterdeck.events.log.errors import Fenced, Gap, LogError, LogFull, LogUnavailable, OutcomeUnknown
from quarterdeck.events.log.port import Epoch, Marker, Position, Record

PAYLOAD_BYTES_MAX = 1_000_000
BATCH_RECORDS_MAX = 1_000


class Fault(Enum):
    """What an append can be made to suffer."""

    UNKNOWN_STORED = "stored, but the answer is lost"
    UNKNOWN_LOST = "lost on the way"
    FULL = "no room"


class Store:
    """The records several memory logs share, as processes share a stream."""

    def __init__(self, name: str = "memory", *, size_bytes_max: int | None = None) -> None:
        """Start empty; ``size_bytes_max`` counts payload bytes."""
        self.identity = name
        self.records: list[Record] = []
        self.size_bytes_max = size_bytes_max
        self.size_bytes = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def put(self, record: Record) -> None:
        """Keep a record and wake the followers. Raises LogFull."""
        size_bytes = self.size_bytes + len(record.payload)
        if self.size_bytes_max is not None and size_bytes > self.size_bytes_max:
            message = f"the log holds {self.size_bytes} of at most {self.size_bytes_max} bytes"
            raise LogFull(message)
        self.size_bytes = size_bytes
        self.records.append(record)
        self.wake()

    def wake(self) -> None:
        """Let every follower look again."""
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()

    async def changed(self) -> None:
        """Wait until something is put or a log is closed."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)


class MemoryLog:
    """A log in memory: one handle on a store; ``another()`` is what a second process would hold."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        clock: Callable[[], float] = lambda: 0.0,
        payload_bytes_max: int = PAYLOAD_BYTES_MAX,
        batch_records_max: int = BATCH_RECORDS_MAX,
    ) -> None:
        """Open the store (an empty one by default); ``clock`` stamps records, in seconds."""
        self.store = store or Store()
        self._clock = clock
        self._payload_bytes_max = payload_bytes_max
        self._batch_records_max = batch_records_max
        self._chain = Chain(payload_bytes_max, claimed=False)
        self._faults: deque[Fault] = deque()
        self._closed = False

    def another(self) -> "MemoryLog":
        """Open the same store once more."""
        return MemoryLog(
            self.store,
            clock=self._clock,
            payload_bytes_max=self._payload_bytes_max,
            batch_records_max=self._batch_records_max,
        )

    def fail_next(self, *faults: Fault) -> None:
        """Make the next appends of this handle suffer these faults, one each, in order."""
        self._faults.extend(faults)

    async def claim(self, node: str) -> Epoch:
        """Write an epoch marker; see ``Log.claim``."""
        self._check_open()
        numbers = (
            msgspec.json.decode(r.payload, type=Marker).epoch for r in reversed(self.store.records) if r.kind == "epoch"
        )
        number = next(numbers, 0) + 1
        sequence = len(self.store.records) + 1
        payload = msgspec.json.encode(Marker(epoch=number, node=node))
        self.store.put(Record(sequence=sequence, at=self._clock(), kind="epoch", payload=payload))
        self._chain = self._chain.next()
        return Epoch(number=number, sequence=sequence, node=node)

    async def append(self, payload: bytes, expected: int) -> int:
        """Store one record; see ``Log.append``."""
        self._check_open()
        self._chain.admit(payload, expected)
        fault = self._faults.popleft() if self._faults else None
        try:
            return self._store(payload, expected, fault)
        except LogError as error:
            raise self._chain.failed(error, expected) from None

    async def read(
        self, after: int = 0, *, until: int | None = None, follow: bool = False
    ) -> AsyncGenerator[list[Record], None]:
        """Yield batches; see ``Log.read``."""
        if after > len(self.store.records):
            message = f"the log ends at {len(self.store.records)}, the reader is at {after}"
            raise Gap(message)
        end = self._end(until, follow=follow)
        while end is None or after < end:
            self._check_open()
            stop = after + self._batch_records_max
            batch = self.store.records[after : stop if end is None else min(stop, end)]
            if batch:
                after = batch[-1].sequence
                yield batch
            else:
                await self.store.changed()

    async def position(self) -> Position:
        """Tell where the log ends."""
        self._check_open()
        return Position(sequence=len(self.store.records), identity=self.store.identity)

    async def close(self) -> None:
        """Close this handle; the store stays."""
        self._closed = True
        self.store.wake()

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")

    def _store(self, payload: bytes, expected: int, fault: Fault | None) -> int:
        last = len(self.store.records)
        if fault is Fault.FULL:
            raise LogFull("no room (injected)")
        if fault is Fault.UNKNOWN_LOST:
            raise OutcomeUnknown("no answer (injected)")
        if expected != last:
            message = f"the log ends at {last}, not at {expected}"
            raise Fenced(message)
        self.store.put(Record(sequence=last + 1, at=self._clock(), kind="commits", payload=payload))
        if fault is Fault.UNKNOWN_STORED:
            raise OutcomeUnknown("no answer (injected)")
        return last + 1

    def _end(self, until: int | None, *, follow: bool) -> int | None:
        if follow:
            return until
        last = len(self.store.records)
        return last if until is None else min(until, last)
