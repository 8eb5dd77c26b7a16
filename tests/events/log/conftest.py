"""Fixtures of the log: a nats-server for the session, and the worlds the contract runs in."""

import asyncio
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.server import Server
from tests.events.log.worlds import JetStreamWorld, MemoryWorld, World

shards = count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run one server for the session; its loop has a thread of its own, because each test has its own loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="nats-server loop")
    thread.start()
    running = Server(ServerSettings(data=tmp_path_factory.mktemp("nats")))
    try:
        asyncio.run_coroutine_threadsafe(running.start(), loop).result()
        yield running
    finally:
        asyncio.run_coroutine_threadsafe(running.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def jetstream(server: Server) -> JetStreamWorld:
    """Give the test a fresh stream on the session's server."""
    return JetStreamWorld(server, next(shards))


@pytest.fixture(params=["memory", pytest.param("jetstream", marks=pytest.mark.nats)])
def world(request: pytest.FixtureRequest) -> World:
    """Give the test a fresh log of each kind."""
    if request.param == "memory":
        return MemoryWorld()
    fresh: JetStreamWorld = request.getfixturevalue("jetstream")
    return fresh


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Give the test a data directory."""
    return tmp_path / "data"
