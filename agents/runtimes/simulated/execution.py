"""Execution: a command in a simulated container, as its behaviour scripts it."""

import asyncio
from collections.abc import AsyncGenerator

from quarterdeck.agents.runtimes.simulated.behaviour import Script
from quarterdeck.events.session import Output

KILLED = 137


class SimulatedExecution:
    """Says what the script says; one that echoes goes on until its input ends."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._input: asyncio.Queue[bytes] = asyncio.Queue(1)
        self._ended = asyncio.Event()
        self._code = script.exit_code
        self.sizes: list[tuple[int, int]] = []
        """The sizes its terminal was given."""

    async def output(self) -> AsyncGenerator[Output, None]:
        """Say what the script says, then repeat what is read."""
        for text, stream in self._script.says:
            yield Output(text.encode(), stream)
        while self._script.echoes and (data := await self._input.get()):
            yield Output(data)
        self._ended.set()

    async def write(self, data: bytes) -> None:
        """Take input, if it is read at all."""
        if self._script.echoes and not self._ended.is_set():
            await self._input.put(data)

    async def resize(self, rows: int, columns: int) -> None:
        """Note it."""
        self.sizes.append((rows, columns))

    async def exit_code(self) -> int:
        """Wait for the end."""
        await self._ended.wait()
        return self._code

    async def close(self) -> None:
        """Kill it, if it still runs."""
        if not self._ended.is_set():
            self._code = KILLED
            self._ended.set()
