"""Link over NATS: an agent's way to engines elsewhere (subjects: events/wanted, and the commands' doors)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.agents.link import Answer, LinkDown, Refused, Serve
from quarterdeck.agents.nats_callers import listen
from quarterdeck.agents.nats_log_store import NatsLogStore
from quarterdeck.events.log.connect import Address, connect
from quarterdeck.events.log.connect import Link as Connection
from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.log.objects import Bucket
from quarterdeck.events.names import Namespace
from quarterdeck.events.secret_exchange import SecretsAnswer, SecretsRequest
from quarterdeck.events.session import Grant, Redemption, subject
from quarterdeck.events.stats import InstanceStats
from quarterdeck.events.wanted import Heartbeat, HeartbeatAnswer, WantedChange, WantedList

CALL_SECONDS_MAX = 10.0
HEARTBEAT_SECONDS_MAX = 3.0
CHANGES_WAITING_MAX = 10_000
SERVER_EXCEPTION = "ServerException"
COMMAND_HEADER = "Qd-Command-Id"
ACTOR_HEADER = "Qd-Actor"
ERROR_HEADER = "Qd-Error"

T = TypeVar("T", bound=msgspec.Struct)

logger = structlog.get_logger(__name__)


class ErrorAnswer(msgspec.Struct, frozen=True):
    """An error of the ECS API, as the engine answers it."""

    type: str = msgspec.field(name="__type", default=SERVER_EXCEPTION)
    message: str = ""


class NatsLink:
    """One agent's connection. ``actor`` is who the engine is told gives the commands."""

    def __init__(self, connection: Connection, namespace: Namespace, actor: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._scope = f"{namespace.region}.{namespace.account}"
        self._actor = actor

    async def call(
        self, cluster: str, operation: str, request: msgspec.Struct, answer: type[Answer], command: str
    ) -> Answer:
        """Send the operation as a command of its own name."""
        headers = {COMMAND_HEADER: command, ACTOR_HEADER: self._actor}
        subject = f"qd.cmd.{self._scope}.{cluster}.{operation}"
        reply = await self._request(subject, msgspec.json.encode(request), CALL_SECONDS_MAX, headers)
        return _decoded(reply, answer)

    async def wanted(self, cluster: str, container_instance: str) -> WantedList:
        """Ask for the list."""
        reply = await self._request(self._subject(cluster, container_instance, "wanted"), b"", CALL_SECONDS_MAX)
        return _weatherproof(reply, WantedList)

    async def heartbeat(self, cluster: str, container_instance: str, beat: Heartbeat) -> HeartbeatAnswer:
        """Send a heartbeat."""
        subject = self._subject(cluster, container_instance, "heartbeat")
        reply = await self._request(subject, msgspec.json.encode(beat), HEARTBEAT_SECONDS_MAX)
        return _weatherproof(reply, HeartbeatAnswer)

    async def changes(self, cluster: str, container_instance: str) -> AsyncIterator[WantedChange]:
        """Subscribe; what overflows is dropped, the positions of the next one show it."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(CHANGES_WAITING_MAX)

        async def enqueue(message: Msg) -> None:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(message.data)

        subject = f"qd.want.{self._scope}.{cluster}.{container_instance}"
        try:
            subscription = await self._connection.client.subscribe(subject, cb=enqueue)
        except (nats.errors.Error, OSError) as error:
            raise LinkDown(f"no subscription: {error}") from error
        try:
            while True:
                change = _read(await queue.get())
                if change is not None:
                    yield change
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def redeem(self, cluster: str, container_instance: str, redemption: Redemption) -> Grant:
        """Ask the engine."""
        asked = self._subject(cluster, container_instance, "session")
        return _decoded(await self._request(asked, msgspec.json.encode(redemption), CALL_SECONDS_MAX), Grant)

    async def callers(self, cluster: str, container_instance: str, serve: Serve) -> None:
        """Subscribe to what clients say to this instance."""
        await listen(self._connection, subject(self._namespace, cluster, container_instance, ""), serve)

    async def secrets(self, cluster: str, container_instance: str, request: SecretsRequest) -> SecretsAnswer:
        """Ask the engine; the answer is sealed to the key in the request."""
        subject = self._subject(cluster, container_instance, "secrets")
        return _decoded(await self._request(subject, msgspec.json.encode(request), CALL_SECONDS_MAX), SecretsAnswer)

    async def tell_stats(self, cluster: str, container_instance: str, stats: InstanceStats) -> None:
        """Publish; nobody has to listen."""
        try:
            self._connection.check()
            subject = f"qd.stats.{self._scope}.{cluster}.{container_instance}"
            await self._connection.client.publish(subject, msgspec.json.encode(stats))
        except (LogUnavailable, nats.errors.Error, OSError) as error:
            raise LinkDown(str(error)) from error

    def log_store(self, bucket: Bucket) -> NatsLogStore:
        """Give where logs may be stored, over the same connection."""
        return NatsLogStore(self._connection, self._namespace, bucket)

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _subject(self, cluster: str, container_instance: str, what: str) -> str:
        return f"qd.agent.{self._scope}.{cluster}.{container_instance}.{what}"

    async def _request(
        self, subject: str, payload: bytes, seconds_max: float, headers: dict[str, str] | None = None
    ) -> Msg:
        try:
            self._connection.check()  # else nats-py would keep it and send it much later
            async with asyncio.timeout(seconds_max):
                return await self._connection.client.request(subject, payload, timeout=seconds_max, headers=headers)
        except (LogUnavailable, nats.errors.Error, TimeoutError, OSError) as error:
            why = self._connection.refusal(subject) or str(error) or type(error).__name__
            raise LinkDown(f"{subject}: {why}") from error


async def open_link(address: Address, namespace: Namespace, actor: str) -> NatsLink:
    """Connect; the connection then renews itself for good. Raises LinkDown."""
    try:
        return NatsLink(await connect(address, actor), namespace, actor)
    except LogUnavailable as error:
        raise LinkDown(str(error)) from error


def _decoded(reply: Msg, shape: type[T]) -> T:
    """Read an answer. Raises Refused, or LinkDown for what may be otherwise the next time."""
    if reply.headers is not None and ERROR_HEADER in reply.headers:
        error = _json(reply.data, ErrorAnswer)
        if error.type == SERVER_EXCEPTION:
            raise LinkDown(f"{error.type}: {error.message}")
        raise Refused(error.type, error.message)
    return _json(reply.data, shape)


def _weatherproof(reply: Msg, shape: type[T]) -> T:
    """Read an answer to something that can't be refused."""
    try:
        return _decoded(reply, shape)
    except Refused as refusal:
        raise LinkDown(str(refusal)) from refusal


def _json(data: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=shape)
    except msgspec.MsgspecError as error:
        raise LinkDown(f"an answer that can't be read: {error}") from error


def _read(data: bytes) -> WantedChange | None:
    """A change; None for one that can't be read, which the next one's position will show to be missing."""
    try:
        return msgspec.json.decode(data, type=WantedChange)
    except msgspec.MsgspecError as error:
        logger.warning("a change that can't be read", why=str(error))
        return None
