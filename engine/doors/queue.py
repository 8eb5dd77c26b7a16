"""Queue: commands that wait in a stream until an engine is up, each carried out exactly once.

Publish to ``qd.queue.<region>.<account>.<cluster>.<Operation>`` with a ``Nats-Msg-Id``. The message is taken off the
stream only after its commit is in the log; when the engine dies in between it comes again, and its id finds the
commit. A refused command is taken off too; weather (ServerException) is tried again, less and less often. What came
of it goes out on ``qd.answer.<region>.<account>.<cluster>.<Operation>``, with the command's id in a header.

The consumer is pulled by hand: nats-py's ``fetch`` makes a task per message and loses some when it is cancelled.
"""

import asyncio
from contextlib import suppress

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.doors.commands import Messages, command_id
from quarterdeck.engine.doors.intake import deliver
from quarterdeck.engine.doors.reply import COMMAND, SEQUENCE, Reply
from quarterdeck.events.log import api
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogUnavailable

STREAM = "QD_QUEUE"
CONSUMER = "engine"
PREFIX = "qd.queue."
ANSWERS = "qd.answer."
SECOND_NS = 10**9
ACK_SECONDS_MAX = 30
IN_FLIGHT_MAX = 1_024
PULL_MESSAGES_MAX = 256
PULL_BYTES_MAX = 4 << 20
PULL_SECONDS_MAX = 30
HEARTBEAT_SECONDS = 1
SILENCE_SECONDS_MAX = 2.5
RETRY_SECONDS_MIN = 0.1
RETRY_SECONDS_MAX = 60.0
DOUBLINGS_MAX = 12
SIZE_BYTES_MAX = 1 << 30
ACK_PREFIX = "$JS.ACK."
ACK_TOKENS_SHORT = 9
IDLE = "100"
ENDS_OF_A_PULL = ("404", "408")
END_BY_BYTES = "Message Size Exceeds MaxBytes"

log = structlog.get_logger(__name__)


class Queue:
    """The durable queue's only worker."""

    def __init__(self, link: Link, messages: Messages, replicas: int = 1) -> None:
        self.listening = asyncio.Event()
        self._link = link
        self._messages = messages
        self._replicas = replicas
        self._inbox = ""
        self._waiting: asyncio.Queue[Msg] = asyncio.Queue()
        self._heard_at = 0.0
        self._asked = 0
        self._incarnation = 0
        self._created = ""
        self._slots = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def run(self) -> None:
        """Carry out what is in the queue until cancelled."""
        self._inbox = self._link.client.new_inbox()
        await self._persist()
        subscription = await self._link.client.subscribe(f"{self._inbox}.*", cb=self._arrived)
        self._link.watch(back=self._silent)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pull(), name="pulls from the queue")
                self.listening.set()
                while True:
                    message = await self._waiting.get()
                    await self._slots.acquire()
                    group.create_task(self._serve(message), name=f"queued {message.subject}")
        finally:
            self._link.forget(self._silent)
            with suppress(nats.errors.Error):
                await subscription.unsubscribe()

    async def _persist(self) -> None:
        """Make stream and consumer, as soon as the server lets it."""
        pause_seconds = RETRY_SECONDS_MIN
        while True:
            try:
                self._created = await ensure(self._link, self._replicas)
            except (LogUnavailable, api.RefusedError) as error:
                log.warning("the durable queue cannot be opened", error=str(error))
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, RETRY_SECONDS_MAX)
            else:
                return

    async def _pull(self) -> None:
        """Keep one pull open; after silence begin afresh, with a new reply subject."""
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() - self._heard_at > SILENCE_SECONDS_MAX:
                if self._incarnation:
                    await self._persist()
                self._incarnation += 1
                self._asked = 0
                self._heard_at = loop.time()
            if self._asked <= 0 and self._waiting.qsize() < PULL_MESSAGES_MAX and self._link.client.is_connected:
                await self._ask()
            await asyncio.sleep(0.02 if self._asked <= 0 else 0.1)

    async def _ask(self) -> None:
        request = {
            "batch": PULL_MESSAGES_MAX,
            "max_bytes": PULL_BYTES_MAX,
            "expires": PULL_SECONDS_MAX * SECOND_NS,
            "idle_heartbeat": HEARTBEAT_SECONDS * SECOND_NS,
        }
        self._asked = PULL_MESSAGES_MAX
        with suppress(nats.errors.Error):  # then silence begins afresh
            await self._link.client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}",
                msgspec.json.encode(request),
                f"{self._inbox}.{self._incarnation}",
            )

    async def _arrived(self, message: Msg) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if message.reply.startswith(ACK_PREFIX):
            self._asked -= 1
            self._waiting.put_nowait(message)
        elif message.subject == f"{self._inbox}.{self._incarnation}":
            self._told((message.headers or {}).get("Status", ""), (message.headers or {}).get("Description", ""))

    def _told(self, status: str, description: str) -> None:
        if status in ENDS_OF_A_PULL or description.startswith(END_BY_BYTES):
            self._asked = 0
        elif status != IDLE:
            self._silent()

    def _silent(self) -> None:
        self._heard_at = 0.0

    async def _serve(self, message: Msg) -> None:
        delivered, sequence = _place(message.reply)
        try:
            token = _token(message) or f"queue/{self._created}/{sequence}"
            reply = await self._messages.carry_out(PREFIX, message, token)
            await self._settle(message, reply, token, delivered)
        except nats.errors.Error as error:
            log.warning("a queued command was not settled: it comes again", error=str(error))
        except Exception:  # it comes again after ACK_SECONDS_MAX
            log.exception("a queued command failed", subject=message.subject)
        finally:
            self._slots.release()

    async def _settle(self, message: Msg, reply: Reply, token: str, delivered: int) -> None:
        client = self._link.client
        if reply.retry:
            seconds = min(RETRY_SECONDS_MIN * 2 ** min(delivered, DOUBLINGS_MAX), RETRY_SECONDS_MAX)
            log.warning("a queued command is tried again", subject=message.subject, seconds=seconds)
            await client.publish(message.reply, b'-NAK {"delay": %d}' % int(seconds * SECOND_NS))
            return
        named = msgspec.structs.replace(reply, headers={**reply.headers, COMMAND: token})
        subject = ANSWERS + message.subject.removeprefix(PREFIX)
        await deliver(self._link, subject, named, int(reply.headers[SEQUENCE]))
        await client.publish(message.reply, b"+TERM refused" if reply.error else b"+ACK")


