"""Reader: whatever happens to its consumer, its connection or the server, nothing is lost, repeated or reordered."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from quarterdeck.events.log import api, reader
from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.connect import Link, connect
from quarterdeck.events.log.errors import LogError
from quarterdeck.events.log.jetstream import JetStreamLog
from quarterdeck.events.log.mailbox import Mailbox
from quarterdeck.events.log.port import Log, Record
from quarterdeck.events.log.server import Server
from quarterdeck.events.log.stream import Names
from tests.events.log.worlds import JetStreamWorld, fill, payloads, records

pytestmark = [pytest.mark.asyncio, pytest.mark.nats, pytest.mark.timeout(50)]


class Consumers(msgspec.Struct):
    """The answer of CONSUMER.NAMES."""

    consumers: list[str] | None


async def consumers(link: Link, shard: int) -> list[str]:
    """Name the consumers of a log."""
    answer = await api.call(link, f"CONSUMER.NAMES.{Names(shard).stream}")
    return msgspec.json.decode(answer, type=Consumers).consumers or []


async def one_more(batches: AsyncGenerator[list[Record], None]) -> list[Record]:
    """Wait for the next batch, as a coroutine."""
    return await anext(batches)


async def follow(log: Log, seen: list[Record], until: Callable[[], bool]) -> None:
    """Follow a log into ``seen`` until told that it is enough."""
    async with aclosing(log.read(0, follow=True)) as batches:
        async for batch in batches:
            seen += batch
            if until():
                return


async def write_through_kills(log: JetStreamLog, server: Server, kills: int) -> list[bytes]:
    """Append without pause, claim again after each failure, kill the server some times; returns what was acked."""
    acked: list[bytes] = []
    last = (await log.claim("keeper-1")).sequence
    for kill in range(kills + 1):
        for number in range(200):
            payload = b"%d.%d" % (kill, number)
            if number == 150 and kill < kills:
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
            try:
                last = await log.append(payload, last)
            except LogError:
                last = (await log.claim("keeper-1")).sequence
            else:
                acked.append(payload)
    return acked


async def test_a_follower_survives_kills_of_the_server_while_appends_go_on(data: Path) -> None:
    async with Server(ServerSettings(data=data)) as server, JetStreamWorld(server, 0).open() as log:
        done = False
        seen: list[Record] = []
        async with JetStreamWorld(server, 0).open() as other, asyncio.TaskGroup() as group:
            following = group.create_task(
                follow(other, seen, lambda: done and seen[-1].payload == b"end"), name="follower"
            )
            acked = await write_through_kills(log, server, kills=2)
            done = True
            await log.append(b"end", (await log.claim("keeper-1")).sequence)
            await following
        assert server.restarts == 2
        assert [record.sequence for record in seen] == list(range(1, len(seen) + 1))
        assert seen == await records(log)
        stored = [record.payload for record in seen if record.kind == "commits"]
        assert [payload for payload in stored if payload in set(acked)] == acked


async def test_a_follower_survives_the_deletion_of_its_consumer(jetstream: JetStreamWorld) -> None:
    async with jetstream.open() as log, aclosing(log.read(0, follow=True)) as batches:
        last = await fill(log, (await log.claim("keeper-1")).sequence, [b"x"] * 3)
        link = await connect(jetstream.server.address(), "administrator")
        seen: list[Record] = []
        for _ in range(3):
            while len(seen) < last:
                seen += await anext(batches)
            for name in await consumers(link, jetstream.shard):
                await api.call(link, f"CONSUMER.DELETE.{Names(jetstream.shard).stream}.{name}")
            last = await fill(log, last, [b"y"] * 3)
        assert [record.sequence for record in seen] == list(range(1, last - 2))
        await link.close()


async def test_a_follower_notices_silence(jetstream: JetStreamWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pulls go nowhere, as after a loss on the way: no heartbeat comes, so it begins afresh."""
    monkeypatch.setattr(reader, "SILENCE_SECONDS_MAX", 0.3)
    async with jetstream.open() as log, aclosing(log.read(0, follow=True)) as batches:
        last = await fill(log, (await log.claim("keeper-1")).sequence, [b"x"] * 3)
        assert len(await anext(batches)) == last
        mailbox = mailbox_of(batches)
        mailbox.consumer = "nobody"
        await fill(log, last, [b"y"] * 3)
        found = await anext(batches)
        assert (found[0].sequence, found[0].payload) == (last + 1, b"y")


