"""JetStream log: what only a server can do to a log, and what is refused before anything is written."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.events.log import api, monitor
from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.connect import Address, connect
from quarterdeck.events.log.errors import Gap, LogFull, LogMisconfigured, LogUnavailable, OutcomeUnknown
from quarterdeck.events.log.jetstream import open_log
from quarterdeck.events.log.server import Server, free_port
from quarterdeck.events.log.stream import Names
from tests.events.log.worlds import JetStreamWorld, fill, payloads, records

pytestmark = [pytest.mark.asyncio, pytest.mark.nats, pytest.mark.timeout(30)]

PAUSE_SECONDS_MAX = 10


async def call(server: Server, subject: str, body: Any = None) -> bytes:
    """Ask the API as an administrator would."""
    link = await connect(server.address(), "administrator")
    try:
        return await api.call(link, subject, body)
    finally:
        await link.close()


def pause(pid: int) -> None:
    """Stop a process, and see it stopped: until the signal is delivered it goes on, on another core."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + PAUSE_SECONDS_MAX
    threads = Path(f"/proc/{pid}/task")
    while any(") T " not in (each / "stat").read_text() for each in threads.iterdir()):
        assert time.monotonic() < deadline


async def test_a_lost_answer_is_unknown_and_reading_resolves_it(data: Path) -> None:
    """The server is paused: the append is late, but arrives. It is there once, and the new epoch is behind it."""
    async with Server(ServerSettings(data=data)) as server:
        world = JetStreamWorld(server, 0)
        log = await open_log(server.address(), world.settings(append_seconds_max=0.2))
        epoch = await log.claim("keeper-1")
        assert server.pid is not None
        pause(server.pid)
        with pytest.raises(OutcomeUnknown):
            await log.append(b"late", epoch.sequence)
        with pytest.raises(OutcomeUnknown):
            await log.append(b"never sent", epoch.sequence)
        os.kill(server.pid, signal.SIGCONT)
        again = await log.claim("keeper-1")
        assert (again.number, again.sequence) == (2, 3)
        assert await payloads(log) == [b"late"]
        assert await log.append(b"next", again.sequence) == 4
        await log.close()


async def test_an_append_to_a_killed_server_is_unknown_and_the_writer_goes_on_after_a_claim(data: Path) -> None:
    async with Server(ServerSettings(data=data)) as server, JetStreamWorld(server, 0).open() as log:
        epoch = await log.claim("keeper-1")
        last = await fill(log, epoch.sequence, [b"kept"] * 3)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises((OutcomeUnknown, LogUnavailable)):
            await log.append(b"lost", last)
        again = await log.claim("keeper-1")
        assert await payloads(log) == [b"kept"] * (again.sequence - 2)
        assert again.sequence == last + 1
        await log.append(b"next", again.sequence)


async def test_a_cancelled_append_breaks_the_chain(jetstream: JetStreamWorld) -> None:
    async with jetstream.open() as log:
        epoch = await log.claim("keeper-1")
        task = asyncio.get_running_loop().create_task(log.append(b"x", epoch.sequence), name="append")
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        with pytest.raises(OutcomeUnknown):
            await log.append(b"y", epoch.sequence + 1)


async def test_the_stream_lets_nobody_delete_or_purge(jetstream: JetStreamWorld) -> None:
    async with jetstream.open() as log:
        await fill(log, (await log.claim("keeper-1")).sequence, [b"x"] * 3)
        name = Names(jetstream.shard).stream
        for verb, body in (("MSG.DELETE", {"seq": 2}), ("PURGE", {})):
            with pytest.raises(api.RefusedError):
                await call(jetstream.server, f"STREAM.{verb}.{name}", body)
        assert len(await records(log)) == 4


async def test_an_unsafe_stream_is_refused_and_left_as_it_is(jetstream: JetStreamWorld) -> None:
    names = Names(jetstream.shard)
    config = {"name": names.stream, "subjects": [names.commits, names.epoch], "discard": "old", "max_msgs": 10}
    await call(jetstream.server, f"STREAM.CREATE.{names.stream}", {"storage": "file", "retention": "limits", **config})
    with pytest.raises(LogMisconfigured, match=r"max_msgs is 10.*deny_delete"):
        async with jetstream.open():
            pass
    assert b'"discard":"old"' in await call(jetstream.server, f"STREAM.INFO.{names.stream}")


async def test_opening_an_existing_log_again_finds_it_sound(jetstream: JetStreamWorld) -> None:
    async with jetstream.open() as log:
        position = await log.position()
    async with jetstream.open(small=True) as log:
        assert await log.position() == position


async def test_a_server_that_does_not_sync_is_refused_when_the_log_must_be_durable(data: Path) -> None:
    async with Server(ServerSettings(data=data, sync_always=False)) as server:
        world = JetStreamWorld(server, 0)
        with pytest.raises(LogMisconfigured, match="sync_interval: always"):
            await open_log(server.address(), world.settings(durable=True))
        async with world.open() as log:
            assert (await log.claim("keeper-1")).number == 1


async def test_durability_nobody_confirms_is_refused(server: Server) -> None:
    for monitors in ((), (f"http://127.0.0.1:{free_port()}",)):
        with pytest.raises(LogMisconfigured, match="confirm"):
            await monitor.confirm_durable(monitors)
    await monitor.confirm_durable((server.monitor_url,))


async def test_old_servers_are_refused() -> None:
    monitor.confirm_version((2, 15, 1))
    with pytest.raises(LogMisconfigured, match=r"2\.14\.9 is too old"):
        monitor.confirm_version((2, 14, 9))


async def test_no_server_is_unavailable() -> None:
    with pytest.raises(LogUnavailable, match="no NATS server"):
        await connect(Address(url=f"nats://127.0.0.1:{free_port()}"), "nobody", seconds_max=0.3)


@pytest.mark.parametrize("turns", range(5))
async def test_a_connection_that_is_just_being_lost_can_be_closed(data: Path, turns: int) -> None:
    async with Server(ServerSettings(data=data)) as server:
        link = await connect(server.address(), "closing")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while not link.client.is_reconnecting:
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        await link.close()
        assert link.client.is_closed


async def test_a_full_store_refuses_and_stays_readable(data: Path) -> None:
    """The server's own limit on files, not the stream's."""
    async with (
        Server(ServerSettings(data=data, file_bytes_max=300_000)) as server,
        JetStreamWorld(server, 0).open() as log,
    ):
        last = (await log.claim("keeper-1")).sequence
        with pytest.raises(LogFull):
            for _ in range(100):
                last = await log.append(os.urandom(10_000), last)
        assert 10 < last == len(await records(log))


async def test_another_stream_under_the_same_name_is_a_gap(data: Path) -> None:
    async with Server(ServerSettings(data=data)) as server, JetStreamWorld(server, 0).open() as log:
        epoch = await log.claim("keeper-1")
        reading = log.read(0, follow=True)
        assert len(await anext(reading)) == epoch.sequence
        await call(server, "STREAM.DELETE.QD_LOG_0")
        with pytest.raises(Gap):
            await anext(reading)


async def test_a_log_that_can_not_be_closed_in_order_lets_go_of_its_connections(jetstream: JetStreamWorld) -> None:
    with pytest.raises(LogUnavailable):
        async with jetstream.open() as log:
            assert log._acks._subscription is not None
            await log._acks._subscription.unsubscribe()
    assert log._writing.client.is_closed
    assert log._reading.client.is_closed
