"""Feed: every event of the log once more as a message of its own, for outsiders; the system never reads it.

It follows the log by itself and publishes into a stream in memory, which costs no sync. Each message expects the
stream to end where the one before it left it: so nothing is missing, twice or out of order, whoever else should
publish and whatever gets lost on the way. After anything unexpected it looks up what the stream ends with and goes
on behind that; a stream that is gone, or of another log, begins anew with the last REBUILT_RECORDS_MAX envelopes.

Commands come first: while there are any, it takes only a share of the time and lags behind; then it catches up.
"""

import asyncio
from base64 import b64decode
from collections.abc import Iterator
from contextlib import aclosing, suppress
from itertools import islice

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.engine.doors import feed_message as message
from quarterdeck.engine.doors.feed_message import Item
from quarterdeck.engine.doors.reply import MESSAGE_ID
from quarterdeck.engine.doors.service_action import acted
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events import shapes
from quarterdeck.events.codec import unseal
from quarterdeck.events.container_instance import ContainerInstanceEvent
from quarterdeck.events.log import api
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.credentials import FEED_STREAM
from quarterdeck.events.log.errors import Gap, LogUnavailable
from quarterdeck.events.log.port import Log, Position, Record
from quarterdeck.events.names import Namespace
from quarterdeck.events.task import TaskEvent
from quarterdeck.projections.models.projector import Projector, ReadModelBehind

SIZE_BYTES_MAX = 128 << 20
REBUILT_RECORDS_MAX = 10_000
SLICE_MESSAGES_MAX = 64
ACK_SECONDS_MAX = 5.0
BEHIND_SECONDS_MAX = 30.0
BUSY_SHARE_MAX = 0.1
GIVE_WAY_SECONDS_MAX = 0.1
RETRY_SECONDS = 0.2
SECOND_NS = 10**9
HEADER_BYTES_MAX = 8_192

Place = tuple[int, int, int]
BEGINNING: Place = (0, 0, 0)

log = structlog.get_logger(__name__)


class FeedBroken(Exception):
    """The stream is not as this publisher left it."""


