"""Fixtures of the engine: a nats-server of its own for each test, because streams of the engine have fixed names."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.server import Server


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Run a server that syncs every write."""
    async with Server(ServerSettings(data=tmp_path / "server")) as running:
        yield running
