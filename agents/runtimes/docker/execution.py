"""Execution: a command that Docker runs in a container (exec), on a connection that is its input and output.

Docker has no call that ends such a command. So it is killed as a process of this host, where the agent may do that:
by the pid Docker tells, if that one is in the container's control group.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from quarterdeck.agents.runtimes.docker import exec_wire, wire
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.docker.multiplexed import Demultiplexer
from quarterdeck.agents.runtimes.errors import CannotExecuteCommandError, ContainerGone, RuntimeUnavailable
from quarterdeck.events.session import FRAME_BYTES_MAX, Output, Terminal

END_SECONDS_MAX = 2.0
POLL_SECONDS = 0.02
RESIZES_TRIED_MAX = 25
NOT_FOUND = 404
UNKNOWN_EXIT_CODE = 255

logger = structlog.get_logger(__name__)


class DockerExecution:
    """One exec of the daemon's."""

    def __init__(
        self,
        api: DockerApi,
        exec_id: str,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        *,
        terminal: bool,
    ) -> None:
        self._api = api
        self._id = exec_id
        self._reader, self._writer = streams
        self._terminal = terminal
        self._parts = Demultiplexer(terminal=terminal)

    async def output(self) -> AsyncGenerator[Output, None]:
        """Read the connection until the daemon ends it."""
        while data := await self._read():
            for stream, part in self._parts.feed(data):
                for place in range(0, len(part), FRAME_BYTES_MAX):
                    yield Output(part[place : place + FRAME_BYTES_MAX], stream)

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(FRAME_BYTES_MAX)
        except OSError as error:
            raise RuntimeUnavailable(f"the connection to the command: {error}") from error

    async def write(self, data: bytes) -> None:
        """Write to the connection, or close this half of it; the end of a terminal's input is Ctrl-D."""
        with suppress(OSError):  # it reads no more
            if data or self._terminal:
                self._writer.write(data or b"\x04")
                await self._writer.drain()
            elif self._writer.can_write_eof():
                self._writer.write_eof()

    async def begin(self, terminal: Terminal) -> None:
        """Give the terminal its first size, which the daemon only takes once the command runs."""
        for _ in range(RESIZES_TRIED_MAX):
            if await self._resized(terminal.rows, terminal.columns):
                return
            await asyncio.sleep(POLL_SECONDS)

    async def resize(self, rows: int, columns: int) -> None:
        """Ask the daemon."""
        if self._terminal:
            await self._resized(rows, columns)

    async def _resized(self, rows: int, columns: int) -> bool:
        size = {"h": str(rows), "w": str(columns)}
        return (await self._api.call("POST", f"/exec/{self._id}/resize", size)).ok

    async def exit_code(self) -> int:
        """Ask the daemon until it knows."""
        while (found := await self._inspect()).running:
            await asyncio.sleep(POLL_SECONDS)
        return UNKNOWN_EXIT_CODE if found.exit_code is None else found.exit_code

    async def close(self) -> None:
        """Let go of the connection, and end the command."""
        self._writer.close()
        for number in (signal.SIGHUP, signal.SIGKILL):
            found = await self._inspect()
            if not found.running:
                return
            self._kill(found, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS_MAX):
                    await self.exit_code()

    def _kill(self, found: exec_wire.ExecInspected, number: signal.Signals) -> None:
        try:
            if found.container_id in Path(f"/proc/{found.pid}/cgroup").read_text():
                os.kill(found.pid, number)
                return
        except OSError as error:
            logger.debug("a command was not killed", pid=found.pid, why=str(error))
        logger.warning("a command goes on without its session: it is out of this agent's reach", pid=found.pid)

    async def _inspect(self) -> exec_wire.ExecInspected:
        answer = await self._api.call("GET", f"/exec/{self._id}/json")
        if answer.status == NOT_FOUND:  # the container is gone, and the exec with it
            return exec_wire.ExecInspected()
        if not answer.ok:
            raise RuntimeUnavailable(answer.message)
        return msgspec.json.decode(answer.body, type=exec_wire.ExecInspected)


async def execute(
    api: DockerApi, container_id: str, command: tuple[str, ...], terminal: Terminal | None
) -> DockerExecution:
    """Create an exec and start it. Raises ContainerGone and CannotExecuteCommandError."""
    environment = (f"TERM={terminal.type}",) if terminal is not None else ()
    request = exec_wire.ExecRequest(cmd=command, tty=terminal is not None, env=environment)
    answer = await api.call("POST", f"/containers/{container_id}/exec", body=request)
    if answer.status == NOT_FOUND:
        raise ContainerGone(answer.message)
    if not answer.ok:
        raise CannotExecuteCommandError(answer.message)
    made = msgspec.json.decode(answer.body, type=wire.Created)
    streams = await api.hijack(f"/exec/{made.id}/start", exec_wire.ExecStart(tty=terminal is not None))
    if isinstance(streams, Answer):
        raise CannotExecuteCommandError(streams.message)
    execution = DockerExecution(api, made.id, streams, terminal=terminal is not None)
    if terminal is not None:
        try:
            await execution.begin(terminal)
        except BaseException:  # nobody else knows of the command yet
            with suppress(RuntimeUnavailable):
                await execution.close()
            raise
    return execution
