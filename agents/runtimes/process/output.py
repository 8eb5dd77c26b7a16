"""Output: what a container wrote, from the files its shim keeps, and as it goes on."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from quarterdeck.agents.runtimes.port import LogBatches
from quarterdeck.agents.runtimes.process.shim import LOG
from quarterdeck.events import records
from quarterdeck.events.session import FRAME_BYTES_MAX, LogLine, LogQuery

POLL_SECONDS = 0.1


async def read(directory: Path, query: LogQuery, ended: Callable[[], bool]) -> LogBatches:
    """Give the lines asked for; when followed, until the container has ended, as ``ended`` tells."""
    tail = Tail(directory)
    try:
        over = ended()  # before reading: the shim writes, then ends
        for batch in records.batches(records.picked(tail.lines(), query), FRAME_BYTES_MAX):
            yield batch
        while query.follow and not over:
            await asyncio.sleep(POLL_SECONDS)
            over = ended()
            new = (line for line in tail.lines() if records.wanted(line, query))
            for batch in records.batches(new, FRAME_BYTES_MAX):
                yield batch
    finally:
        tail.close()


class Tail:
    """A container's files, read on from where one was."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOG
        self._before = directory / f"{LOG}.1"
        self._file: BinaryIO | None = None

    def lines(self) -> Iterator[LogLine]:
        """Yield what was written since the last time."""
        if self._file is None:
            yield from self._begin()
        while self._file is not None:
            yield from _rest(self._file)
            if not self._path.exists() or _same(self._file, self._path):
                return
            yield from _rest(self._file)  # written between our look and its being put aside
            self._file.close()
            self._file = _opened(self._path)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> Iterator[LogLine]:
        """The current file first: the one before it may be replaced by it at any time."""
        self._file = _opened(self._path)
        before = _opened(self._before)
        if self._file is None:
            self._file = before
        elif before is not None:
            with before:
                if not _same(before, self._path):
                    yield from _rest(before)


def _opened(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _rest(file: BinaryIO) -> Iterator[LogLine]:
    """Read on; a record that is not whole yet is left for the next time."""
    for record in file:
        if not record.endswith(b"\n"):
            file.seek(-len(record), os.SEEK_CUR)
            return
        line = records.decode(record)
        if line is not None:
            yield line
