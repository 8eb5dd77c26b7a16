"""Many tasks on one agent: a bounded number starts at once, and what is slow holds nobody up."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated import Behaviour
from quarterdeck.agents.runtimes.simulated.behaviour import Image
from quarterdeck.agents.settings import Limits
from tests.agents.world import World, container, definition, task_id

FIFTY = [task_id(number) for number in range(1, 51)]


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World(forever=Behaviour(start_seconds=1), deaf=Behaviour(ignores_sigterm=True))
    yield made
    await made.close()


def states(world: World) -> list[str]:
    return [each.state for each in world.containers()]


async def test_of_fifty_tasks_placed_at_once_eight_start_at_a_time(world: World) -> None:
    world.start()
    world.engine.place(*FIFTY, definition=definition())
    for second in range(1, 7):
        await world.go(0.5)
        assert (len(states(world)), states(world).count("running")) == (8 * second, 8 * (second - 1))
        await world.go(0.5)
    await world.go(1)
    assert all(world.engine.told(name) == ["RUNNING"] for name in FIFTY)
    assert states(world) == ["running"] * 50


async def test_how_many_start_at_a_time_is_a_limit_of_the_agent(world: World) -> None:
    world.start(limits=Limits(starts_max=25))
    world.engine.place(*FIFTY, definition=definition())
    await world.go(2.5)
    assert all(world.engine.told(name) == ["RUNNING"] for name in FIFTY)


async def test_fifty_slow_stops_hold_up_neither_starts_nor_other_stops(world: World) -> None:
    deaf, quick = FIFTY[:40], FIFTY[40:]
    world.start()
    world.engine.place(*deaf, definition=definition(container("app", "deaf")))
    world.engine.place(*quick, definition=definition())
    await world.until(lambda: all(world.engine.told(name) == ["RUNNING"] for name in FIFTY))
    for name in FIFTY:
        world.engine.stop(name)
    new = [task_id(number) for number in range(51, 59)]
    world.engine.place(*new, definition=definition())
    await world.go(2)
    assert all(world.engine.told(name) == ["RUNNING"] for name in [*deaf, *new])
    assert all(world.engine.told(name)[-1] == "STOPPED" for name in quick)
    await world.go(30)
    assert all(world.engine.told(name)[-1] == "STOPPED" for name in deaf)


async def test_pulls_that_take_long_hold_up_no_start(world: World) -> None:
    world.host.image_of = lambda image: Image(pull_seconds=600.0, present=image != "big")
    world.start()
    world.engine.place(*FIFTY[:20], definition=definition(container("app", "big")))
    world.engine.place(*FIFTY[20:28], definition=definition())
    await world.go(1.5)
    assert all(world.engine.told(name) == ["RUNNING"] for name in FIFTY[20:28])


class Interrupted(World):
    """The first container of each name is stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[str] = []

    def behaviour(self, spec: ContainerSpec) -> Behaviour:
        self.made.append(spec.name)
        return Behaviour(stuck=self.made.count(spec.name) == 1)


async def test_a_container_that_an_interrupted_start_left_stuck_is_made_anew() -> None:
    world = Interrupted()
    world.start()
    world.engine.place(*FIFTY[:3], definition=definition())
    await world.until(lambda: all(world.engine.told(name) == ["RUNNING"] for name in FIFTY[:3]))
    await world.go(40)
    assert all(world.engine.told(name) == ["RUNNING"] for name in FIFTY[:3])
    assert (len(world.made), states(world)) == (6, ["running"] * 3)
    await world.close()
