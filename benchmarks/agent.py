"""Agent: how many tasks a second it gets through, between an engine of values and a simulated host."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

import structlog

from benchmarks.harness import Row
from quarterdeck.agents.runtimes.simulated import SimulatedHost
from tests.agents.nats_engine import WallClock
from tests.agents.world import World, definition, task_id

TASKS = 1_000
POLL_SECONDS = 0.001
SECONDS_MAX = 60


def measure() -> Iterator[Row]:
    """Have tasks run, then end."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    try:
        started, ended = asyncio.run(_measure())
    finally:
        structlog.reset_defaults()
    yield Row(name="agent: tasks wanted until reported RUNNING", value=TASKS / started, unit="/s")
    yield Row(name="agent: containers killed until told STOPPED", value=TASKS / ended, unit="/s")


async def _measure() -> tuple[float, float]:
    clock = WallClock()
    world = World()
    world.clock = clock  # type: ignore[assignment]  # in real time
    world.host = SimulatedHost(clock)
    world.start()
    await _until(lambda: world.engine.lists and world.engine.listeners)
    began = time.perf_counter()
    wanted = definition()
    for number in range(TASKS):
        world.engine.place(task_id(number + 1), definition=wanted)
    await _until(lambda: len(world.engine.reports) == TASKS)
    middle = time.perf_counter()
    for container in world.containers():
        world.host.kill(container.id)
    await _until(lambda: len(world.engine.reports) == 2 * TASKS)
    end = time.perf_counter()
    await world.close()
    return middle - began, end - middle


async def _until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not holds():
            await asyncio.sleep(POLL_SECONDS)
