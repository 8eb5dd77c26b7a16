"""Mailbox: what a reader's consumer has sent and nobody has taken yet; it only queues, counts and notices.

``load_bytes`` is what was asked for and not yet taken; the server counts a message as subject, reply, headers and
payload, and tells with status 408 or 409 how many bytes of a pull it will not send any more. Should the two counts
ever part, the reader either asks a little more or hears nothing, and silence begins afresh.
"""

import asyncio
from collections import deque
from contextlib import suppress

from nats.aio.msg import Msg

from quarterdeck.events.log.port import Kind, Record

ACK_PREFIX = "$JS.ACK."
ACK_TOKENS_SHORT = 9
HEARTBEAT = "100"
ENDS_OF_A_PULL = ("408", "404")
END_BY_BYTES = "Message Size Exceeds MaxBytes"
NANOSECONDS = 1e-9


class Mailbox:
    """The queue between nats-py's callback and a reader."""

    def __init__(self, inbox: str, next_sequence: int) -> None:
        self.inbox = inbox
        self.next_sequence = next_sequence
        self.consumer = ""
        self.reply = ""
        self.trouble: str | None = None
        self.hole: int | None = None
        self._queue: deque[Record] = deque()
        self._queued_bytes = 0
        self._asked_bytes = 0
        self._wake = asyncio.Event()
        self._heard_at = 0.0

    @property
    def load_bytes(self) -> int:
        """Bytes on their way or waiting to be taken."""
        return self._asked_bytes + self._queued_bytes

    def expect(self, consumer: str, token: str) -> None:
        """Listen to a new consumer only, from the next sequence on."""
        self.consumer = consumer
        self.reply = f"{self.inbox}.{token}"
        self.trouble = None
        self.hole = None
        self._asked_bytes = 0
        self._heard_at = asyncio.get_running_loop().time()

    def asked(self, size_bytes: int) -> None:
        """Count a pull."""
        self._asked_bytes += size_bytes
        self._heard_at = asyncio.get_running_loop().time()

    def disturb(self, why: str = "the connection is new") -> None:
        """Have the reader make a new consumer."""
        self.trouble = why
        self._wake.set()

    def wake(self) -> None:
        """Have the reader look."""
        self._wake.set()

    def take(self, records_max: int, end: int | None) -> list[Record]:
        """Take records off the queue, none behind ``end``."""
        queue = self._queue
        batch: list[Record] = []
        while queue and len(batch) < records_max and (end is None or queue[0].sequence <= end):
            record = queue.popleft()
            self._queued_bytes -= len(record.payload)
            batch.append(record)
        return batch

    async def wait(self, silence_seconds_max: float) -> None:
        """Wait for a record or trouble; silence is trouble."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._heard_at + silence_seconds_max):
                await self._wake.wait()
        self._wake.clear()
        if not self._queue and asyncio.get_running_loop().time() - self._heard_at >= silence_seconds_max:
            self.disturb("silence")

    async def pause(self, seconds_max: float) -> None:
        """Wait a while, less when the connection comes back."""
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await self._wake.wait()

    async def arrived(self, message: Msg) -> None:
        """Queue a record or note what became of a pull (nats-py's callback: must not raise, must not wait)."""
        self._heard_at = asyncio.get_running_loop().time()
        if message.reply.startswith(ACK_PREFIX):
            self._record(message)
        elif message.subject == self.reply:
            self._status(message.headers or {})

    def _record(self, message: Msg) -> None:
        tokens = message.reply.split(".")
        # $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<ns>.<pending>, or with <domain> and
        # <account hash> before the stream and one more token behind.
        shift = 0 if len(tokens) == ACK_TOKENS_SHORT else 2
        if tokens[3 + shift] != self.consumer:
            return
        self._asked_bytes -= _size_bytes(message)
        sequence = int(tokens[5 + shift])
        if sequence == self.next_sequence and self.trouble is None:
            kind: Kind = "epoch" if message.subject.endswith(".epoch") else "commits"
            at = int(tokens[7 + shift]) * NANOSECONDS
            self._queue.append(Record(sequence, at, kind, message.data))
            self._queued_bytes += len(message.data)
            self.next_sequence = sequence + 1
            self._wake.set()
        elif sequence > self.next_sequence and self.trouble is None:
            self.hole = self.next_sequence
            self.disturb("a hole")

    def _status(self, headers: dict[str, str]) -> None:
        status = headers.get("Status", "")
        description = headers.get("Description", "")
        if status == HEARTBEAT:
            return
        if status in ENDS_OF_A_PULL or (status == "409" and description.startswith(END_BY_BYTES)):
            self._asked_bytes -= int(headers.get("Nats-Pending-Bytes", "0"))
            self._wake.set()
        else:
            self.disturb(f"{status} {description}")


def _size_bytes(message: Msg) -> int:
    headers = message.headers
    head = 0 if not headers else 12 + sum(len(k) + len(v) + 4 for k, v in headers.items())
    return len(message.subject) + len(message.reply) + head + len(message.data)
