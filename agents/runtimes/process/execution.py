"""Execution: another command in a container's environment, place and limits, with pipes or a terminal of its own."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from quarterdeck.agents.runtimes.errors import CannotExecuteCommandError
from quarterdeck.events.session import FRAME_BYTES_MAX, Output, Terminal

CHUNKS_WAITING_MAX = 8
END_SECONDS_MAX = 2.0
SIGNALLED = 128


class ProcessExecution:
    """A host process; what it leaves running in its session ends with it."""

    def __init__(self, process: asyncio.subprocess.Process, sources: dict[int, str], stdin: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._sources = sources
        self._stdin = stdin
        self._terminal = stdin in sources
        self._chunks: deque[Output] = deque()
        self._stirred = asyncio.Event()
        self._writable = asyncio.Event()
        self._paused = True
        for source in {*sources, stdin}:
            os.set_blocking(source, False)
        self._watching = self._loop.create_task(self._watch(), name=f"end of process {process.pid}")
        self._resume()

    async def output(self) -> AsyncGenerator[Output, None]:
        """Give what is read, until everything is closed."""
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            if not self._sources:
                return
            self._resume()
            await self._stirred.wait()
            self._stirred.clear()

    async def write(self, data: bytes) -> None:
        """Write as it reads; the end of a terminal's input is Ctrl-D."""
        if not data and not self._terminal:
            self._close_stdin()
            return
        left = data or b"\x04"
        while left and self._stdin >= 0:
            try:
                left = left[os.write(self._stdin, left) :]
            except BlockingIOError:
                await self._room()
            except OSError:  # it reads no more
                return

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the kernel, which tells the command (SIGWINCH)."""
        if self._terminal and self._stdin >= 0:
            set_size(self._stdin, rows, columns)

    async def exit_code(self) -> int:
        """Wait for the process."""
        code = await self._process.wait()
        return code if code >= 0 else SIGNALLED - code

    async def close(self) -> None:
        """SIGHUP to its session, then SIGKILL."""
        self._kill(signal.SIGHUP)
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS_MAX):
                await self._process.wait()
        self._kill(signal.SIGKILL)
        await self._process.wait()
        self._close_all()

    async def _room(self) -> None:
        self._writable.clear()
        self._loop.add_writer(self._stdin, self._writable.set)
        try:
            await self._writable.wait()
        finally:
            if self._stdin >= 0:
                self._loop.remove_writer(self._stdin)

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            for source in self._sources:
                self._loop.add_reader(source, self._read, source)

    def _pause(self) -> None:
        self._paused = True
        for source in self._sources:
            self._loop.remove_reader(source)

    def _read(self, source: int) -> None:
        try:
            data = os.read(source, FRAME_BYTES_MAX)
        except BlockingIOError:
            return
        except OSError:  # so a terminal says that nobody has it any more
            data = b""
        if data:
            self._chunks.append(Output(data, self._sources[source]))
            if len(self._chunks) >= CHUNKS_WAITING_MAX:
                self._pause()
        else:
            self._close(source)
        self._stirred.set()

    async def _watch(self) -> None:
        """When the command is over, what still comes of what it left running is not waited for for long."""
        await self._process.wait()
        self._kill(signal.SIGKILL)
        self._loop.call_later(END_SECONDS_MAX, self._close_all)

    def _kill(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _close_all(self) -> None:
        for source in list(self._sources):
            self._close(source)
        self._close_stdin()
        self._stirred.set()

    def _close(self, source: int) -> None:
        self._loop.remove_reader(source)
        del self._sources[source]
        if source != self._stdin:
            os.close(source)
        elif not self._sources:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin >= 0:
            self._loop.remove_writer(self._stdin)
            os.close(self._stdin)
            self._stdin = -1
            self._writable.set()


async def execute(command: Sequence[str], terminal: Terminal | None) -> ProcessExecution:
    """Run a command with pipes, or as the first of a terminal's session (it has to make the session itself).

    Raises CannotExecuteCommandError.
    """
    if terminal is None:
        (stdin, ours), *outputs = (os.pipe() for _ in range(3))
        theirs = [stdin, *(write for _, write in outputs)]
        sources = {read: stream for (read, _), stream in zip(outputs, ("stdout", "stderr"), strict=True)}
    else:
        ours, side = pty.openpty()
        theirs = [side, side, side]
        sources = {ours: "stdout"}
    try:
        if terminal is not None:
            set_size(ours, terminal.rows, terminal.columns)
        process = await asyncio.create_subprocess_exec(*command, stdin=theirs[0], stdout=theirs[1], stderr=theirs[2])
    except BaseException as error:
        for descriptor in {ours, *sources}:
            os.close(descriptor)
        if isinstance(error, OSError | ValueError | struct.error):
            raise CannotExecuteCommandError(str(error)) from error
        raise
    finally:
        for descriptor in set(theirs):
            os.close(descriptor)
    return ProcessExecution(process, sources, ours)


def set_size(terminal: int, rows: int, columns: int) -> None:
    """Give a terminal a size."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
