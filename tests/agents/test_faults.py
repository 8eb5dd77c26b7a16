"""Whatever happens in whatever order: no container runs twice, nothing false is told, and in the end all is told."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.simulated import Behaviour
from quarterdeck.events.names import short_name
from tests.agents.world import World, container, definition, task_id

Fault = Literal["place", "stop", "kill", "crash", "link", "deaf", "daemon", "lose"]
FAULTS: tuple[Fault, ...] = ("place", "place", "stop", "kill", "crash", "link", "deaf", "daemon", "lose")
TASKS_MAX = 12


class Turmoil(World):
    """A world that counts what is created and started in it."""

    def __init__(self) -> None:
        super().__init__()
        self.created: Counter[str] = Counter()
        self.placed: list[str] = []
        self.daemon = True

    def behaviour(self, spec: ContainerSpec) -> Behaviour:
        self.created[spec.name] += 1
        return Behaviour(start_seconds=0.4, stop_seconds=0.7)

    async def suffer(self, fault: Fault, number: int) -> None:
        running = [each.id for each in self.containers() if each.state == "running"]
        wanted = list(self.engine.tasks)
        match fault:
            case "place" if len(self.placed) < TASKS_MAX:
                self.placed.append(task_id(len(self.placed) + 1))
                self.engine.place(self.placed[-1], definition=definition(container("a"), container("b")))
            case "stop" if wanted:
                self.engine.stop(wanted[number % len(wanted)])
            case "kill" if running:
                self.host.kill(running[number % len(running)])
            case "crash":
                await self.crash()
                self.start()
            case "link":
                self.engine.down = not self.engine.down
            case "deaf":
                self.engine.deaf = not self.engine.deaf
            case "daemon":
                (self.host.daemon_away if self.daemon else self.host.daemon_back)()
                self.daemon = not self.daemon
            case _:
                self.engine.lose_answers += number % 2

    async def recover(self) -> None:
        self.engine.down = self.engine.deaf = False
        self.host.daemon_back()
        await self.go(120)


def check(world: Turmoil) -> None:
    assert max(world.created.values(), default=1) == 1
    assert all(held.run <= 1 for held in world.host._held.values())
    for name in world.placed:
        told = world.engine.told(name)
        assert told.count("STOPPED") == (0 if name in world.engine.tasks else 1), (name, told)
        assert told == sorted(told), told  # RUNNING, perhaps again after a restart, then STOPPED
    here = Counter(short_name(each.labels["com.amazonaws.ecs.task-arn"]) for each in world.containers())
    assert here == dict.fromkeys(world.engine.tasks, 2)
    assert all(each.state == "running" for each in world.containers())
    assert all(world.engine.told(name)[-1:] == ["RUNNING"] for name in world.engine.tasks)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(FAULTS), st.integers(0, 9), st.sampled_from([0.0, 0.3, 1.1, 7.0])), max_size=40)
)
def test_any_order_of_faults_ends_well(faults: list[tuple[Fault, int, float]]) -> None:
    async def run() -> None:
        world = Turmoil()
        world.start()
        for fault, number, seconds in faults:
            await world.suffer(fault, number)
            await world.go(seconds)
        await world.recover()
        check(world)
        await world.close()

    asyncio.run(run())
