"""Execution: a command that runs in a container; what every runtime gives when it is asked to execute one."""

from collections.abc import AsyncGenerator
from typing import Protocol

from quarterdeck.events.session import Output


class Execution(Protocol):
    """A command that runs in a container beside what it was made for. Its calls may raise ``RuntimeUnavailable``."""

    def output(self) -> AsyncGenerator[Output, None]:
        """What it writes, until it has ended; with a terminal all of it is stdout."""
        ...

    async def write(self, data: bytes) -> None:
        """Give it something to read, once it has room; nothing is the end. What it no longer reads is dropped."""
        ...

    async def resize(self, rows: int, columns: int) -> None:
        """Give its terminal another size."""
        ...

    async def exit_code(self) -> int:
        """Its exit code, when it has ended; 128 + n after signal n."""
        ...

    async def close(self) -> None:
        """Let go of it, and end it (SIGHUP, then SIGKILL) if it still runs."""
        ...
