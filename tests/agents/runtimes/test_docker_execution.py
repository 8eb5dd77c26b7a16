"""Commands in containers, at a daemon of values that fails in the middle: nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.errors import RuntimeUnavailable
from quarterdeck.events.session import Terminal
from tests.agents.runtimes.cases import eventually

CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{"Id":"e"}'
ENDED = b'HTTP/1.1 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{"Running":false}'
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\n\r\n"
NONSENSE = b"HTTP/1.1 what?\r\n\r\n"


class Daemon:
    """Gives each path its answer and ends the connection; keeps the one that is to be a command's, while it can."""

    def __init__(self, start: bytes) -> None:
        self.answers = {b"/containers/c/exec": CREATED, b"/exec/e/start": start, b"/exec/e/json": ENDED}
        self.held = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        writer.write(self.answers.get(path, b""))
        if path == b"/exec/e/start":
            self.held += 1
            while await reader.read(1 << 10):
                pass
            self.held -= 1
        writer.close()


@asynccontextmanager
async def opened(folder: Path, daemon: Daemon) -> AsyncIterator[DockerRuntime]:
    server = await asyncio.start_unix_server(daemon.serve, folder / "docker.sock")
    runtime = DockerRuntime(str(folder / "docker.sock"))
    yield runtime
    await runtime.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("start", [NONSENSE, UPGRADED])
async def test_a_command_that_could_not_be_begun_leaves_no_connection(tmp_path: Path, start: bytes) -> None:
    """The daemon says nonsense where it should give the connection away, or is gone when the terminal needs a size."""
    daemon = Daemon(start)
    async with opened(tmp_path, daemon) as runtime:
        with pytest.raises(RuntimeUnavailable):
            await runtime.execute("c", ("sh",), Terminal())
        await eventually(lambda: daemon.held == 0)
