"""Archive: what containers wrote that are not there any more, in files of the agent's data directory.

    <folder>/<task>/<container>.log     records (see ``events/records``); the one before it in ``….1``

Bounded by size and by age: of a container the last part is kept, and of all tasks those that ended last.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Protocol

import structlog

from quarterdeck.agents.runtimes.port import LogBatches
from quarterdeck.agents.settings import Keeping
from quarterdeck.events import records
from quarterdeck.events.session import FRAME_BYTES_MAX, LogLine, LogQuery

NOTE = ".why"

logger = structlog.get_logger(__name__)


class Archive(Protocol):
    """Where an agent keeps what containers wrote, when it removes them."""

    async def save(self, task: str, container: str, lines: LogBatches) -> None:
        """Keep these lines, in place of any kept before, which stay where there is nothing to read from.

        Raises what reading raises, and OSError.
        """
        ...

    def note(self, task: str, container: str, why: str) -> None:
        """Keep why there are none."""
        ...

    def why(self, task: str, container: str) -> str | None:
        """Why there are no lines, empty if there are some; None if nothing is known of such a container."""
        ...

    def read(self, task: str, container: str, query: LogQuery) -> LogBatches:
        """Give the lines asked for."""
        ...

    async def prune(self, now: float) -> None:
        """Drop what is too old or too much."""
        ...


class NoArchive:
    """Keeps nothing: for simulations, whose containers are values."""

    async def save(self, task: str, container: str, lines: LogBatches) -> None:
        """Let them go."""
        del task, container
        await lines.aclose()

    def note(self, task: str, container: str, why: str) -> None:
        """Let it go."""

    def why(self, task: str, container: str) -> str | None:
        """Nothing is known."""
        del task, container
        return None

    async def read(self, task: str, container: str, query: LogQuery) -> LogBatches:
        """Give nothing."""
        del task, container, query
        nothing: list[list[LogLine]] = []
        for batch in nothing:
            yield batch

    async def prune(self, now: float) -> None:
        """There is nothing."""


class ArchiveDirectory:
    """Keeps them in a folder."""

    def __init__(self, folder: Path, keeping: Keeping) -> None:
        self._folder = folder
        self._keeping = keeping

    async def save(self, task: str, container: str, lines: LogBatches) -> None:
        """Write; when a file is half as long as is allowed it is put aside, in place of the one before."""
        async with aclosing(lines) as batches:
            batch = await anext(batches, None)  # before anything is put aside: perhaps there is no such container
            path = self._made(task, container)
            file = _emptied(path)
            try:
                while batch is not None:
                    await asyncio.to_thread(file.writelines, [records.encode(line) for line in batch])
                    if file.tell() > self._keeping.container_bytes_max // 2:
                        file.close()
                        path.replace(f"{path}.1")
                        file = _emptied(path)
                    batch = await anext(batches, None)
            finally:
                file.close()

    def note(self, task: str, container: str, why: str) -> None:
        """Write it beside."""
        self._made(task, container).with_suffix(NOTE).write_text(why)

    def why(self, task: str, container: str) -> str | None:
        """Look for the files."""
        path = self._path(task, container)
        if path.exists():
            return ""
        try:
            return path.with_suffix(NOTE).read_text()
        except FileNotFoundError:
            return None

    async def read(self, task: str, container: str, query: LogQuery) -> LogBatches:
        """Read the files in a thread; a bounded part of them is in memory at a time, but for a tail."""
        path = self._path(task, container)
        found = records.batches(records.picked(_lines(Path(f"{path}.1"), path), query), FRAME_BYTES_MAX)
        while batch := await asyncio.to_thread(next, found, None):
            yield batch

    async def prune(self, now: float) -> None:
        """Drop tasks, the one that ended first before the others."""
        await asyncio.to_thread(self._prune, now)

    def _prune(self, now: float) -> None:
        tasks = sorted((_age(path), path) for path in self._folder.glob("*") if path.is_dir())
        total_bytes = sum(size for (_, size), _ in tasks)
        for (at, size), path in tasks:
            old = at < now - self._keeping.seconds_max
            if not old and total_bytes <= self._keeping.bytes_max:
                continue
            logger.info("logs of a task are dropped", task=path.name, why="age" if old else "size")
            shutil.rmtree(path, ignore_errors=True)
            total_bytes -= size

    def _made(self, task: str, container: str) -> Path:
        """The path, with nothing there yet."""
        path = self._path(task, container)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(f"{path}.1").unlink(missing_ok=True)
        return path

    def _path(self, task: str, container: str) -> Path:
        return self._folder / task / f"{container}.log"


def _emptied(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def _lines(*paths: Path) -> Iterator[LogLine]:
    for path in paths:
        try:
            with path.open("rb") as file:
                yield from records.lines(file)
        except FileNotFoundError:
            continue


def _age(folder: Path) -> tuple[float, int]:
    """When a task's last file was written, and how much there is."""
    found = [path.stat() for path in folder.iterdir()]
    return max((each.st_mtime for each in found), default=0.0), sum(each.st_size for each in found)
