"""uvloop: server, writer and reader also run on the faster loop."""

import os
import signal
from pathlib import Path

import pytest

from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.server import Server
from tests.events.log.worlds import JetStreamWorld, fill, payloads


@pytest.mark.nats
@pytest.mark.timeout(30)
def test_the_log_survives_a_killed_server_on_uvloop(data: Path) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def run() -> None:
        async with Server(ServerSettings(data=data)) as server, JetStreamWorld(server, 0).open() as log:
            await fill(log, (await log.claim("keeper-1")).sequence, [b"x"] * 10)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            again = await log.claim("keeper-1")
            await log.append(b"y", again.sequence)
            assert await payloads(log) == [b"x"] * 10 + [b"y"]

    uvloop.run(run())
