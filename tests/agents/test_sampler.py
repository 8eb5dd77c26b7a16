"""What an agent tells of what its containers use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.agents.world import INSTANCE, World, container, definition, task_id

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
