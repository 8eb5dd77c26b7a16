"""Pipes: a command's own input and output, read and written by threads: neither may stop the event loop.

The threads are daemons: one that waits for somebody who does not read, or write, keeps no command from ending.
"""

import asyncio
import os
import queue
import threading
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TextIO

READ_BYTES = 32 << 10
WAITING_MAX = 64


class Writer:
    """Writes to one of a command's outputs, in order."""

    def __init__(self, output: TextIO) -> None:
        self._write = _writing(output)
        self._loop = asyncio.get_running_loop()
        self._chunks: queue.Queue[bytes | None] = queue.Queue()
        self._written = asyncio.Event()
        self._error: OSError | None = None
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name=f"writes to {output.name}", daemon=True)
        self._thread.start()

    async def write(self, data: bytes) -> None:
        """Hand over, and wait while too much waits. Raises BrokenPipeError."""
        while self._chunks.qsize() >= WAITING_MAX and self._error is None:
            self._written.clear()
            await self._written.wait()
        if self._error is not None:
            raise self._error
        self._chunks.put(data)

    async def close(self) -> None:
        """Wait until all is written. Raises BrokenPipeError."""
        self._chunks.put(None)
        await self._over.wait()
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        while (data := self._chunks.get()) is not None:
            try:
                while data:
                    data = data[self._write(data) :]
            except OSError as error:
                self._error = error
                break
            self._tell(self._written)
        self._tell(self._written)
        self._tell(self._over)

    def _tell(self, event: asyncio.Event) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)


def _writing(output: TextIO) -> Callable[[bytes], int]:
    """Write to the file itself: a thread that waits must not hold a lock at the end of the program."""
    try:
        return partial(os.write, output.fileno())
    except OSError:  # a test's, that is no file
        return output.buffer.write


async def read(descriptor: int) -> AsyncGenerator[bytes, None]:
    """Give what is read from a file descriptor, until its end."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    taken = threading.Semaphore(1)

    def work() -> None:
        data = b"more"
        while data:
            taken.acquire()
            try:
                data = os.read(descriptor, READ_BYTES)
            except OSError:  # a terminal that is gone
                data = b""
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(chunks.put_nowait, data)

    threading.Thread(target=work, name=f"reads from {descriptor}", daemon=True).start()
    while data := await chunks.get():
        yield data
        taken.release()
