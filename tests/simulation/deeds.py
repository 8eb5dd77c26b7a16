"""Deeds: what befalls a world: what a user asks for, and every kind of fault; chance says which, when and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from quarterdeck.events import shapes
from tests.simulation.ledger import Held
from tests.simulation.log import FAULTS
from tests.simulation.machine import Machine
from tests.simulation.world import World

IMAGES = ("steady", "steady", "steady", "slow", "stubborn", "crashes", "broken", "unpulled", "sickens")
SERVICES = ("web", "api", "cron")
PERCENTS = ((100, 200), (50, 100), (66, 133), (0, 100), (75, 125), (90, 110), (100, 150))
CONSTRAINTS = (
    None,
    None,
    None,
    [shapes.PlacementConstraint(type="distinctInstance")],
    [
        shapes.PlacementConstraint(
            type="memberOf", expression="attribute:ecs.availability-zone in [us-east-1a, us-east-1b]"
        )
    ],
)
STRATEGIES = (
    None,
    None,
    None,
    [shapes.PlacementStrategy(type="spread", field="attribute:ecs.availability-zone")],
    [shapes.PlacementStrategy(type="binpack", field="memory")],
    [
        shapes.PlacementStrategy(type="spread", field="instanceId"),
        shapes.PlacementStrategy(type="binpack", field="cpu"),
    ],
    [shapes.PlacementStrategy(type="random")],
)
SECONDS_BAD_MAX = 40.0
RULES: tuple[dict[str, Any], ...] = (
    {},
    {"deployment_circuit_breaker": shapes.DeploymentCircuitBreaker(enable=True, rollback=True)},
    {"deployment_circuit_breaker": shapes.DeploymentCircuitBreaker(enable=True, rollback=False)},
    {"strategy": "BLUE_GREEN"},
    {"strategy": "CANARY", "canary_configuration": shapes.CanaryConfiguration(canary_bake_time_in_minutes=0)},
)

Deed = Callable[[World], Coroutine[None, None, None]]


async def create_service(world: World) -> None:
    minimum, maximum = world.chance.choice(PERCENTS)
    request = shapes.CreateServiceRequest(
        service_name=world.chance.choice(SERVICES),
        task_definition=_definition(world),
        desired_count=world.chance.randrange(7),
        placement_constraints=world.chance.choice(CONSTRAINTS),
        placement_strategy=world.chance.choice(STRATEGIES),
        availability_zone_rebalancing=world.chance.choice(("ENABLED", "DISABLED")),
        deployment_configuration=shapes.DeploymentConfiguration(
            minimum_healthy_percent=minimum,
            maximum_percent=maximum,
            **world.chance.choice(RULES),
        ),
    )
    await world.ask("CreateService", request)


async def deploy(world: World) -> None:
    request = shapes.UpdateServiceRequest(
        service=world.chance.choice(SERVICES),
        task_definition=_definition(world),
        force_new_deployment=world.chance.happens(0.3),
    )
    await world.ask("UpdateService", request)


async def scale(world: World) -> None:
    request = shapes.UpdateServiceRequest(
        service=world.chance.choice(SERVICES), desired_count=world.chance.randrange(9)
    )
    await world.ask("UpdateService", request)


async def roll_back(world: World) -> None:
    name = world.chance.choice(SERVICES)
    wish = world.ledger.wishes.get(name)
    if wish is not None:
        arn = f"arn:aws:ecs:us-east-1:000000000000:service-deployment/default/{name}/{wish.primary[8:]}"
        await world.ask("StopServiceDeployment", shapes.StopServiceDeploymentRequest(service_deployment_arn=arn))


async def delete_service(world: World) -> None:
    request = shapes.DeleteServiceRequest(service=world.chance.choice(SERVICES), force=True)
    await world.ask("DeleteService", request)


async def run_tasks(world: World) -> None:
    request = shapes.RunTaskRequest(task_definition=_definition(world), count=world.chance.randrange(1, 4))
    await world.ask("RunTask", request)


async def stop_task(world: World) -> None:
    task = _task(world)
    if task is not None:
        await world.ask("StopTask", shapes.StopTaskRequest(task=task.id, reason="a user's whim"))


async def protect_task(world: World) -> None:
    task = _task(world)
    if task is not None:
        request = shapes.UpdateTaskProtectionRequest(
            cluster="default", tasks=[task.id], protection_enabled=True, expires_in_minutes=1
        )
        await world.ask("UpdateTaskProtection", request)


async def drain(world: World) -> None:
    status = "ACTIVE" if world.chance.happens(0.4) else "DRAINING"
    request = shapes.UpdateContainerInstancesStateRequest(container_instances=[_instance(world)], status=status)
    await world.ask("UpdateContainerInstancesState", request)


async def deregister(world: World) -> None:
    request = shapes.DeregisterContainerInstanceRequest(
        container_instance=_instance(world), force=world.chance.happens(0.7)
    )
    if await world.ask("DeregisterContainerInstance", request):
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
    roll_back: 2,
    delete_service: 2,
    run_tasks: 4,
    stop_task: 3,
    protect_task: 2,
    drain: 4,
    deregister: 1,
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


def _definition(world: World) -> str:
    return f"app:{world.chance.randrange(1, 5)}"


def _instance(world: World) -> str:
    return world.instance_of(world.chance.choice(world.machines)) or "unknown"


def _task(world: World) -> Held | None:
    found = [each for each in world.ledger.tasks.values() if each.alive]
    return world.chance.choice(found) if found else None
