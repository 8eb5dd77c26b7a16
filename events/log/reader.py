"""Reader: the records of a stream in order, without holes, whatever happens to consumer, connection or server.

It pulls from an ack-less memory consumer and believes only sequences: every message must be the one after the last.
After a hole, silence, a lost consumer, a reconnect or a restart it makes a new consumer at the next sequence.
Messages are only queued as they arrive; no more is asked for while the queue is long, so nothing is ever dropped.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

import msgspec
import nats.errors
from nats.aio.subscription import Subscription

from quarterdeck.events.log import api, stream
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import Gap, LogError, LogMisconfigured, LogUnavailable
from quarterdeck.events.log.mailbox import Mailbox
from quarterdeck.events.log.port import Record

WINDOW_BYTES_MAX = 8 << 20
PULL_BYTES = WINDOW_BYTES_MAX // 2
PULL_RECORDS_MAX = 100_000
BATCH_RECORDS_MAX = 1_000
HEARTBEAT_SECONDS = 1.0
SILENCE_SECONDS_MAX = 2.5
PULL_SECONDS_MAX = 30.0
IDLE_CONSUMER_SECONDS_MAX = 60.0
HOLE_RETRIES_MAX = 3
RETRY_SECONDS_MIN = 0.02
RETRY_SECONDS_MAX = 1.0
UNAVAILABLE_SECONDS_MAX = 30.0
REPLICA_LAG_SECONDS_MAX = 10.0
SECOND_NS = 10**9


class Reader:
    """One pass over a stream; a follower waits for the server as long as it takes, others UNAVAILABLE_SECONDS_MAX."""

    def __init__(self, link: Link, names: stream.Names, *, after: int, until: int | None, follow: bool) -> None:
        self._link = link
        self._names = names
        self._after = after
        self._until = until
        self._follow = follow
        self._identity: str | None = None
        self._name = f"qd_{secrets.token_hex(6)}"
        self._mailbox = Mailbox(link.client.new_inbox(), next_sequence=after + 1)
        self._incarnation = 0
        self._hole_at = 0
        self._holes = 0
        self._behind_since: float | None = None

    async def batches(self) -> AsyncGenerator[list[Record], None]:
        """Yield what is behind ``after``. Raises Gap, LogUnavailable."""
        info = await self._persist(self._look)
        end = self._until
        if not self._follow:
            end = info.state.last_seq if end is None else min(end, info.state.last_seq)
        if end is not None and self._after >= end:
            return
        subscription = await self._subscribe()
        try:
            async for batch in self._receive(end):
                yield batch
        finally:
            self._link.forget(self._mailbox.wake, self._mailbox.disturb)
            await self._delete_consumer()
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _receive(self, end: int | None) -> AsyncGenerator[list[Record], None]:
        at = self._after
        self._mailbox.disturb()
        while end is None or at < end:
            if self._mailbox.trouble is not None:
                await self._persist(self._recreate)
            await self._pull()
            batch = self._mailbox.take(BATCH_RECORDS_MAX, end)
            if batch:
                at = batch[-1].sequence
                yield batch
            else:
                await self._mailbox.wait(SILENCE_SECONDS_MAX)
                self._check_open()

    def _check_open(self) -> None:
        if self._link.client.is_closed:
            raise LogUnavailable("the log is closed, or NATS has closed the connection for good")

    async def _subscribe(self) -> Subscription:
        subscription = await self._link.client.subscribe(
            f"{self._mailbox.inbox}.*",
            cb=self._mailbox.arrived,
        )
        self._link.watch(lost=self._mailbox.wake, back=self._mailbox.disturb)
        return subscription

    async def _persist(self, attempt: Callable[[], Awaitable[stream.Info]]) -> stream.Info:
        """Try until it works; whoever does not follow gives up after UNAVAILABLE_SECONDS_MAX."""
        loop = asyncio.get_running_loop()
        deadline = None if self._follow else loop.time() + UNAVAILABLE_SECONDS_MAX
        pause_seconds = RETRY_SECONDS_MIN
        while True:
            self._check_open()
            try:
                return await attempt()
            except LogMisconfigured as error:
                if self._identity is None:
                    raise
                message = f"the log {self._identity} is gone: {error}"
                raise Gap(message) from error
            except LogUnavailable:
                if deadline is not None and loop.time() > deadline:
                    raise
            await self._mailbox.pause(pause_seconds)
            pause_seconds = min(2 * pause_seconds, RETRY_SECONDS_MAX)

    async def _look(self) -> stream.Info:
        """Ask for the stream and make sure that it still is the one that was read, and as long."""
        info = await stream.info(self._link, self._names)
        position = info.position
        if self._identity is None:
            self._identity = position.identity
        received = self._mailbox.next_sequence - 1
        if position.identity != self._identity:
            message = f"the log was {self._identity} and is now {position.identity}"
            raise Gap(message)
        if info.state.first_seq > received + 1:
            message = f"the log begins at {info.state.first_seq}, the reader needs {received + 1}"
            raise Gap(message)
        if position.sequence < received:
            message = f"the log ends at {position.sequence}, the reader is at {received}"
            self._wait_for_replicas(info, message)
        else:
            self._behind_since = None
        return info

    def _wait_for_replicas(self, info: stream.Info, message: str) -> None:
        """Give a new leader time to apply what it has; a single server has no such excuse."""
        now = asyncio.get_running_loop().time()
        if self._behind_since is None:
            self._behind_since = now
        if info.config["num_replicas"] == 1 or now - self._behind_since > REPLICA_LAG_SECONDS_MAX:
            raise Gap(message)
        raise LogUnavailable(message)

    async def _recreate(self) -> stream.Info:
        """Make a consumer at the next sequence, in place of whatever there was."""
        info = await self._look()
        self._note_hole()
        await self._delete_consumer()
        self._incarnation += 1
        name = f"{self._name}_{self._incarnation}"
        config = {
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": self._mailbox.next_sequence,
            "ack_policy": "none",
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": int(IDLE_CONSUMER_SECONDS_MAX * SECOND_NS),
        }
        body = {"stream_name": self._names.stream, "config": config}
        self._mailbox.expect(name, str(self._incarnation))
        try:
            await api.call(self._link, f"CONSUMER.CREATE.{self._names.stream}.{name}", body)
        except api.RefusedError as error:
            self._mailbox.disturb()
            message = f"no consumer to read with: {error}"
            raise LogUnavailable(message) from error
        except LogError:
            self._mailbox.disturb()
            raise
        return info

    def _note_hole(self) -> None:
        """Count holes at one place: one that stays after new consumers is in the log itself."""
        hole = self._mailbox.hole
        if hole is None:
            return
        self._holes = self._holes + 1 if hole == self._hole_at else 1
        self._hole_at = hole
        if self._holes > HOLE_RETRIES_MAX:
            message = f"record {hole} is missing from {self._identity}"
            raise Gap(message)

    async def _pull(self) -> None:
        """Ask for more while less than half of the window is on its way or waiting to be taken."""
        if self._mailbox.trouble is not None or not self._link.client.is_connected:
            return
        request = {
            "batch": PULL_RECORDS_MAX,
            "max_bytes": PULL_BYTES,
            "expires": int(PULL_SECONDS_MAX * SECOND_NS),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * SECOND_NS),
        }
        while self._mailbox.load_bytes + PULL_BYTES <= WINDOW_BYTES_MAX:
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._names.stream}.{self._mailbox.consumer}"
            self._mailbox.asked(PULL_BYTES)
            with suppress(nats.errors.Error):  # then silence makes a new consumer
                await self._link.client.publish(subject, msgspec.json.encode(request), self._mailbox.reply)

    async def _delete_consumer(self) -> None:
        """Do not wait for the answer: a consumer left behind ends by itself when nobody pulls."""
        if self._mailbox.consumer and self._link.client.is_connected:
            with suppress(nats.errors.Error):
                subject = f"$JS.API.CONSUMER.DELETE.{self._names.stream}.{self._mailbox.consumer}"
                await self._link.client.publish(subject)
