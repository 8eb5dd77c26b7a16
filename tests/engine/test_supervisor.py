"""Children are started again when they die, not when they mean to end, and never outlive their parent."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from quarterdeck.engine.supervisor import Child, spawn
from quarterdeck.events.log import process
from tests.engine.up_process import alive, until

WAITS = "import time, pathlib, sys, os; pathlib.Path(sys.argv[1]).open('a').write('started '); time.sleep(100)"
ENDS = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write('started '); sys.exit(int(sys.argv[2]))"


PARENT = """
import asyncio, sys, pathlib
from quarterdeck.engine.supervisor import Child
one = Child("one", [sys.executable, "-c", "import time; time.sleep(100)"], pathlib.Path({log!r}))
async def main():
    task = asyncio.get_running_loop().create_task(one.run())
    while one.pid is None: await asyncio.sleep(0.01)
    print(one.pid, flush=True)
    await task
asyncio.run(main())
"""


@asynccontextmanager
async def run(child: Child) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(child.run(), name="child")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def child(tmp_path: Path, program: str, *arguments: str) -> Child:
    started = str(tmp_path / "started")
    return Child("one", [sys.executable, "-c", program, started, *arguments], tmp_path / "output" / "log")


def starts(tmp_path: Path) -> int:
    path = tmp_path / "started"
    return path.read_text().count("started") if path.exists() else 0


async def test_a_child_that_dies_is_started_again(tmp_path: Path) -> None:
    one = child(tmp_path, WAITS)

    async def started_again() -> bool:
        return starts(tmp_path) == 2 and one.restarts == 1

    async with run(one):
        await until(lambda: asyncio.sleep(0, starts(tmp_path) == 1))
        one.kill()
        await until(started_again)
        pid = one.pid
    assert pid is not None
    assert not alive(pid)


async def test_one_that_keeps_dying_is_given_more_and_more_time(tmp_path: Path) -> None:
    one = child(tmp_path, ENDS, "1")
    async with run(one):
        await until(lambda: asyncio.sleep(0, one.restarts >= 3))
    assert starts(tmp_path) >= 3


async def test_one_that_means_to_end_stays_away(tmp_path: Path) -> None:
    for code in (0, 5):
        one = child(tmp_path, ENDS, str(code))
        async with run(one):
            await until(lambda one=one: asyncio.sleep(0, one.finished is not None))  # type: ignore[misc]
            assert (one.finished, one.restarts, one.pid) == (code, 0, None)


async def test_it_is_stopped_and_started_at_will(tmp_path: Path) -> None:
    one = child(tmp_path, WAITS)
    async with run(one):
        await until(lambda: asyncio.sleep(0, starts(tmp_path) == 1))
        await one.stop()
        assert one.pid is None
        one.start()
        await until(lambda: asyncio.sleep(0, starts(tmp_path) == 2))
        assert one.restarts == 0


async def test_one_that_is_stopped_while_it_is_being_started_does_not_run(tmp_path: Path) -> None:
    made: list[process.Handle] = []

    async def start(command: Sequence[str], output: Path) -> process.Handle:
        made.append(await spawn(command, output))
        await one.stop()
        return made[-1]

    one = Child("one", [sys.executable, "-c", WAITS, str(tmp_path / "started")], tmp_path / "log", start)
    async with run(one):
        await until(lambda: asyncio.sleep(0, bool(made) and made[0].returncode is not None))
        assert one.pid is None
        assert (len(made), one.restarts) == (1, 0)


async def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = PARENT.format(log=str(tmp_path / "log"))
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    await until(lambda: asyncio.sleep(0, not alive(pid)))


async def test_one_that_the_machine_can_not_start_now_is_started_later(tmp_path: Path) -> None:
    refusals = [BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")] * 2

    async def start(command: Sequence[str], output: Path) -> process.Handle:
        if refusals:
            raise refusals.pop()
        return await spawn(command, output)

    child = Child("one", [sys.executable, "-c", WAITS, str(tmp_path / "runs")], tmp_path / "log", start)
    async with run(child):
        await until(lambda: asyncio.sleep(0, child.pid is not None))
        assert child.restarts == 2
