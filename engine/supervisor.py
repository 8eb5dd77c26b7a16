"""Supervisor: child processes that are started again when they die, and end with their parent, even a killed one.

A child that ends with a code in FINISHED meant it, and stays away until it is started on purpose.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from quarterdeck.events.log import process

RESTART_SECONDS_MIN = 0.1
RESTART_SECONDS_MAX = 5.0
STEADY_SECONDS_MIN = 10.0
STOP_SECONDS_MAX = 8.0
FINISHED = frozenset({0, 5})
"""Left in order, or refused for good (see ``host``)."""

log = structlog.get_logger(__name__)

Start = Callable[[Sequence[str], Path], Awaitable[process.Handle]]


async def spawn(command: Sequence[str], output: Path) -> process.Handle:
    """Start a command from nothing."""
    return await process.spawn(command, errors=output)


class Child:
    """One child: wanted or not, running or not; ``start`` makes its process of the command."""

    def __init__(self, name: str, command: Sequence[str], output: Path, start: Start = spawn) -> None:
        self.name = name
        self.restarts = 0
        self.finished: int | None = None
        self._command = command
        self._output = output
        self._start = start
        self._process: process.Handle | None = None
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._down = asyncio.Event()
        self._down.set()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and running else None

    async def run(self) -> None:
        """Keep it running whenever it is wanted, until cancelled; then end it in order."""
        pause_seconds = RESTART_SECONDS_MIN
        try:
            while True:
                await self._wanted.wait()
                began = asyncio.get_running_loop().time()
                code = await self._once()
                if not self._wanted.is_set():
                    continue
                if code in FINISHED:
                    self._wanted.clear()
                    self.finished = code
                    log.warning("a child has finished", child=self.name, code=code, output=str(self._output))
                    continue
                if asyncio.get_running_loop().time() - began > STEADY_SECONDS_MIN:
                    pause_seconds = RESTART_SECONDS_MIN
                log.warning("a child died and is started again", child=self.name, code=code, seconds=pause_seconds)
                self.restarts += 1
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, RESTART_SECONDS_MAX)
        finally:
            await self._end()

    async def stop(self) -> None:
        """End it in order, and leave it so."""
        self._wanted.clear()
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._down.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._down.wait()

    def start(self) -> None:
        """Let it run again."""
        self.finished = None
        self._wanted.set()

    def kill(self) -> None:
        """Kill it, as an accident would; it is started again."""
        self._signal(signal.SIGKILL)

    async def _once(self) -> int:
        self._output.parent.mkdir(parents=True, exist_ok=True)
        try:
            child = self._process = await self._start(self._command, self._output)
        except OSError as error:  # the nursery died, or there is no process, memory or file to be had now
            log.warning("a child could not be started", child=self.name, error=str(error))
            return 1
        self._down.clear()
        try:
            if not self._wanted.is_set():  # stopped while it was being started
                await process.stop(child, STOP_SECONDS_MAX)
            return await child.wait()
        finally:
            if child.returncode is not None:
                self._down.set()

    async def _end(self) -> None:
        if self._process is not None:
            await process.stop(self._process, STOP_SECONDS_MAX)
        self._down.set()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
