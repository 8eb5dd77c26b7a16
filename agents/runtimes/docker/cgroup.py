"""Cgroup: one for each task with a size, which bounds its containers together (spec §5.2).

A parent cgroup is named to Docker when a container is created, made before it starts, and removed behind the task's
last container. That needs an agent that may write to the host's cgroups of version 1, and a daemon that names them as
directories (driver ``cgroupfs``). Elsewhere each container is bounded by itself by its task's size.
"""

import os
from contextlib import suppress
from pathlib import Path

from quarterdeck.agents.runtimes.docker.options import BYTES_PER_MIB
from quarterdeck.agents.runtimes.errors import CannotCreateContainerError
from quarterdeck.agents.runtimes.port import TaskBounds

ROOT = Path("/sys/fs/cgroup")
PARENT = "ecs"
PERIOD_MICROSECONDS = 100_000


class TaskCgroups:
    """The cgroups of the tasks on this host."""

    def __init__(self, root: Path = ROOT) -> None:
        self._cpu = root / "cpu" / PARENT
        self._memory = root / "memory" / PARENT
        self.usable = False
        self._parents: dict[str, str] = {}

    def look(self, driver: str, version: str) -> None:
        """Find out whether they can be made, given what the daemon says of its own."""
        roots = [self._cpu.parent, self._memory.parent]
        self.usable = driver == "cgroupfs" and version == "1" and all(os.access(each, os.W_OK) for each in roots)

    def parent(self, bounds: TaskBounds | None) -> str:
        """What Docker is told, empty without one."""
        return f"/{PARENT}/{bounds.task}" if bounds is not None and self.usable else ""

    def holds(self, container_id: str, parent: str) -> None:
        """Take note that a container is in a task's cgroup, if it is."""
        if parent.startswith(f"/{PARENT}/"):
            self._parents[container_id] = parent

    def make(self, bounds: TaskBounds | None) -> None:
        """Make a task's cgroup, again too. Raises CannotCreateContainerError."""
        if bounds is None or not self.usable:
            return
        try:
            for folder in (self._cpu / bounds.task, self._memory / bounds.task):
                folder.mkdir(parents=True, exist_ok=True)
            if bounds.cpu_limit is not None:
                _write(self._cpu / bounds.task / "cpu.cfs_period_us", PERIOD_MICROSECONDS)
                quota = round(bounds.cpu_limit * PERIOD_MICROSECONDS)
                _write(self._cpu / bounds.task / "cpu.cfs_quota_us", quota)
            if bounds.memory_mib is not None:
                limit = bounds.memory_mib * BYTES_PER_MIB
                _write(self._memory / bounds.task / "memory.limit_in_bytes", limit)
        except OSError as error:
            raise CannotCreateContainerError(f"cgroup of task {bounds.task}: {error.strerror}") from error

    def removed(self, container_id: str) -> None:
        """Remove a task's cgroup behind a container, in every hierarchy Docker used it in, unless others are left."""
        parent = self._parents.pop(container_id, None)
        if parent is not None:
            for hierarchy in self._cpu.parent.parent.iterdir():
                with suppress(OSError):  # not there, or in use
                    (hierarchy / parent.removeprefix("/")).rmdir()


def _write(path: Path, value: int) -> None:
    path.write_text(str(value), encoding="ascii")
