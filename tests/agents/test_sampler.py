"""What an agent tells of what its containers use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from quarterdeck.agents.home import Home
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.sampler import Sampler
from quarterdeck.agents.task import Task
from tests.agents.world import INSTANCE, FakeEngine, FakeLink, ManualClock, World, container, definition, task_id

ONE, TWO = task_id(1), task_id(2)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


async def test_an_agent_tells_of_what_runs_and_of_nothing_else(world: World) -> None:
    world.start(stats_seconds=20.0)
    world.engine.place(ONE, definition=definition(container("app"), container("side")), group="service:web")
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    await world.go(21)
    told = world.engine.stats[-1]
    assert told.container_instance == INSTANCE
    assert [(each.task, each.group) for each in told.tasks] == [(ONE, "service:web")]
    assert [each.name for each in told.tasks[0].containers] == ["app", "side"]
    world.engine.stop(ONE)
    await world.until(lambda: world.engine.told(ONE)[-1] == "STOPPED")
    await world.go(21)
    assert world.engine.stats[-1].tasks == []


async def test_without_an_engine_figures_are_lost_and_come_again(world: World) -> None:
    world.start(stats_seconds=20.0)
    await world.go(5)
    world.engine.down = True
    await world.go(50)
    assert world.engine.stats == []
    world.engine.down = False
    await world.go(21)
    assert world.engine.stats


class Counting(SimulatedRuntime):
    """Its statistics say how often they were asked for."""

    asked = 0

    async def stats(self, container_id: str) -> dict[str, Any]:
        self.asked += 1
        return {**await super().stats(container_id), "asked": self.asked}


async def test_where_nobody_looks_now_and_then_who_asks_gets_the_figures_of_just_now() -> None:
    clock = ManualClock()
    runtime = Counting(SimulatedHost(clock))
    task = Task(id=ONE, arn="arn", cluster="c")
    home = Home(FakeLink(FakeEngine()), "default", INSTANCE, "s")
    app = task.containers["app"] = await runtime.start(await runtime.create(ContainerSpec("app", "image")))
    often, never = (Sampler(home, runtime, {ONE: task}, clock, seconds) for seconds in (20.0, 0.0))
    assert [(await often.of(app.id))["asked"] for _ in range(2)] == [1, 1]
    assert [(await never.of(app.id))["asked"] for _ in range(2)] == [2, 3]
    task.containers.clear()
    assert (await never.of(app.id))["asked"] == 4
    assert "preread" not in await never.of(app.id), "nothing is kept of what does not run"
