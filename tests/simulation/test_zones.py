"""A zone of a cluster of 300 instances with 3,000 tasks is lost, and comes back."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from quarterdeck.events import shapes
from tests.simulation.loop import run
from tests.simulation.quiet import quieted
from tests.simulation.world import World, living

ZONES = "abc"
INSTANCES_PER_ZONE = 100
SERVICES = 10
TASKS_PER_SERVICE = 300
LOST = "us-east-1b"
REBALANCED = "rebalanced"
KEPT = "kept"


@pytest.mark.seeds
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_three_thousand_tasks_leave_a_lost_zone_settle_and_go_back_where_zones_are_rebalanced() -> None:
    with quieted():
        run(_lose_and_bring_back())


async def _lose_and_bring_back() -> None:
    world = World(1)
    async with living(world):
        await _furnish(world)
        await world.settle(600.0)
        assert _spread(world) == dict.fromkeys((f"us-east-1{zone}" for zone in ZONES), 1000)

        lost = [each for each in world.machines if each.zone == LOST]
        for machine in lost:
            machine.cut(cut=True)
        await asyncio.sleep(world.shard.settings.lost_after + 2 * world.shard.heartbeat_timeout)
        assert await world.until(lambda: _present(world) == SERVICES * TASKS_PER_SERVICE, 600.0)
        assert _spread(world) == {"us-east-1a": 1500, "us-east-1c": 1500}

        for machine in lost:
            machine.cut(cut=False)
        await world.settle(600.0)
        assert await world.until(lambda: set(_spread(world, REBALANCED).values()) == {500}, 600.0)
        await world.settle(600.0)
        assert _spread(world, KEPT) == {"us-east-1a": 750, "us-east-1c": 750}
        world.look()
        assert str(world.watcher.violation or "") == ""


async def _furnish(world: World) -> None:
    await world.ask("CreateCluster", shapes.CreateClusterRequest(cluster_name="default"))
    await world.define("app", "steady", 256, 256)
    for zone in ZONES:
        for _ in range(INSTANCES_PER_ZONE):
            world.add_machine(zone, 4096, 8192)
    await asyncio.sleep(5.0)
    for number in range(SERVICES):
        request = shapes.CreateServiceRequest(
            service_name=f"{KEPT if number % 2 else REBALANCED}-{number}",
            task_definition="app:1",
            desired_count=TASKS_PER_SERVICE,
            availability_zone_rebalancing="DISABLED" if number % 2 else "ENABLED",
        )
        await world.ask("CreateService", request)


def _spread(world: World, services: str = "") -> Counter[str]:
    """Count what runs, and is wanted, where its agent is heard, by zone."""
    ledger, group = world.ledger, f"service:{services}"
    tasks = (each for each in ledger.tasks.values() if each.desired == "RUNNING" and ledger.is_healthy(each))
    return Counter(ledger.places[each.instance].zone for each in tasks if each.group.startswith(group))


def _present(world: World) -> int:
    return sum(_spread(world).values())
