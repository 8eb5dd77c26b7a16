"""Storer: keeps what containers write where it can be read when this instance is gone, if that is asked for.

Of a container that ended it is stored before its removal; of one that runs, now and then, whenever there is more.
"""

import asyncio
import gzip
from collections import deque
from contextlib import aclosing
from typing import Protocol

import structlog

from quarterdeck.agents import labels
from quarterdeck.agents.archive import Archive
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.runtimes.port import Container, LogBatches, Runtime
from quarterdeck.agents.settings import Keeping
from quarterdeck.agents.task import Task
from quarterdeck.events import records
from quarterdeck.events.names import short_name
from quarterdeck.events.session import LogQuery

COMPRESSION = 3
LAST = LogQuery(tail=1)

logger = structlog.get_logger(__name__)


class StoreUnavailable(Exception):
    """The store did not take it; try again later."""


class LogStore(Protocol):
    """Where logs outlive their instance."""

    async def put(self, task: str, container: str, content: bytes) -> None:
        """Keep a container's log (a gzip of records), in place of what was there. Raises StoreUnavailable."""
        ...


class NoLogStore:
    """Stores nothing: nobody asked."""

    async def put(self, task: str, container: str, content: bytes) -> None:
        """Let it go."""


class Storer:
    """Stores the logs of one agent's containers, one after the other; what fails is tried again."""

    def __init__(self, store: LogStore, runtime: Runtime, archive: Archive, clock: Clock, keeping: Keeping) -> None:
        self._store = store
        self._runtime = runtime
        self._archive = archive
        self._clock = clock
        self._keeping = keeping
        self._last: dict[str, int] = {}
        self._owed: set[tuple[str, str]] = set()
        self._turn = asyncio.Lock()
        """What a container wrote while it ran must not take the place of what it wrote until its end."""

    @property
    def _asked(self) -> bool:
        return self._keeping.store_seconds > 0

    async def ended(self, task: str, container: str) -> None:
        """Store what was archived of a container, or owe it."""
        if self._asked:
            self._owed.add((task, container))
            await self._pay(task, container)

    async def run(self, by_id: dict[str, Task]) -> None:
        """Store now and then, for ever."""
        while self._asked:
            await self._clock.sleep(self._keeping.store_seconds)
            await self.once(by_id)

    async def once(self, by_id: dict[str, Task]) -> None:
        """Store what is owed, and what there is more of."""
        for task, container in sorted(self._owed):
            await self._pay(task, container)
        running = [each for task in by_id.values() for each in task.containers.values() if each.state == "running"]
        self._last = {each.id: self._last[each.id] for each in running if each.id in self._last}
        for each in running:
            await self._grown(each)

    async def _pay(self, task: str, container: str) -> None:
        try:
            async with self._turn:
                if self._archive.why(task, container) == "":
                    await self._put(task, container, self._archive.read(task, container, LogQuery()))
        except (StoreUnavailable, OSError) as failure:
            logger.warning("logs of a container are not stored yet", task=task, name=container, why=str(failure))
        else:
            self._owed.discard((task, container))

    async def _grown(self, container: Container) -> None:
        task = short_name(container.labels.get(labels.TASK_ARN, ""))
        name = container.labels.get(labels.CONTAINER_NAME, "")
        if not task or not name:
            return
        try:
            async with self._turn:
                last = await self._last_at(container.id)
                if last != self._last.get(container.id, 0):
                    await self._put(task, name, self._runtime.logs(container.id, LogQuery()))
                    self._last[container.id] = last
        except (StoreUnavailable, RuntimeFailure) as failure:
            logger.debug("logs of a container are not stored", task=task, name=name, why=str(failure))

    async def _last_at(self, container_id: str) -> int:
        last = 0
        async with aclosing(self._runtime.logs(container_id, LAST)) as batches:
            async for batch in batches:
                last = batch[-1].at
        return last

    async def _put(self, task: str, container: str, lines: LogBatches) -> None:
        """Store the last part of it, as much as the archive holds of a container."""
        kept: deque[bytes] = deque()
        size_bytes = 0
        async with aclosing(lines) as batches:
            async for batch in batches:
                for line in batch:
                    kept.append(records.encode(line))
                    size_bytes += len(kept[-1])
                while size_bytes > self._keeping.container_bytes_max:
                    size_bytes -= len(kept.popleft())
        content = await asyncio.to_thread(gzip.compress, b"".join(kept), COMPRESSION, mtime=0)
        await self._store.put(task, container, content)
