"""Acks: publishes into a stream and their answers, matched by token, each with a deadline of its own.

nats-py's ``publish_async`` never completes when an answer is lost, and a cancelled publish is swallowed by its
flusher; here every publish ends with the answer, at its deadline, or when the connection goes.
"""

import asyncio
from typing import TYPE_CHECKING

import msgspec
import nats.errors
from nats.aio.msg import Msg

from quarterdeck.events.log.api import Ack, publish_error
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogError, LogUnavailable, OutcomeUnknown, PayloadTooLarge

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

_decoder = msgspec.json.Decoder(Ack)


class Acks:
    """The publishes in flight on one connection, oldest first."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._inbox = link.client.new_inbox()
        self._waiting: dict[str, asyncio.Future[int]] = {}
        self._count = 0
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Listen for answers."""
        self._subscription = await self._link.client.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._link.watch(lost=self._lost)

    async def publish(self, subject: str, payload: bytes, headers: dict[str, str], seconds_max: float) -> int:
        """Publish and wait for the stored sequence.

        Raises Fenced, OutcomeUnknown, LogFull, PayloadTooLarge, and LogUnavailable when nothing was sent.
        """
        self._link.check()
        loop = asyncio.get_running_loop()
        self._count += 1
        token = str(self._count)
        future: asyncio.Future[int] = loop.create_future()
        self._waiting[token] = future
        deadline = loop.call_later(seconds_max, self._late, token, seconds_max)
        try:
            await self._link.client.publish(subject, payload, f"{self._inbox}.{token}", headers)
            return await future
        except nats.errors.MaxPayloadError as error:
            message = f"{len(payload)} bytes are more than the NATS server takes"
            raise PayloadTooLarge(message) from error
        except (nats.errors.Error, OSError) as error:
            message = f"the connection to NATS failed: {str(error) or type(error).__name__}"
            raise OutcomeUnknown(message) from error
        finally:
            deadline.cancel()
            self._waiting.pop(token, None)

    async def stop(self) -> None:
        """Stop listening; what is in flight fails as unknown."""
        self._link.forget(self._lost)
        self._lost()
        if self._subscription is not None and not self._link.client.is_closed:
            try:
                await self._subscription.unsubscribe()
            except nats.errors.Error as error:
                raise LogUnavailable(str(error)) from error

    def _late(self, token: str, seconds: float) -> None:
        self._fail(token, OutcomeUnknown(f"no answer within {seconds} s"))

    def _lost(self) -> None:
        for token in list(self._waiting):
            self._fail(token, OutcomeUnknown("the connection was lost before the answer came"))

    def _fail(self, token: str, error: LogError) -> None:
        future = self._waiting.pop(token, None)
        if future is not None and not future.done():
            future.set_exception(error)

    async def _answered(self, message: Msg) -> None:
        token = message.subject[len(self._inbox) + 1 :]
        if message.headers is not None and not message.data:
            self._fail(token, OutcomeUnknown(f"nobody took it (status {message.headers.get('Status')})"))
            return
        try:
            ack = _decoder.decode(message.data)
        except msgspec.DecodeError as error:
            self._fail(token, OutcomeUnknown(f"the answer cannot be read: {error}"))
            return
        if ack.error is not None:
            self._fail(token, publish_error(ack.error))
            return
        future = self._waiting.pop(token, None)
        if future is not None and not future.done():
            future.set_result(ack.seq)
