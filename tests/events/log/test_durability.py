"""Durability: what was acknowledged is there after the server is killed, and after a power cut.

A power cut is played on a file system in an image file: the server is stopped in its tracks and the image is copied
without a sync of the file system on it, so the copy holds what had really been written out, and no more.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quarterdeck.events.log import server as server_module
from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.errors import LogError, LogFull
from quarterdeck.events.log.jetstream import JetStreamLog, open_log
from quarterdeck.events.log.server import Server
from tests.events.log.worlds import JetStreamWorld, payloads, records

pytestmark = [pytest.mark.asyncio, pytest.mark.nats, pytest.mark.timeout(50)]

IMAGE_BYTES = 96 << 20
APPENDS = 500
KILLS = 4


async def test_killing_the_server_in_the_middle_of_appends_loses_nothing_acknowledged(data: Path) -> None:
    acked: list[bytes] = []
    async with Server(ServerSettings(data=data)) as server, JetStreamWorld(server, 0).open() as log:
        kills = 0

        async def kill() -> None:
            nonlocal kills
            for round_ in range(KILLS):
                while len(acked) < (round_ + 1) * 100:
                    await asyncio.sleep(0)
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                kills += 1

        async with asyncio.TaskGroup() as group:
            group.create_task(kill(), name="killer")
            last = (await log.claim("keeper-1")).sequence
            while kills < KILLS or len(acked) < APPENDS:
                payload = b"%d" % len(acked) + os.urandom(300)
                try:
                    last = await log.append(payload, last)
                except LogError:
                    last = (await log.claim("keeper-1")).sequence
                else:
                    acked.append(payload)
        stored = await payloads(log)
    assert [payload for payload in stored if payload in set(acked)] == acked
    assert len(stored) <= len(acked) + KILLS


@contextmanager
def mounted(image: Path, directory: Path) -> Iterator[Path]:
    """Mount an image; its file system writes out by itself only every ten minutes."""
    directory.mkdir()
    command = ["mount", "-o", "loop,commit=600", str(image), str(directory)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip(f"needs root and loop devices: {found.stderr}")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def formatted(image: Path) -> Path:
    """Make an empty file system in a file."""
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
    return image


async def lost_in_a_power_cut(directory: Path, *, sync_always: bool) -> int:
    """Append, cut the power, start on what is left; returns how many acknowledged appends are gone."""
    image, copy = directory / "before.img", directory / "after.img"
    wanted = [b"%d " % number + os.urandom(200) for number in range(APPENDS)]
    with mounted(formatted(image), directory / "before") as before:
        settings = ServerSettings(data=before / "data", sync_always=sync_always)
        async with Server(settings) as server, JetStreamWorld(server, 0).open() as log:
            last = (await log.claim("keeper-1")).sequence
            for payload in wanted:
                last = await log.append(payload, last)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGSTOP)
            shutil.copyfile(image, copy)
            os.kill(server.pid, signal.SIGCONT)
    with mounted(copy, directory / "after") as after:
        settings = ServerSettings(data=after / "data", sync_always=sync_always)
        async with Server(settings) as server, JetStreamWorld(server, 0).open() as log:
            found = set(await payloads(log))
    return sum(payload not in found for payload in wanted)


async def test_a_power_cut_loses_nothing_acknowledged(tmp_path: Path) -> None:
    assert await lost_in_a_power_cut(tmp_path, sync_always=True) == 0


async def test_a_power_cut_without_syncing_every_write_loses_what_was_acknowledged(tmp_path: Path) -> None:
    """The control run: it shows that the test above could fail."""
    assert await lost_in_a_power_cut(tmp_path, sync_always=False) > 0


async def fill_up(log: JetStreamLog) -> int:
    """Append until the log is full; returns how many appends were acknowledged, the epoch markers included."""
    last = (await log.claim("keeper-1")).sequence
    while True:
        try:
            last = await log.append(os.urandom(50_000), last)
        except LogError:
            try:
                last = (await log.claim("keeper-1")).sequence
            except LogFull:
                return last


async def test_a_full_disk_is_a_full_log_until_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server stops answering after a failed write, and would for ever; it is started again once there is room."""
    monkeypatch.setattr(server_module, "HEALTH_SECONDS", 0.2)
    with mounted(formatted(tmp_path / "disk.img"), tmp_path / "disk") as disk:
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free - (8 << 20)))
        async with Server(ServerSettings(data=disk / "data", file_bytes_max=1 << 30)) as server:
            log = await open_log(server.address(), JetStreamWorld(server, 0).settings(append_seconds_max=0.3))
            last = await fill_up(log)
            assert len(await records(log)) == last > 50
            filler.unlink()
            async with asyncio.timeout(20):
                while True:
                    try:
                        epoch = await log.claim("keeper-1")
                        break
                    except LogError:
                        await asyncio.sleep(0.05)
            assert await log.append(b"room", epoch.sequence) == epoch.sequence + 1
            assert server.restarts == 1
            await log.close()
