"""Intake: takes requests from one NATS subject and has a bounded number of them answered at a time.

nats-py runs a subscription's callbacks one after another, so they only hand over: to a worker that is idle, or to a
new one while there are fewer than ``in_flight_max``. Requests are begun in the order they came. Above that number
the answer is at once that it is too much (ThrottlingException); a request is never left without an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import Refusal, ServerException, ThrottlingException
from quarterdeck.engine.doors.reply import Reply, failed, refused
from quarterdeck.events.log.connect import Link

LEAVE_SECONDS_MAX = 2.0

log = structlog.get_logger(__name__)


class Intake:
    """One subscription and its workers; `run` is their whole life."""

    def __init__(
        self,
        link: Link,
        subject: str,
        answer: Callable[[Msg], Awaitable[Reply]],
        position: Callable[[], int],
        in_flight_max: int,
    ) -> None:
        self.listening = asyncio.Event()
        self._link = link
        self._subject = subject
        self._answer = answer
        self._position = position
        self._in_flight_max = in_flight_max
        self._idle: list[asyncio.Future[Msg]] = []
        self._workers = 0
        self._group: asyncio.TaskGroup | None = None

    @property
    def in_flight(self) -> int:
        """Requests taken and not answered yet."""
        return self._workers - len(self._idle)

    async def run(self) -> None:
        """Take requests until cancelled; then answer what was taken, for at most LEAVE_SECONDS_MAX."""
        async with asyncio.TaskGroup() as self._group:
            subscription = await self._link.client.subscribe(self._subject, queue="engine", cb=self._arrived)
            with suppress(nats.errors.Error):  # then it is subscribed when the connection is back
                await self._link.flush()
            self.listening.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.listening.clear()
                with suppress(nats.errors.Error):
                    await subscription.unsubscribe()
                await self._leave()

    async def _leave(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS_MAX):
                while self.in_flight:
                    await asyncio.sleep(0.005)

    async def _arrived(self, message: Msg) -> None:
        if self._idle:
            self._idle.pop().set_result(message)
        elif self._group is None:
            return
        elif self._workers < self._in_flight_max:
            self._workers += 1
            self._group.create_task(self._work(message), name=f"{self._subject} worker {self._workers}")
        else:
            await self._refuse(message)

    async def _refuse(self, message: Msg) -> None:
        if message.reply:
            await self._send(message, refused(ThrottlingException("Rate exceeded"), self._position()))

    async def _work(self, message: Msg) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._serve(message)
            handed_over: asyncio.Future[Msg] = loop.create_future()
            self._idle.append(handed_over)
            message = await handed_over

    async def _serve(self, message: Msg) -> None:
        try:
            reply = await self._answer(message)
        except Refusal as refusal:
            reply = refused(refusal, self._position())
        except Exception as error:  # whoever asked hears of our mistake
            log.exception("a request failed", subject=message.subject)
            reply = failed(message.subject, error, self._position())
        if message.reply:
            await self._send(message, reply)

    async def _send(self, message: Msg, reply: Reply) -> None:
        try:
            await deliver(self._link, message.reply, reply, self._position())
        except nats.errors.Error as error:
            log.warning("an answer could not be sent", subject=message.subject, error=str(error))


async def deliver(link: Link, subject: str, reply: Reply, position: int) -> None:
    """Publish an answer, or that it is longer than NATS carries. Raises nats-py's errors.

    A server counts headers too, which nats-py does not, and ends the connection of who sends more.
    """
    if len(reply.payload) + _header_bytes(reply.headers) > link.client.max_payload:
        too_long = ServerException(
            f"The answer has {len(reply.payload)} bytes, more than NATS carries. The operation was carried out; "
            "ask for less at once."
        )
        short = refused(too_long, position)
        reply = msgspec.structs.replace(short, headers={**reply.headers, **short.headers})
    await link.client.publish(subject, reply.payload, headers=reply.headers)


def _header_bytes(headers: Mapping[str, str]) -> int:
    """Count what headers take: the line of the version, a line each, and an empty one."""
    return len("NATS/1.0\r\n\r\n") + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())
