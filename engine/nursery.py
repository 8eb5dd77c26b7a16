"""Nursery: starts agents as forks of one process that has loaded what they need.

An agent that starts from nothing spends most of a second on imports, and 40 MB on what it has in common with the next
one; a fork is there in milliseconds and shares the memory. Should the process die, its children die with it, and it is
started again for the next one.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from quarterdeck.events.log import process

STOP_SECONDS_MAX = 2.0


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fork child ``number`` with the command line ``arguments``, or, without any, send it ``signal``."""

    number: int
    arguments: list[str] = []
    output: str = ""
    signal: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Child ``number`` runs as ``pid``; or it has ended with ``code`` (negative: by that signal)."""

    number: int
    pid: int = 0
    code: int | None = None


class Forked:
    """One child; to be used as an ``asyncio.subprocess.Process``."""

    def __init__(self, nursery: "Nursery", number: int, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.ended = asyncio.Event()
        self._nursery = nursery
        self._number = number

    async def wait(self) -> int:
        """Wait until it has ended; its exit code, negative for a signal."""
        await self.ended.wait()
        assert self.returncode is not None
        return self.returncode

    def end(self, code: int) -> None:
        """Note that it has ended."""
        self.returncode = code
        self.ended.set()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            self._nursery.send(Order(number=self._number, signal=number))

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process, from the first `start` on or from `load`, to `close`."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listener: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._count = 0
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Forked] = {}

    async def load(self) -> None:
        """Start the process unless it runs; it loads meanwhile."""
        async with self._turn:
            if self._listener is not None and not self._listener.done():
                return
            await self._leave()
            self._output.parent.mkdir(parents=True, exist_ok=True)
            ours, theirs = socket.socketpair()
            with theirs:
                command = [sys.executable, "-m", "quarterdeck.engine.cli.nursery", str(theirs.fileno())]
                self._process = await process.spawn(command, errors=self._output, keep=[theirs.fileno()])
            reader, self._writer = await asyncio.open_unix_connection(sock=ours)
            self._listener = asyncio.get_running_loop().create_task(self._listen(reader), name="nursery")

    async def start(self, arguments: Sequence[str], output: Path) -> Forked:
        """Start ``quarterdeck`` with these arguments and its output in a file, begun anew.

        Raises ChildProcessError when the process died first.
        """
        await self.load()
        self._count += 1
        asked: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._asked[self._count] = asked
        self.send(Order(number=self._count, arguments=list(arguments), output=str(output)))
        return await asked

    def send(self, order: Order) -> None:
        """Send an order; one to a process that is gone is for children that are gone too."""
        if self._writer is not None:
            self._writer.write(msgspec.json.encode(order) + b"\n")

    async def close(self) -> None:
        """End the process, and with it children that are left."""
        async with self._turn:
            await self._leave()

    async def _leave(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await process.stop(self._process, STOP_SECONDS_MAX)
        if self._listener is not None:
            await asyncio.wait([self._listener])

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        decoder = msgspec.json.Decoder(Report)
        with suppress(ConnectionError):  # it died with orders unread
            while line := await reader.readline():
                self._note(decoder.decode(line))
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ChildProcessError(f"the nursery died: see {self._output}"))
        self._asked.clear()
        for child in self._children.values():
            child.end(-signal.SIGKILL)
        self._children.clear()

    def _note(self, report: Report) -> None:
        if report.code is not None:
            self._children.pop(report.number).end(report.code)
            return
        child = self._children[report.number] = Forked(self, report.number, report.pid)
        asked = self._asked.pop(report.number)
        if asked.cancelled():
            child.kill()
        else:
            asked.set_result(child)
