"""Logs that outlive their instance: stored before removal and now and then, no more than is kept, tried again.

Files are read and written in threads: what comes of them is waited for in real time.
"""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from quarterdeck.agents.archive import ArchiveDirectory
from quarterdeck.agents.runtimes.simulated import Behaviour
from quarterdeck.agents.runtimes.simulated.behaviour import Said
from quarterdeck.agents.settings import Keeping
from quarterdeck.agents.storer import StoreUnavailable
from quarterdeck.events import records
from tests.agents.runtimes.cases import eventually
from tests.agents.world import World, container, definition, task_id

ONE = task_id(1)
KEEPING = Keeping(store_seconds=30.0)
EMPTY = gzip.compress(b"")


class Shelf:
    """A store of values, which may be away."""

    def __init__(self) -> None:
        self.logs: dict[tuple[str, str], bytes] = {}
        self.puts = 0
        self.away = False

    async def put(self, task: str, container: str, content: bytes) -> None:
        if self.away:
            raise StoreUnavailable("it is away")
        self.puts += 1
        self.logs[task, container] = content

    def lines(self, task: str = ONE) -> list[bytes]:
        plain = gzip.decompress(self.logs.get((task, "app"), EMPTY))
        return [each.data for each in records.lines(plain.splitlines(keepends=True))]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest_asyncio.fixture
async def world(tmp_path: Path, shelf: Shelf) -> AsyncIterator[World]:
    says = tuple(Said(f"line {second}", after_seconds=float(second)) for second in (1, 2, 40))
    made = World(talks=Behaviour(says=says), job=Behaviour(says=says[:1], run_seconds=2.0))
    made.archive = ArchiveDirectory(tmp_path, KEEPING)
    made.log_store = shelf
    yield made
    await made.close()


async def test_what_a_running_container_writes_is_stored_when_there_is_more(world: World, shelf: Shelf) -> None:
    world.start(keeping=KEEPING)
    world.engine.place(ONE, definition=definition(container("app", "talks")))
    await world.go(32)
    await eventually(lambda: shelf.lines() == [b"line 1\n", b"line 2\n"])
    await world.go(32)
    await eventually(lambda: shelf.lines() == [b"line 1\n", b"line 2\n", b"line 40\n"])
    await world.go(200)
    assert shelf.puts == 2


async def test_what_ended_is_stored_before_it_is_removed(world: World, shelf: Shelf) -> None:
    world.start(keeping=KEEPING)
    world.engine.place(ONE, definition=definition(container("app", "job")))
    await world.go(15)
    await eventually(lambda: world.containers() == [])
    await eventually(lambda: shelf.lines() == [b"line 1\n"])


async def test_a_store_that_is_away_gets_it_later(world: World, shelf: Shelf) -> None:
    shelf.away = True
    world.start(keeping=KEEPING)
    world.engine.place(ONE, definition=definition(container("app", "job")))
    await world.go(40)
    await eventually(lambda: world.containers() == [])
    assert shelf.logs == {}
    shelf.away = False
    await world.go(30)
    await eventually(lambda: shelf.lines() == [b"line 1\n"])


async def test_of_a_long_log_the_last_part_is_stored(world: World, shelf: Shelf) -> None:
    world.start(keeping=Keeping(store_seconds=30.0, container_bytes_max=60))
    world.engine.place(ONE, definition=definition(container("app", "talks")))
    await world.go(32)
    await eventually(lambda: shelf.puts == 1)  # it is made ready in a thread, which simulated time does not wait for
    await world.go(32)
    await eventually(lambda: shelf.lines() == [b"line 2\n", b"line 40\n"])


async def test_nothing_is_stored_unless_it_is_asked_for(world: World, shelf: Shelf) -> None:
    world.start()
    world.engine.place(ONE, definition=definition(container("app", "job")))
    await world.go(100)
    assert shelf.logs == {}
