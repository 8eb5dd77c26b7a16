"""Agent idle: what the process of one agent takes while it has nothing to do but to look after 100 containers.

It is `quarterdeck agent`, as on a real host, with all it does on a period: heartbeats, comparisons, statistics.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

import quarterdeck
from benchmarks import docker_daemon
from benchmarks.docker_daemon import COMMAND, LABEL
from benchmarks.harness import Row
from quarterdeck.engine import running
from quarterdeck.engine.embedded import Embedded
from quarterdeck.events import shapes
from quarterdeck.events.base import Event
from quarterdeck.events.container_instance import AgentConnected
from quarterdeck.events.task import TaskStarted
from tests import docker_engine

CONTAINERS = 100
MEMORY_MIB = 8
RUN_AT_ONCE = 10
WATCHED_SECONDS = 25.0
SETTLE_SECONDS = 5.0
STARTED_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 10.0
REGISTERED_SECONDS_MAX = 20.0
RESIDENT_MB_MAX = 60.0
CPU_PERCENT_MAX = 2.0
BYTES_PER_KIB = 1024
BYTES_PER_MB = 1_000_000


def measure() -> Iterator[Row]:
    """Start them all, then look; nothing without a Docker Engine."""
    if missing := docker_engine.missing():
        print(f"agent_idle: not measured: {missing}")
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    docker_engine.build_image()
    try:
        before, memory, percent = asyncio.run(_measure())
    finally:
        docker_daemon.sweep()
        structlog.reset_defaults()
    name = f"agent with {CONTAINERS} containers"
    yield Row(name="agent with none: resident", value=before["Rss"], unit="MB")
    yield Row(name=f"{name}: resident", value=memory["Rss"], unit="MB", at_most=RESIDENT_MB_MAX)
    yield Row(name="         of it its own (PSS)", value=memory["Pss"], unit="MB")
    yield Row(name=f"{name}: of a core, idle", value=percent, unit="%", at_most=CPU_PERCENT_MAX)


async def _measure() -> tuple[dict[str, float], dict[str, float], float]:
    with tempfile.TemporaryDirectory() as data:
        async with quarterdeck.embedded(instances=0, data=Path(data)) as qd, _agent(qd, Path(data)) as pid:
            before = memory_mb(pid)
            await _fill(qd)
            await asyncio.sleep(SETTLE_SECONDS)
            spent, began = cpu_seconds(pid), time.perf_counter()
            await asyncio.sleep(WATCHED_SECONDS)
            percent = 100 * (cpu_seconds(pid) - spent) / (time.perf_counter() - began)
            return before, memory_mb(pid), percent


@asynccontextmanager
async def _agent(qd: Embedded, data: Path) -> AsyncIterator[int]:
    """Run an agent of its own until the end of a block; gives its process id."""
    creds = data / running.SERVER / "creds" / "agent.creds"
    options = [
        f"--nats={qd.nats}",
        f"--creds={creds}",
        f"--data={data / 'agent'}",
        "--image-pull-behavior=prefer-cached",
    ]
    command = [
        sys.executable,
        "-m",
        "quarterdeck.engine.cli",
        "agent",
        *options,
        "--runtime=docker",
        "--log-level=error",
    ]
    agent = await asyncio.create_subprocess_exec(*command)
    try:
        async with asyncio.timeout(REGISTERED_SECONDS_MAX):
            await _told(qd, AgentConnected, 1)
        yield agent.pid
    finally:
        agent.terminate()
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await agent.wait()


async def _fill(qd: Embedded) -> None:
    """Have all containers run."""
    container = shapes.ContainerDefinition(
        name="one", image=docker_engine.IMAGE, command=list(COMMAND), memory=MEMORY_MIB, docker_labels={LABEL: "agent"}
    )
    await qd.register_task_definition(family="idle", container_definitions=[container])
    for _ in range(CONTAINERS // RUN_AT_ONCE):
        await qd.run_task(task_definition="idle", count=RUN_AT_ONCE)
    async with asyncio.timeout(STARTED_SECONDS_MAX):
        await _told(qd, TaskStarted, CONTAINERS)


async def _told(qd: Embedded, kind: type[Event], count: int) -> None:
    """Wait until the log has so many events of a kind."""
    async for commit in qd.follow(from_sequence=1):
        count -= sum(isinstance(event, kind) for event in commit.events)
        if count <= 0:
            return


def memory_mb(pid: int) -> dict[str, float]:
    """Read what a process has in memory: Rss, and Pss, in which what is shared counts in parts; 10⁶ bytes."""
    lines = [line.split() for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]]
    return {line[0].rstrip(":"): int(line[1]) * BYTES_PER_KIB / BYTES_PER_MB for line in lines}


def cpu_seconds(pid: int) -> float:
    """Read what a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
