"""Lease: a key that says which replica keeps a shard. For liveness only; what protects the log is its fence.

The key lives in a KV bucket, in memory, with a TTL per message: a holder that dies is gone after LEASE_SECONDS. A
holder's own view begins before it sends and ends 20 % early. nats-py's ``kv.create`` fails over the marker an expired
key leaves, so this publishes by hand, expecting the last sequence of the key.

    LeaseLost    the lease went to another, or could not be renewed in time
"""

import asyncio
from base64 import b64decode
from contextlib import suppress

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.events.log import api
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogUnavailable

BUCKET = "qd_lease"
LEASE_SECONDS = 3
RENEW_SECONDS = LEASE_SECONDS / 3
OWN_VIEW = 0.8
LOOK_SECONDS = 0.25
MARKER_SECONDS = 60
PUBLISH_SECONDS_MAX = 1.0
SECOND_NS = 10**9

EXPECTED = "Nats-Expected-Last-Subject-Sequence"

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Another replica may hold the lease by now."""


class Held(msgspec.Struct, frozen=True):
    """What the key holds: who keeps the shard."""

    node: str


class Lease:
    """One replica's hold, or wish to hold, on one shard; `node` must be nobody else's name."""

    def __init__(self, link: Link, shard: int, node: str, replicas: int = 1) -> None:
        self.lost = asyncio.Event()
        self._link = link
        self._subject = f"$KV.{BUCKET}.shard_{shard}"
        self._node = node
        self._replicas = replicas
        self._sequence = 0
        self._until = 0.0
        self._wake = asyncio.Event()

    @property
    def held(self) -> bool:
        """Whether the lease is surely ours now."""
        return not self.lost.is_set() and asyncio.get_running_loop().time() < self._until

    async def acquire(self) -> None:
        """Wait until nobody holds the lease, and take it."""
        subscription = await self._link.client.subscribe(self._subject, cb=self._changed)
        try:
            while True:
                self._wake.clear()
                try:
                    if await self._try():
                        return
                except LogUnavailable as error:
                    log.debug("the lease cannot be looked at", error=str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self._wake.wait()
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def renew(self) -> None:
        """Keep the lease until cancelled. Raises LeaseLost."""
        try:
            while True:
                await asyncio.sleep(RENEW_SECONDS)
                await self._renew()
        except LeaseLost:
            self.lost.set()
            raise

    async def release(self) -> None:
        """Let the next replica have it at once."""
        self._until = 0.0
        if self._sequence and self._link.client.is_connected:
            with suppress(LogUnavailable):
                await self._publish(b"", self._sequence, {"KV-Operation": "DEL"})
        self._sequence = 0

    async def holder(self) -> str:
        """Name the node that holds the lease, empty if nobody does. Raises LogUnavailable."""
        return (await self._look())[1]

    async def _try(self) -> bool:
        await self._ensure()
        sequence, node = await self._look()
        return node in {"", self._node} and await self._put(sequence)

    async def _renew(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self._until:
            try:
                if await self._put(self._sequence):
                    return
            except LogUnavailable:
                await asyncio.sleep(PUBLISH_SECONDS_MAX / 10)
            with suppress(LogUnavailable):
                await self._ensure()  # the bucket is in memory: a server that was started again has none
                sequence, node = await self._look()
                if node not in {"", self._node}:
                    raise LeaseLost(f"{node} holds the lease now")
                self._sequence = sequence
        raise LeaseLost("the lease could not be renewed in time")

    async def _put(self, expected: int) -> bool:
        began = asyncio.get_running_loop().time()
        sequence = await self._publish(
            msgspec.json.encode(Held(node=self._node)), expected, {"Nats-TTL": str(LEASE_SECONDS)}
        )
        if sequence:
            self._sequence = sequence
            self._until = began + LEASE_SECONDS * OWN_VIEW
            self.lost.clear()
        return bool(sequence)

    async def _publish(self, payload: bytes, expected: int, headers: dict[str, str]) -> int:
        """Write the key behind its last sequence; 0 if that is another. Raises LogUnavailable."""
        self._link.check()
        headers = {**headers, EXPECTED: str(expected)}
        try:
            answer = await self._link.request(self._subject, payload, PUBLISH_SECONDS_MAX, headers)
        except (nats.errors.Error, OSError) as error:
            message = f"the lease cannot be written: {str(error) or type(error).__name__}"
            raise LogUnavailable(message) from error
        ack = msgspec.json.decode(answer.data, type=api.Ack)
        if ack.error is None:
            return ack.seq
        if ack.error.err_code in api.WRONG_LAST_SEQUENCE:
            return 0
        raise LogUnavailable(f"the lease cannot be written: {ack.error.description}")

    async def _look(self) -> tuple[int, str]:
        """Read the key: its last sequence, and who holds it."""
        try:
            answer = await api.call(self._link, f"STREAM.MSG.GET.KV_{BUCKET}", {"last_by_subj": self._subject})
        except api.RefusedError as error:
            if error.refusal.err_code == api.MESSAGE_NOT_FOUND:
                return 0, ""
            raise LogUnavailable(str(error)) from error
        message = msgspec.json.decode(answer, type=_Stored).message
        if not message.data:  # a marker of expiry or release
            return message.seq, ""
        return message.seq, msgspec.json.decode(b64decode(message.data), type=Held).node

    async def _changed(self, _: Msg) -> None:
        self._wake.set()

    async def _ensure(self) -> None:
        bucket = {
            "name": f"KV_{BUCKET}",
            "subjects": [f"$KV.{BUCKET}.>"],
            "retention": "limits",
            "storage": "memory",
            "discard": "new",
            "num_replicas": self._replicas,
            "max_msgs_per_subject": 1,
            "max_bytes": 1 << 20,
            "max_age": 0,
            "max_msgs": -1,
            "max_consumers": -1,
            "allow_rollup_hdrs": True,
            "allow_direct": True,
            "deny_delete": True,
            "allow_msg_ttl": True,
            "subject_delete_marker_ttl": MARKER_SECONDS * SECOND_NS,
        }
        try:
            await api.call(self._link, f"STREAM.CREATE.KV_{BUCKET}", bucket)
        except api.RefusedError as error:
            if error.refusal.err_code != api.STREAM_NAME_IN_USE:
                raise LogUnavailable(f"the lease's bucket cannot be made: {error}") from error


class _Message(msgspec.Struct, frozen=True):
    seq: int
    data: str = ""


class _Stored(msgspec.Struct, frozen=True):
    message: _Message
