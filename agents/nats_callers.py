"""Callers over NATS: clients that read logs or run commands here (subjects: events/session)."""

import asyncio
from contextlib import suppress

import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.agents.link import Serve
from quarterdeck.agents.spawn import spawn
from quarterdeck.events.log.channel import PacketChannel, over
from quarterdeck.events.log.connect import Link
from quarterdeck.events.session import INPUT, OPEN, out

RETRY_SECONDS = 1.0
TOKEN_CHARACTERS_MIN = 32

logger = structlog.get_logger(__name__)


async def listen(link: Link, prefix: str, serve: Serve) -> None:
    """Attend to whoever calls on ``<prefix>open``, until cancelled; a subscription that fails is tried again."""
    async with asyncio.TaskGroup() as group:
        callers = Callers(link, prefix, serve, group)
        while True:
            try:
                subscription = await link.client.subscribe(f"{prefix}>", cb=callers.arrived)
            except (nats.errors.Error, OSError) as error:
                logger.warning("clients can't reach this agent yet", why=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                await asyncio.Event().wait()
            finally:
                with suppress(nats.errors.Error):
                    await subscription.unsubscribe()


class Callers:
    """The channels there are, by their tokens."""

    def __init__(self, link: Link, prefix: str, serve: Serve, group: asyncio.TaskGroup) -> None:
        self._link = link
        self._prefix = prefix
        self._serve = serve
        self._group = group
        self._channels: dict[str, PacketChannel] = {}

    async def arrived(self, message: Msg) -> None:
        """Hand over what a client says (nats-py's callback: must neither raise nor wait)."""
        what, _, token = message.subject.removeprefix(self._prefix).partition(".")
        if what == INPUT and token in self._channels:
            self._channels[token].arrived(message.data)
        elif what == OPEN:
            self._open(message)

    def _open(self, message: Msg) -> None:
        token = message.reply.removeprefix(out(""))
        if message.reply != out(token) or len(token) < TOKEN_CHARACTERS_MIN or token in self._channels:
            return
        channel = self._channels[token] = over(self._link, message.reply)
        channel.arrived(message.data)
        spawn(self._group, self._attend(token, channel), name=f"caller {token}")

    async def _attend(self, token: str, channel: PacketChannel) -> None:
        try:
            await self._serve(channel)
        finally:
            del self._channels[token]
