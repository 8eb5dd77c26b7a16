"""Task deeds: what a user asks for single tasks: run, queue, start where they say, stop, protect."""

from __future__ import annotations

from quarterdeck.engine.core.queued_task import TAG
from quarterdeck.events import shapes
from tests.simulation.ledger import GROUP_APART
from tests.simulation.records import Held
from tests.simulation.service_deeds import CONSTRAINTS, STRATEGIES, definition
from tests.simulation.world import World

GROUPS = (None, None, "batch")
APART = [shapes.PlacementConstraint(type="memberOf", expression=GROUP_APART)]
PICKY_SHARE = 0.25
QUEUE_SECONDS = (2, 10, 30, 90)


async def run_tasks(world: World) -> None:
    await world.ask("RunTask", _request(world, None))


async def queue_tasks(world: World) -> None:
    seconds = world.chance.choice(QUEUE_SECONDS)
    await world.ask("RunTask", _request(world, [shapes.Tag(key=TAG, value=str(seconds))]))


async def start_task(world: World) -> None:
    count = world.chance.randrange(1, 3)
    instances = [instance(world) for _ in range(count)]
    request = shapes.StartTaskRequest(task_definition=definition(world), container_instances=instances)
    await world.ask("StartTask", request)


async def stop_task(world: World) -> None:
    task = _task(world)
    if task is not None:
        await world.ask("StopTask", shapes.StopTaskRequest(task=task.id, reason="a user's whim"))


async def protect_task(world: World) -> None:
    task = _task(world)
    if task is not None:
        request = shapes.UpdateTaskProtectionRequest(
            cluster="default",
            tasks=[task.id],
            protection_enabled=world.chance.happens(0.8),
            expires_in_minutes=1,
        )
        await world.ask("UpdateTaskProtection", request)


def instance(world: World) -> str:
    """Choose a container instance."""
    return world.instance_of(world.chance.choice(world.machines)) or "unknown"


def _request(world: World, tags: list[shapes.Tag] | None) -> shapes.RunTaskRequest:
    chance = world.chance
    picky = chance.choice(("logging", "networked")) if chance.happens(PICKY_SHARE) else ""
    subnets = [f"subnet-{chance.choice('abc')}"]
    network = shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=subnets))
    return shapes.RunTaskRequest(
        task_definition=picky or definition(world),
        network_configuration=network if picky == "networked" else None,
        count=chance.randrange(1, 5),
        group=chance.choice(GROUPS),
        placement_constraints=chance.choice((*CONSTRAINTS, APART)),
        placement_strategy=chance.choice(STRATEGIES),
        tags=tags,
    )


def _task(world: World) -> Held | None:
    found = [each for each in world.ledger.tasks.values() if each.alive]
    return world.chance.choice(found) if found else None
