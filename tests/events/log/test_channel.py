"""Channels: each side waits for the other, hears when it is gone, and loses nothing unnoticed."""

from __future__ import annotations

import asyncio

import pytest

from quarterdeck.events.log import channel
from quarterdeck.events.log.channel import ChannelClosed, PacketChannel, kept, pair
from quarterdeck.events.session import WINDOW_FRAMES, Ended, Input, Opened


async def test_frames_arrive_in_order_whoever_sends() -> None:
    here, there = pair()
    for number in range(WINDOW_FRAMES):
        await here.send(Input(b"%d" % number))
    await there.send(Opened())
    assert await here.receive() == Opened()
    assert [await there.receive() for _ in range(WINDOW_FRAMES)] == [
        Input(b"%d" % each) for each in range(WINDOW_FRAMES)
    ]


async def test_a_sender_waits_for_a_reader_and_the_last_word_does_not() -> None:
    here, there = pair()
    async with asyncio.TaskGroup() as group:
        for _ in range(WINDOW_FRAMES):
            await here.send(Input(b"x"))
        waiting = group.create_task(here.send(Input(b"one more")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
        await there.send(Ended())
        for _ in range(WINDOW_FRAMES + 1):
            await there.receive()
    assert await here.receive() == Ended()


async def test_a_hundred_windows_pass_through() -> None:
    here, there = pair()

    async def send() -> None:
        for number in range(100 * WINDOW_FRAMES):
            await here.send(Input(b"%d" % number))

    async with asyncio.TaskGroup() as group:
        group.create_task(send())
        for number in range(100 * WINDOW_FRAMES):
            assert await there.receive() == Input(b"%d" % number)


async def test_a_lost_packet_closes_the_channel_after_what_arrived_before() -> None:
    sent: list[bytes] = []

    async def publish(data: bytes) -> None:
        sent.append(data)

    here, there = PacketChannel(publish), PacketChannel(publish)
    for word in (b"a", b"b", b"c"):
        await here.send(Input(word))
    there.arrived(sent[0])
    there.arrived(sent[2])
    assert await there.receive() == Input(b"a")
    with pytest.raises(ChannelClosed, match="part 2 was lost"):
        await there.receive()
    with pytest.raises(ChannelClosed, match="part 2 was lost"):
        await there.send(Opened())


async def test_what_can_not_be_read_closes_the_channel() -> None:
    here, _ = pair()
    here.arrived(b"\xc1 garbage")
    with pytest.raises(ChannelClosed, match="can't be read"):
        await here.receive()


async def test_silence_closes_the_channel_and_signs_of_life_keep_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(channel, "SILENCE_SECONDS_MAX", 0.1)
    here, there = pair()
    async with asyncio.TaskGroup() as group:
        beats = [group.create_task(each.keep()) for each in (here, there)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await here.receive()
        beats[1].cancel()
        with pytest.raises(ChannelClosed, match="nothing was heard"):
            await here.receive()
        beats[0].cancel()


async def test_a_block_says_goodbye_and_raises_its_own_error() -> None:
    here, there = pair()
    with pytest.raises(ValueError, match="mine"):
        async with kept(here):
            raise ValueError("mine")
    assert await there.receive() == Ended()


@pytest.mark.parametrize("said", [b"\x93\x01\x00\x81\xa4kind\xa1\xff", b"\x93\x01\x00\xa1\xff"])
async def test_text_that_is_none_closes_the_channel(said: bytes) -> None:
    here, _ = pair()
    here.arrived(said)
    with pytest.raises(ChannelClosed, match="can't be read"):
        await here.receive()