async def ensure(link: Link, replicas: int) -> str:
    """Make the stream and its consumer if they are not there; give the time the stream was made.

    Raises LogUnavailable, RefusedError.
    """
    stream = {
        "name": STREAM,
        "subjects": [f"{PREFIX}>"],
        "retention": "workqueue",
        "storage": "file",
        "discard": "new",
        "num_replicas": replicas,
        "max_bytes": SIZE_BYTES_MAX,
        "max_consumers": -1,
        "max_msgs": -1,
        "max_age": 0,
        "deny_delete": True,
        "duplicate_window": 120 * SECOND_NS,
    }
    try:
        await api.call(link, f"STREAM.CREATE.{STREAM}", stream)
    except api.RefusedError as error:
        if error.refusal.err_code != api.STREAM_NAME_IN_USE:
            raise
    consumer = {
        "durable_name": CONSUMER,
        "ack_policy": "explicit",
        "ack_wait": ACK_SECONDS_MAX * SECOND_NS,
        "max_ack_pending": IN_FLIGHT_MAX,
        "max_deliver": -1,
        "deliver_policy": "all",
    }
    body = {"stream_name": STREAM, "config": consumer}
    await api.call(link, f"CONSUMER.DURABLE.CREATE.{STREAM}.{CONSUMER}", body)
    info = msgspec.json.decode(await api.call(link, f"STREAM.INFO.{STREAM}"))
    return str(info["created"])


def _token(message: Msg) -> str:
    """Find the sender's id; one that is not valid is refused when the command is carried out."""
    try:
        return command_id(message.headers)
    except Refusal:
        return ""


def _place(reply: str) -> tuple[int, int]:
    """Read how often a message was delivered and its sequence from where to acknowledge it."""
    tokens = reply.split(".")
    shift = 0 if len(tokens) == ACK_TOKENS_SHORT else 2  # a domain and an account's hash may stand before the stream
    return int(tokens[4 + shift]), int(tokens[5 + shift])
