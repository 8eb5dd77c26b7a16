"""Health: runs the health checks of host processes beside them, for as long as they are watched.

A check runs as the command does: its environment, working directory and user. What is known of a container's
health is kept beside it for the next agent, which checks it at once.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from quarterdeck.agents.runtimes.errors import CannotStartContainerError, ContainerGone
from quarterdeck.agents.runtimes.health import Health, HealthCheck, Record, judged
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.process import launch
from quarterdeck.agents.runtimes.process.store import Store

SHELL = ("/bin/sh", "-c")


class HealthChecks:
    """The checks under way; ``changed`` is called with the id of a container whose health changed."""

    def __init__(self, store: Store, changed: Callable[[str], None]) -> None:
        self._store = store
        self._changed = changed
        self._records: dict[str, Record] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def health(self, container_id: str) -> Health | None:
        """What the check says, None without one."""
        record = self._records.get(container_id)
        return record.health if record is not None else None

    def begin(self, container_id: str) -> None:
        """Check a container that runs, if it has a check. Raises ContainerGone."""
        spec = self._store.spec(container_id)
        if spec.health_check is not None:
            known = self._store.health(container_id)
            self._records[container_id] = Record() if known is None else Record(known)
            work = self._check(container_id, spec, spec.health_check, at_once=known is not None)
            loop = asyncio.get_running_loop()
            self._tasks[container_id] = loop.create_task(work, name=f"health of {container_id}")

    def end(self, container_id: str) -> None:
        """Check it no more; it has ended."""
        self._records.pop(container_id, None)
        task = self._tasks.pop(container_id, None)
        if task is not None:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End all checks."""
        for container_id in list(self._tasks):
            self.end(container_id)
        if self._ending:
            await asyncio.wait(self._ending)

    async def _check(self, container_id: str, spec: ContainerSpec, check: HealthCheck, *, at_once: bool) -> None:
        started_at = time.monotonic()
        pause_seconds = 0.0 if at_once else check.interval_seconds
        while True:
            await asyncio.sleep(pause_seconds)
            pause_seconds = check.interval_seconds
            passed = await self._passes(container_id, spec, check)
            before = self._records[container_id]
            after = judged(check, before, passed=passed, age_seconds=time.monotonic() - started_at)
            self._records[container_id] = after
            if after.health != before.health:
                self._store.keep_health(container_id, after.health)
                self._changed(container_id)

    async def _passes(self, container_id: str, spec: ContainerSpec, check: HealthCheck) -> bool:
        """Run the command once; one that can't be run, or takes too long, has failed."""
        kind, *words = check.command
        if not words:
            return False
        try:
            uid, gid = launch.user_ids(spec.user)
            process = await asyncio.create_subprocess_exec(
                *(SHELL if kind == "CMD-SHELL" else ()),
                *words,
                cwd=spec.working_directory or self._store.directory(container_id) / "work",
                env=self._store.environment(container_id),
                user=uid if uid >= 0 else None,
                group=gid if uid >= 0 else None,
                extra_groups=[gid] if uid >= 0 else None,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, CannotStartContainerError, ContainerGone):
            return False
        try:
            async with asyncio.timeout(check.timeout_seconds):
                return await process.wait() == 0
        except TimeoutError:
            return False
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
