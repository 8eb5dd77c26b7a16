"""Usage: what the processes of a container use, in the shape of Docker's statistics."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROC = Path("/proc")
NANOSECONDS = 1_000_000_000
UTIME, STIME, RSS = 11, 12, 21
"""Places in /proc/<pid>/stat behind the name, which may hold spaces."""
PROCESSES_MAX = 10_000


def usage(pid: int, memory_limit_bytes: int, now: float) -> dict[str, Any]:
    """Sum up a process and its descendants; those that ended meanwhile count nothing."""
    found = [each for each in map(_stat, _family(pid)) if each]
    ticks = sum(int(each[UTIME]) + int(each[STIME]) for each in found)
    resident = sum(int(each[RSS]) for each in found) * os.sysconf("SC_PAGE_SIZE")
    return {
        "read": dt.datetime.fromtimestamp(now, dt.UTC).isoformat().replace("+00:00", "Z"),
        "pids_stats": {"current": len(found)},
        "cpu_stats": {
            "cpu_usage": {"total_usage": ticks * NANOSECONDS // os.sysconf("SC_CLK_TCK")},
            "online_cpus": os.cpu_count(),
        },
        "memory_stats": {"usage": resident, "limit": memory_limit_bytes},
    }


def _family(pid: int) -> Iterator[int]:
    waiting = [pid]
    for _ in range(PROCESSES_MAX):
        if not waiting:
            return
        current = waiting.pop()
        yield current
        try:
            children = (PROC / str(current) / "task" / str(current) / "children").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        waiting += [int(each) for each in children.split()]


def _stat(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