def mailbox_of(batches: AsyncGenerator[list[Record], None]) -> Mailbox:
    """Reach into a running read; there is no other way to spoil its consumer unseen."""
    frame = batches.ag_frame  # type: ignore[attr-defined]
    mailbox: Mailbox = frame.f_locals["reader"]._mailbox
    return mailbox


async def test_an_idle_follower_gets_what_comes_after_several_pulls_expired(
    jetstream: JetStreamWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "PULL_SECONDS_MAX", 0.3)
    monkeypatch.setattr(reader, "HEARTBEAT_SECONDS", 0.1)
    pulls = 0
    asked = Mailbox.asked

    def count(self: Mailbox, size_bytes: int) -> None:
        nonlocal pulls
        pulls += 1
        asked(self, size_bytes)

    monkeypatch.setattr(Mailbox, "asked", count)
    async with jetstream.open() as log, aclosing(log.read(0, follow=True)) as batches:
        epoch = await log.claim("keeper-1")
        assert len(await anext(batches)) == 1
        waiting = asyncio.get_running_loop().create_task(one_more(batches), name="reader")
        async with asyncio.timeout(10):
            while pulls < 8:
                await asyncio.sleep(0.01)
        assert not waiting.done()
        await log.append(b"x", epoch.sequence)
        assert [record.payload for record in await waiting] == [b"x"]
        assert mailbox_of(batches).consumer.endswith("_1"), "expired pulls are no reason for a new consumer"


async def test_a_large_log_is_read_in_bounded_batches_by_a_slow_reader(
    jetstream: JetStreamWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window is smaller than the log many times over; what was asked for never exceeds it."""
    monkeypatch.setattr(reader, "WINDOW_BYTES_MAX", 100_000)
    monkeypatch.setattr(reader, "PULL_BYTES", 50_000)
    async with jetstream.open() as log:
        wanted = [os.urandom(1 + n % 9_000) for n in range(0, 90_000, 300)]
        await fill(log, (await log.claim("keeper-1")).sequence, wanted)
        found: list[bytes] = []
        async with aclosing(log.read(1)) as batches:
            async for batch in batches:
                found += [record.payload for record in batch]
                assert mailbox_of(batches).load_bytes <= 100_000
                await asyncio.sleep(0)
        assert found == wanted


async def test_a_reader_slower_than_its_consumer_lives_goes_on(
    jetstream: JetStreamWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a batch and comes back after the server has given the consumer up: nothing is asked of a dead one."""
    monkeypatch.setattr(reader, "IDLE_CONSUMER_SECONDS_MAX", 0.2)
    monkeypatch.setattr(reader, "PULL_SECONDS_MAX", 0.2)
    monkeypatch.setattr(reader, "HEARTBEAT_SECONDS", 0.1)
    async with jetstream.open() as log, aclosing(log.read(0, follow=True)) as batches:
        last = await fill(log, (await log.claim("keeper-1")).sequence, [b"x"] * 3)
        assert len(await anext(batches)) == last
        link = await connect(jetstream.server.address(), "administrator")
        async with asyncio.timeout(10):
            while await consumers(link, jetstream.shard):
                await asyncio.sleep(0.01)
        await log.append(b"y", last)
        assert [record.payload for record in await anext(batches)] == [b"y"]
        await link.close()


async def test_a_reader_leaves_no_consumer_behind(jetstream: JetStreamWorld) -> None:
    async with jetstream.open() as log:
        await fill(log, (await log.claim("keeper-1")).sequence, [b"x"] * 3)
        assert await payloads(log) == [b"x"] * 3
        link = await connect(jetstream.server.address(), "administrator")
        async with asyncio.timeout(5):
            while await consumers(link, jetstream.shard):
                await asyncio.sleep(0.01)
        await link.close()


async def test_a_reading_that_is_over_leaves_nothing_with_the_connection(jetstream: JetStreamWorld) -> None:
    async with jetstream.open() as log:
        await fill(log, (await log.claim("keeper-1")).sequence, [b"x"])
        watching = [len(each) for each in (log._reading._lost, log._reading._back)]
        for _ in range(3):
            assert len(await records(log)) == 2
        assert [len(each) for each in (log._reading._lost, log._reading._back)] == watching
