"""Channel: two sides that talk in frames, over NATS or within one process; each waits when the other is slow.

ChannelClosed        the other side went away, or something was lost on the way
└── NobodyListens    there was none from the beginning
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, Protocol

import msgspec
import nats.errors

from quarterdeck.events.log.connect import Link
from quarterdeck.events.session import (
    BEAT_SECONDS,
    SILENCE_SECONDS_MAX,
    AnyFrame,
    Ended,
    Flow,
    Packet,
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Packet)


class ChannelClosed(Exception):
    """There is nobody to talk to any more; says why."""


class NobodyListens(ChannelClosed):
    """No agent takes calls there."""


class Channel(Protocol):
    """One side of a talk."""

    async def send(self, frame: AnyFrame) -> None:
        """Say something, once the other side has room for it. Raises ChannelClosed."""
        ...

    async def receive(self) -> AnyFrame:
        """Wait for what the other side says next. Raises ChannelClosed."""
        ...

    async def keep(self) -> None:
        """Give signs of life, and expect them; has to run as long as it is in use."""
        ...

    async def gone(self) -> None:
        """Raise ChannelClosed as soon as it is closed, whether or not anybody receives."""
        ...


class PacketChannel:
    """A channel that publishes its packets; those of the other side are handed to ``arrived``."""

    def __init__(self, publish: Callable[[bytes], Awaitable[None]]) -> None:
        self._write = publish
        self._flow = Flow()
        self._frames: deque[AnyFrame] = deque()
        self._stirred = asyncio.Event()
        self._closed: ChannelClosed | None = None
        self._heard_at = asyncio.get_running_loop().time()

    def arrived(self, data: bytes) -> None:
        """Take a message in (from nats-py's callback: must neither raise nor wait)."""
        try:
            packet = _decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            self.close(ChannelClosed(f"what arrived can't be read: {error}"))
            return
        self._heard_at = asyncio.get_running_loop().time()
        if wrong := self._flow.hear(packet):
            self.close(ChannelClosed(wrong))
        elif packet.frame is not None:
            self._frames.append(packet.frame)
        self._stirred.set()

    def close(self, why: ChannelClosed) -> None:
        """Say no more; what has arrived can still be received."""
        self._closed = self._closed or why
        self._stirred.set()

    async def send(self, frame: AnyFrame) -> None:
        """Publish, once the window has room; the last word does not wait."""
        while not self._flow.may_send and not self._closed and not isinstance(frame, Ended):
            await self._stir()
        if self._closed:
            raise self._closed
        await self._publish(self._flow.packet(frame))

    async def receive(self) -> AnyFrame:
        """Take the next frame."""
        while not self._frames:
            if self._closed:
                raise self._closed
            await self._stir()
        frame = self._frames.popleft()
        self._flow.take()
        if self._flow.should_tell and not self._closed:
            await self._publish(self._flow.packet())
        return frame

    async def keep(self) -> None:
        """Beat, and close when nothing is heard from the other side."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            await asyncio.sleep(BEAT_SECONDS)
            if loop.time() - self._heard_at > SILENCE_SECONDS_MAX:
                self.close(ChannelClosed(f"nothing was heard for {SILENCE_SECONDS_MAX:g} s"))
            with suppress(ChannelClosed):
                await self._publish(self._flow.packet())

    async def gone(self) -> None:
        """Wait for the end: one who is busy with what was received would not hear of it."""
        while self._closed is None:
            await self._stir()
        raise self._closed

    async def _stir(self) -> None:
        """Wait until something happened; several may wait."""
        stirred = self._stirred
        if stirred.is_set():
            stirred = self._stirred = asyncio.Event()
        await stirred.wait()

    async def _publish(self, packet: Packet) -> None:
        try:
            await self._write(_encoder.encode(packet))
        except (nats.errors.Error, OSError) as error:
            closed = ChannelClosed(f"the connection to NATS: {str(error) or type(error).__name__}")
            self.close(closed)
            raise closed from error


def over(link: Link, to: str) -> PacketChannel:
    """Make a channel that publishes to a NATS subject."""
    return PacketChannel(partial(link.client.publish, to))


@asynccontextmanager
async def kept(channel: PacketChannel, *beside: Coroutine[Any, Any, None]) -> AsyncIterator[PacketChannel]:
    """Keep a channel for the length of a block, with other work ``beside`` it; then say goodbye.

    What the block raises comes out as it is, not in a group.
    """
    failure: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(channel.keep(), name="signs of life")
        for work in beside:
            group.create_task(work, name="the other side")
        try:
            yield channel
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised below
            failure = error
        finally:
            keeping.cancel()
            with suppress(ChannelClosed):
                await channel.send(Ended())
    if failure is not None:
        raise failure


def pair() -> tuple[PacketChannel, PacketChannel]:
    """Make the two ends of a channel within this process."""

    async def there(data: bytes) -> None:
        theirs.arrived(data)

    async def here(data: bytes) -> None:
        ours.arrived(data)

    ours, theirs = PacketChannel(there), PacketChannel(here)
    return ours, theirs
