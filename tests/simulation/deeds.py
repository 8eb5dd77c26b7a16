"""Deeds: what befalls a world: what a user asks for, and every kind of fault; chance says which, when and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from quarterdeck.events import shapes
from tests.simulation.log import FAULTS
from tests.simulation.machine import Machine
from tests.simulation.service_deeds import (
    answer_pause,
    change_all,
    change_daemon,
    change_set,
    create_daemon,
    create_external,
    create_service,
    create_set,
    delete_service,
    deploy,
    ring_alarm,
    scale,
    stop_deployment,
)
from tests.simulation.task_deeds import instance, protect_task, queue_tasks, run_tasks, start_task, stop_task
from tests.simulation.world import World

SECONDS_BAD_MAX = 40.0
MACHINES_MAX = 9

Deed = Callable[[World], Coroutine[None, None, None]]


async def drain(world: World) -> None:
    status = "ACTIVE" if world.chance.happens(0.4) else "DRAINING"
    request = shapes.UpdateContainerInstancesStateRequest(container_instances=[instance(world)], status=status)
    await world.ask("UpdateContainerInstancesState", request)


async def deregister(world: World) -> None:
    request = shapes.DeregisterContainerInstanceRequest(
        container_instance=instance(world), force=world.chance.happens(0.7)
    )
    if await world.ask("DeregisterContainerInstance", request):
        sizes = world.machines[0].host.size
        world.add_machine(world.chance.choice("abc"), sizes.cpu, sizes.memory_mib)


async def add_machine(world: World) -> None:
    if len(world.machines) < MACHINES_MAX:
        sizes = world.machines[0].host.size
        world.add_machine(world.chance.choice("abc"), sizes.cpu, sizes.memory_mib)


async def crash_engine(world: World) -> None:
    world.shard.crash()


async def usurp_engine(world: World) -> None:
    """Another replica takes over while the keeper lives on, unaware."""
    if len(world.shard.engines) < 3:
        world.shard.begin(world.group)


async def fail_append(world: World) -> None:
    if world.shard.leader is not None:
        world.shard.leader.log.fail_next(world.chance.choice(FAULTS))


async def lose_log(world: World) -> None:
    if world.shard.leader is not None:
        world.shard.leader.log.away_until = world.loop.time() + world.chance.uniform(0.1, 5.0)


async def kill_agent(world: World) -> None:
    machine = world.chance.choice(world.machines)
    machine.kill()
    await asyncio.sleep(_bad(world))
    machine.start(world.group)


async def lose_power(world: World) -> None:
    machine = world.chance.choice(world.machines)
    await machine.lose_power()
    await asyncio.sleep(_bad(world))
    machine.start(world.group)


async def cut_link(world: World) -> None:
    await _cut(world, [world.chance.choice(world.machines)])


async def lose_zone(world: World) -> None:
    zone = world.chance.choice(world.machines).zone
    await _cut(world, [each for each in world.machines if each.zone == zone])


async def lose_daemon(world: World) -> None:
    machine = world.chance.choice(world.machines)
    machine.host.daemon_away()
    await asyncio.sleep(_bad(world) / 4)
    machine.host.daemon_back()


async def kill_container(world: World) -> None:
    found = [(each, container.id) for each in world.machines for container in each.running()]
    if found:
        machine, name = world.chance.choice(found)
        machine.host.kill(name, exit_code=world.chance.choice((0, 1, 137)))


async def bad_weather(world: World) -> None:
    weather, chance = world.weather, world.chance
    weather.lost, weather.twice, weather.slow = (chance.uniform(0.0, 0.3) for _ in range(3))
    await asyncio.sleep(_bad(world))
    weather.lost = weather.twice = weather.slow = 0.0


DEEDS: dict[Deed, int] = {
    create_service: 8,
    deploy: 8,
    scale: 8,
    change_all: 4,
    stop_deployment: 2,
    answer_pause: 2,
    ring_alarm: 3,
    delete_service: 2,
    create_daemon: 3,
    change_daemon: 4,
    create_external: 2,
    create_set: 2,
    change_set: 3,
    run_tasks: 4,
    queue_tasks: 5,
    start_task: 2,
    stop_task: 3,
    protect_task: 3,
    drain: 5,
    deregister: 2,
    add_machine: 2,
    crash_engine: 2,
    usurp_engine: 2,
    fail_append: 3,
    lose_log: 1,
    kill_agent: 3,
    lose_power: 2,
    cut_link: 3,
    lose_zone: 2,
    lose_daemon: 2,
    kill_container: 6,
    bad_weather: 3,
}
"""Every deed, and how often it is done beside the others."""


async def _cut(world: World, machines: list[Machine]) -> None:
    for machine in machines:
        machine.cut(cut=True)
    await asyncio.sleep(_bad(world))
    for machine in machines:
        machine.cut(cut=False)


def _bad(world: World) -> float:
    """How long something bad lasts: some agents are lost by it, some are not."""
    return world.chance.uniform(1.0, SECONDS_BAD_MAX)
