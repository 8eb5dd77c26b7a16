"""Saver: brings what a container wrote into the archive before it is removed, and keeps the archive within bounds."""

import asyncio
import re

import structlog

from quarterdeck.agents import labels
from quarterdeck.agents.archive import Archive
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.runtimes.errors import CannotReadLogsError, ContainerGone, RuntimeFailure, RuntimeUnavailable
from quarterdeck.agents.runtimes.port import Container, Runtime
from quarterdeck.agents.settings import Keeping
from quarterdeck.agents.storer import Storer
from quarterdeck.events.names import NAME, short_name
from quarterdeck.events.session import LogQuery

RETRY_SECONDS = 1.0
TASK = re.compile(r"[0-9a-f]{32}")

logger = structlog.get_logger(__name__)


class Saver:
    """Writes the archive."""

    def __init__(
        self, runtime: Runtime, archive: Archive, clock: Clock, keeping: Keeping, storer: Storer | None = None
    ) -> None:
        self._storer = storer
        self._runtime = runtime
        self._archive = archive
        self._clock = clock
        self._keeping = keeping

    async def save(self, container: Container) -> None:
        """Keep what a container wrote, before it is removed; what can't be kept is said in the agent's own log."""
        task = short_name(container.labels.get(labels.TASK_ARN, ""))
        name = container.labels.get(labels.CONTAINER_NAME, "")
        if not container.id or TASK.fullmatch(task) is None or NAME.fullmatch(name) is None:
            return
        try:
            async with asyncio.timeout(self._keeping.save_seconds_max):
                await self._archived(task, name, container.id)
                if self._storer is not None:
                    await self._storer.ended(task, name)
        except ContainerGone:
            pass
        except (RuntimeFailure, OSError, TimeoutError) as error:
            logger.warning("logs of a container were not kept", task=task, name=name, why=str(error) or "too slow")

    async def _archived(self, task: str, name: str, container_id: str) -> None:
        """Archive it; a runtime that is away for a moment has the logs yet, and they have to be kept now or never."""
        while True:
            try:
                await self._archive.save(task, name, self._runtime.logs(container_id, LogQuery()))
            except CannotReadLogsError as error:
                self._archive.note(task, name, error.reason)
                return
            except RuntimeUnavailable as error:
                logger.info("logs of a container can't be read yet", task=task, name=name, why=error.reason)
                await self._clock.sleep(RETRY_SECONDS)
            else:
                return

    async def prune(self) -> None:
        """Drop what is too old or too much, for ever."""
        while True:
            try:
                await self._archive.prune(self._clock.now())
            except OSError as error:
                logger.warning("logs that are too old could not be dropped", why=str(error))
            await self._clock.sleep(self._keeping.prune_seconds)