class Feed:
    """Publishes one log's events."""

    def __init__(self, link: Link, store: Log, keeper: Keeper, projector: Projector, replicas: int = 1) -> None:
        self._link = link
        self._log = store
        self._keeper = keeper
        self._projector = projector
        self._replicas = replicas
        self._identity = ""
        self._last = 0
        self._place = BEGINNING
        self._ack: asyncio.Future[Msg] | None = None
        self._inbox = link.client.new_inbox()

    @property
    def sequence(self) -> int:
        """The position of the last event published."""
        return self._place[0]

    async def run(self) -> None:
        """Publish until cancelled."""
        subscription = await self._link.client.subscribe(self._inbox, cb=self._answered)
        try:
            while True:
                try:
                    await self._follow()
                except (FeedBroken, LogUnavailable, Gap, ReadModelBehind, api.RefusedError, nats.errors.Error) as error:
                    log.info("the feed looks where it was", reason=str(error) or type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _follow(self) -> None:
        position = await self._log.position()
        self._identity = position.identity
        self._last, self._place = await open_stream(self._link, position, self._replicas)
        after = max(self._place[0] - 1, 0)
        if self._place == BEGINNING:
            after = max(0, position.sequence - REBUILT_RECORDS_MAX)
        async with aclosing(self._log.read(after, follow=True)) as batches:
            async for batch in batches:
                items = _items(batch, self._place)
                while some := list(islice(items, SLICE_MESSAGES_MAX)):
                    began, sequence = asyncio.get_running_loop().time(), self._keeper.sequence
                    await self._publish(some)
                    if self._keeper.backlog or self._keeper.sequence != sequence:
                        await _give_way(asyncio.get_running_loop().time() - began)

    async def _publish(self, items: list[Item]) -> None:
        """Send a slice; only the last message is acknowledged, and only if all before it got in."""
        described = await self._describe(items)
        self._link.check()
        self._ack = asyncio.get_running_loop().create_future()
        for count, item in enumerate(items, 1):
            headers = message.headers(item)
            headers["Nats-Expected-Last-Sequence"] = str(self._last + count - 1)
            body = self._body(item, described.get(_key(item)))
            reply = self._inbox if count == len(items) else ""
            await self._link.client.publish(message.subject(item), body, reply, headers)
        try:
            async with asyncio.timeout(ACK_SECONDS_MAX):
                answer = await self._ack
        except TimeoutError:
            raise FeedBroken("no acknowledgement") from None
        ack = msgspec.json.decode(answer.data or b"{}", type=api.Ack)
        if ack.seq != self._last + len(items):
            raise FeedBroken(ack.error.description if ack.error else f"acknowledged at {ack.seq}")
        self._last = ack.seq
        self._place = items[-1].place

    def _body(self, item: Item, described: shapes.Task | shapes.ContainerInstance | None) -> bytes:
        """Write an event's message; one that NATS does not carry with what it is about goes out without that."""
        body = message.payload(item, self._identity, described)
        fits = len(body) + HEADER_BYTES_MAX <= self._link.client.max_payload
        return body if fits or described is None else message.payload(item, self._identity, None)

    async def _answered(self, answer: Msg) -> None:
        if self._ack is not None and not self._ack.done():
            self._ack.set_result(answer)

    async def _describe(self, items: list[Item]) -> dict[object, shapes.Task | shapes.ContainerInstance]:
        """Ask the read models for what the events are about, once each."""
        asked: dict[tuple[str, str, bool], set[str]] = {}
        for item in items:
            if (key := _key(item)) is not None:
                asked.setdefault(key[:3], set()).add(key[3])
        if asked:
            await self._projector.wait(items[-1].sequence, BEHIND_SECONDS_MAX, patient=True)
        found: dict[object, shapes.Task | shapes.ContainerInstance] = {}
        models = self._projector.models
        for (namespace, cluster, is_task), names in asked.items():
            model = models.tasks if is_task else models.container_instances
            documents = await model.describe(Namespace.parse(namespace), cluster, sorted(names), ["TAGS"])
            found.update({(namespace, cluster, is_task, name): each for name, each in documents.items()})
        return found


async def _give_way(took_seconds: float) -> None:
    """Let commands go first: take no more than a share of the time while there are any, and lag behind if need be."""
    await asyncio.sleep(min(took_seconds * (1 / BUSY_SHARE_MAX - 1), GIVE_WAY_SECONDS_MAX))


def _key(item: Item) -> tuple[str, str, bool, str] | None:
    """Name the object to describe with an event, None if there is none."""
    event = item.event
    if isinstance(event, TaskEvent):
        return item.commit.namespace, event.cluster, True, event.task
    if isinstance(event, ContainerInstanceEvent):
        return item.commit.namespace, event.cluster, False, event.container_instance
    return None


def _items(records: list[Record], after: Place) -> Iterator[Item]:
    for record in records:
        if record.kind != "commits":
            continue
        for number, commit in enumerate(unseal(record.payload, record.sequence, None).commits, 1):
            for index, event in enumerate((*commit.events, *acted(commit)), 1):
                if (record.sequence, number, index) > after:
                    yield Item(record.sequence, number, index, commit, event)


async def open_stream(link: Link, position: Position, replicas: int) -> tuple[int, Place]:
    """Make the stream, anew if it is of another log or ahead of it; give its last sequence and the event there.

    Raises LogUnavailable, RefusedError.
    """
    config = {
        "name": FEED_STREAM,
        "subjects": [f"{message.PREFIX}>"],
        "retention": "limits",
        "storage": "memory",
        "discard": "old",
        "num_replicas": replicas,
        "max_bytes": SIZE_BYTES_MAX,
        "max_age": 0,
        "max_msgs": -1,
        "max_consumers": -1,
        "allow_direct": True,
        "duplicate_window": SECOND_NS,  # the order is guarded by expected sequences
        "metadata": {"log": position.identity},
    }
    try:
        answer = await api.call(link, f"STREAM.INFO.{FEED_STREAM}")
    except api.RefusedError as error:
        if error.refusal.err_code != api.STREAM_NOT_FOUND:
            raise
        answer = await api.call(link, f"STREAM.CREATE.{FEED_STREAM}", config)
    info = msgspec.json.decode(answer, type=_Info)
    place = await _last_place(link, info.state)
    if info.config.metadata.get("log") != position.identity or place[0] > position.sequence:
        log.warning("the feed was another log's: it begins anew", log=position.identity)
        await api.call(link, f"STREAM.DELETE.{FEED_STREAM}")
        return await open_stream(link, position, replicas)
    return info.state.last_seq, place


async def _last_place(link: Link, state: "_State") -> Place:
    if not state.messages:
        return BEGINNING
    body = {"seq": state.last_seq}
    stored = msgspec.json.decode(await api.call(link, f"STREAM.MSG.GET.{FEED_STREAM}", body), type=_Stored)
    return _place(b64decode(stored.message.hdrs).decode())


def _place(headers: str) -> Place:
    """Read an event's place from the headers it was published with; strangers' messages have none."""
    for line in headers.splitlines():
        name, _, value = line.partition(": ")
        parts = value.split(".")
        if name == MESSAGE_ID and len(parts) == len(BEGINNING) and all(each.isdigit() for each in parts):
            return int(parts[0]), int(parts[1]), int(parts[2])
    return BEGINNING


class _Config(msgspec.Struct, frozen=True):
    metadata: dict[str, str] = {}


class _State(msgspec.Struct, frozen=True):
    messages: int
    last_seq: int


class _Info(msgspec.Struct, frozen=True):
    config: _Config
    state: _State


class _Message(msgspec.Struct, frozen=True):
    hdrs: str = ""


class _Stored(msgspec.Struct, frozen=True):
    message: _Message
