"""Leftovers: processes of a container that a killed daemon was about to start, and knows nothing of.

Its successor can neither start nor end them: containerd has them, and Docker refuses. So they are killed as processes
of this host, found by the container's id in the names of their control groups.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog

PROC = Path("/proc")
INIT = b"runc\0init\0"
"""The command line of a container's first process until it becomes the container's command."""

ENDED_INIT = b"runc:["
"""How its name begins, which is all there is of one that has ended and was not waited for yet."""

HOSTS_PROCESSES = 0xEFFFFFFC
"""The inode of a host's own process namespace (Linux: PROC_PID_INIT_INO)."""

logger = structlog.get_logger(__name__)


def ended(container_id: str, proc: Path = PROC) -> bool:
    """Kill what is left of it; whether its command had not begun to run, as far as can be seen.

    Nothing left is a first process that went with its containerd: unless the host's are out of this agent's sight.
    """
    found = list(_processes(container_id, proc))
    for pid, _ in found:
        logger.warning("a process without a container is killed", container=container_id, pid=pid)
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return (bool(found) or _sees_all(proc)) and all(
        command == INIT or command.startswith(ENDED_INIT) for _, command in found
    )


def _sees_all(proc: Path) -> bool:
    try:
        return (proc / "self/ns/pid").stat().st_ino == HOSTS_PROCESSES
    except OSError:
        return False


def holds(container_id: str, pid: int, proc: Path = PROC) -> bool:
    """Whether a process of this host is one of the container's."""
    try:
        return container_id in (proc / str(pid) / "cgroup").read_text()
    except OSError:
        return False


def _processes(container_id: str, proc: Path) -> Iterator[tuple[int, bytes]]:
    for folder in proc.glob("[0-9]*"):
        with suppress(OSError):
            if holds(container_id, int(folder.name), proc):
                yield int(folder.name), (folder / "cmdline").read_bytes() or (folder / "comm").read_bytes()
