"""Channel: two sides that talk in frames, over NATS or within one process; each waits when the other is slow.

ChannelClosed    the other side ended it, went away, or something was lost on the way
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

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


class Channel(Protocol):
    """One side of a talk."""

    async def send(self, frame: AnyFrame) -> None:
        """Say something, once the other side has room for it. Raises ChannelClosed."""
        ...

    async def receive(self) -> AnyFrame:
        """Wait for what the other side says next. Raises ChannelClosed."""
        ...


class PacketChannel:
    """A channel that publishes its packets; those of the other side are handed to ``arrived``.

    ``keep`` has to run as long as it is in use: it gives and expects signs of life.
    """

    def __init__(self, publish: Callable[[bytes], Awaitable[None]]) -> None:
        self._write = publish
        self._flow = Flow()
        self._frames: deque[AnyFrame] = deque()
        self._stirred = asyncio.Event()
        self._closed = ""
        self._heard_at = asyncio.get_running_loop().time()

    def arrived(self, data: bytes) -> None:
        """Take a message in (from nats-py's callback: must neither raise nor wait)."""
        try:
            packet = _decoder.decode(data)
        except msgspec.MsgspecError as error:
            self.close(f"what arrived can't be read: {error}")
            return
        self._heard_at = asyncio.get_running_loop().time()
        if wrong := self._flow.hear(packet):
            self.close(wrong)
        elif packet.frame is not None:
            self._frames.append(packet.frame)
        self._stirred.set()

    def close(self, why: str) -> None:
        """Say no more; what has arrived can still be received."""
        self._closed = self._closed or why
        self._stirred.set()

    async def send(self, frame: AnyFrame) -> None:
        """Publish, once the window has room; the last word does not wait."""
        while not self._flow.may_send and not self._closed and not isinstance(frame, Ended):
            await self._stir()
        if self._closed:
            raise ChannelClosed(self._closed)
        await self._publish(self._flow.packet(frame))

    async def receive(self) -> AnyFrame:
        """Take the next frame."""
        while not self._frames:
            if self._closed:
                raise ChannelClosed(self._closed)
            await self._stir()
        frame = self._frames.popleft()
        self._flow.take()
        if self._flow.should_tell and not self._closed:
            await self._publish(self._flow.packet())
        return frame

    async def keep(self) -> None:
        """Give signs of life, and close when there are none from the other side."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            await asyncio.sleep(BEAT_SECONDS)
            if loop.time() - self._heard_at > SILENCE_SECONDS_MAX:
                self.close(f"nothing was heard for {SILENCE_SECONDS_MAX:g} s")
            with suppress(ChannelClosed):
                await self._publish(self._flow.packet())

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
            self.close(f"the connection to NATS: {str(error) or type(error).__name__}")
            raise ChannelClosed(self._closed) from error


def over(link: Link, to: str) -> PacketChannel:
    """Make a channel that publishes to a NATS subject."""
    return PacketChannel(partial(link.client.publish, to))


def pair() -> tuple[PacketChannel, PacketChannel]:
    """Make the two ends of a channel within this process."""

    async def there(data: bytes) -> None:
        theirs.arrived(data)

    async def here(data: bytes) -> None:
        ours.arrived(data)

    ours, theirs = PacketChannel(there), PacketChannel(here)
    return ours, theirs
