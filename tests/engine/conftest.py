"""Fixtures of the engine: nats-servers, and whole `up`s."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.server import Server
from tests.engine.up_process import UpProcess


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Run a server that syncs every write, for one test: streams of the engine have fixed names."""
    async with Server(ServerSettings(data=tmp_path / "server")) as running:
        yield running


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpProcess]:
    """One `up` with simulated container instances, shared by a module's tests: each keeps to names of its own."""
    shared = UpProcess(tmp_path_factory.mktemp("up") / "data", "--runtime", "simulated")
    try:
        shared.start()
        yield shared
    finally:
        shared.close()


@pytest.fixture
def make_up(tmp_path: Path) -> Iterator[Callable[..., UpProcess]]:
    """Make any number of them, not started yet."""
    made: list[UpProcess] = []

    def make(*options: str, data: str = "data") -> UpProcess:
        made.append(UpProcess(tmp_path / data, *options))
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.close()
