"""Scheduler: a million tasks of a thousand services through reconciliation, all events made; and what one event costs.

Rates are by the processor's time, for whoever else uses the machine. A run whose zones are not exactly even at the end
does not count. The million is placed in a process of its own, so that its memory can be told.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from time import process_time

from benchmarks.harness import Row, median_of, report
from benchmarks.world import ZONES, World
from quarterdeck.engine.core.reconcile import reconcile
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import AttributesPut
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceSettings, ServiceUpdated
from quarterdeck.events.task import TaskStarted, TaskStopped
from quarterdeck.projections.live.states import ServiceState

INSTANCES = 5_000
ROOM = 210
"""Tasks that each instance has room for."""
SIZES = (50, 100, 200, 300, 400, 500, 700, 1_000, 1_750, 5_000)
SERVICES = 1_000
BURST_RATE_MIN, ALONE_RATE_MIN, PACKED_RATE_MIN = 50_000, 20_000, 5_000
MEMORY_GIB_MAX = 1.5
SETTLED_MS_MAX = 1.0
CURVE = (100, 1_000, 10_000)
CURVE_RATIO_MAX = 3
ALONE, PACKED, REPLACED = 50_000, 20_000, 5_000
CONFIGURATION = shapes.DeploymentConfiguration(minimum_healthy_percent=100, maximum_percent=200)
MEMBER_OF = [shapes.PlacementConstraint(type="memberOf", expression="attribute:kind =~ m5.* and attribute:gpu !exists")]
STRATEGIES = {
    "zone, memory, instance": ("spread attribute:ecs.availability-zone", "binpack memory", "spread instanceId"),
    "zone, instance, memory": ("spread attribute:ecs.availability-zone", "spread instanceId", "binpack memory"),
    "zone, cpu, random": ("spread attribute:ecs.availability-zone", "binpack cpu", "random"),
}


def measure() -> Iterator[Row]:
    """Measure bursts, tasks one by one, strategies with a constraint, a settled service, and the curve."""
    with get_context("spawn").Pool(1) as pool:
        rate, gib = pool.apply(million)
    title = "scheduler: 1,000,000 tasks in bursts of 50 to 5,000"
    yield Row(name=title, value=rate, unit="/s", at_least=BURST_RATE_MIN)
    yield Row(name="           memory of the process that holds them", value=gib, unit="GiB", at_most=MEMORY_GIB_MAX)
    alone = median_of(one_by_one)
    yield Row(name="scheduler: one by one, of 1,000 services", value=alone, unit="/s", at_least=ALONE_RATE_MIN)
    for name, chain in STRATEGIES.items():
        for many, label in ((20, "bursts"), (SERVICES, "one by one")):
            title = f"scheduler: memberOf + {name}: {label}"
            yield Row(name=title, value=packed(chain, many), unit="/s", at_least=PACKED_RATE_MIN)
    yield Row(name="scheduler: a settled service of 5,000", value=settled(), unit="ms", at_most=SETTLED_MS_MAX)
    costs = {size: median_of(lambda size=size: replacement(size)) for size in CURVE}  # type: ignore[misc]
    for size, cost in costs.items():
        yield Row(name=f"scheduler: a task ends and is replaced, {size:,} instances", value=cost, unit="us")
    ratio = costs[CURVE[-1]] / costs[CURVE[0]]
    yield Row(name="           10,000 instances cost as many times 100", value=ratio, unit="x", at_most=CURVE_RATIO_MAX)


def million() -> tuple[float, float]:
    """Place a million tasks; gives the rate and the memory at its highest."""
    world = World(INSTANCES, ROOM)
    start = process_time()
    for number in range(SERVICES):
        create(world, f"s{number}", SIZES[number % len(SIZES)])
    took = process_time() - start
    tasks = len(world.cluster.tasks)
    assert tasks == SERVICES * sum(SIZES) // len(SIZES)
    assert all(is_even(world, each) for each in world.cluster.services.values())
    return tasks / took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024


def one_by_one() -> float:
    """Scale services by one, in turn, so that each decision places one task."""
    world = World(INSTANCES, ROOM)
    for number in range(SERVICES):
        create(world, f"s{number}", 0)
    took = timed(lambda: in_turn(world, ALONE))
    assert len(world.cluster.tasks) == ALONE
    assert all(is_even(world, each) for each in world.cluster.services.values())
    return ALONE / took


def packed(chain: tuple[str, ...], services: int) -> float:
    """Place by three strategies on the half of the instances that a constraint lets through."""
    world = World(INSTANCES, 20)
    turn = world.turn()
    for number, name in enumerate(world.cluster.instances):
        kind = shapes.Attribute(name="kind", value=f"m{number % 2 + 4}.large")
        turn.emit(AttributesPut(cluster="default", container_instance=name, attributes=[kind]))
    pairs = [one.partition(" ") for one in chain]
    strategies = [shapes.PlacementStrategy(type=kind, field=field or None) for kind, _, field in pairs]
    for number in range(services):
        create(world, f"s{number}", 0, placement_constraints=MEMBER_OF, placement_strategy=strategies)
    took = timed(lambda: in_turn(world, PACKED) if services == SERVICES else all_at_once(world, PACKED // services))
    assert len(world.cluster.tasks) == PACKED
    assert all(is_even(world, service) for service in world.cluster.services.values())
    return PACKED / took


def settled() -> float:
    """Look at a service that has all it wants; in milliseconds."""
    world = World(INSTANCES, 3)
    create(world, "web", 5_000)
    turn = world.turn()
    for name in list(world.cluster.tasks):
        turn.emit(TaskStarted(cluster="default", task=name))
    looks = 1_000
    scale(world, "web", 5_000)
    service = world.cluster.services["web"]
    assert service.steady
    return timed(lambda: [reconcile(world.turn(), world.cluster, service) for _ in range(looks)]) / looks * 1e3


def replacement(size: int) -> float:
    """End a task and have it replaced, with as many tasks whatever the number of instances; in microseconds."""
    world = World(size, 20_000 // size + 2)
    create(world, "web", 5_000)
    names = list(world.cluster.tasks)[:REPLACED]

    def replace() -> None:
        for name in names:
            stopped = TaskStopped(cluster="default", task=name, stop_code="EssentialContainerExited", reason="")
            world.turn().emit(stopped)
            reconcile(world.turn(), world.cluster, world.cluster.services["web"])

    took = timed(replace)
    assert world.cluster.services["web"].wanted == 5_000
    return took / REPLACED * 1e6


def create(world: World, name: str, count: int, **settings: object) -> None:
    """Create a service and have it all placed."""
    full = ServiceSettings(deployment_configuration=CONFIGURATION, **settings)  # type: ignore[arg-type]
    turn = world.turn()
    turn.emit(ServiceCreated(cluster="default", service=name, desired_count=count, settings=full))
    turn.emit(
        DeploymentStarted(cluster="default", service=name, deployment=world.ids.deployment(), task_definition="job:1")
    )
    settle(world, name)


def scale(world: World, name: str, count: int) -> None:
    """Want another number of tasks and have them placed."""
    world.turn().emit(ServiceUpdated(cluster="default", service=name, desired_count=count))
    settle(world, name)


def in_turn(world: World, tasks: int) -> None:
    """Scale one service after the other by one."""
    names = list(world.cluster.services)
    for number in range(tasks):
        scale(world, names[number % len(names)], number // len(names) + 1)


def all_at_once(world: World, each: int) -> None:
    """Scale one service after the other by all it gets."""
    for name in list(world.cluster.services):
        scale(world, name, each)


def settle(world: World, name: str) -> None:
    """Make passes until none is asked for."""
    cluster = world.cluster
    while reconcile(world.turn(), cluster, cluster.services[name]).again:
        pass
    assert cluster.services[name].wanted == cluster.services[name].desired_count


def is_even(world: World, service: ServiceState) -> bool:
    """Tell whether a service's tasks are spread over the zones as evenly as can be."""
    counts = [world.cluster.room.group(service.group).zones.get(zone, 0) for zone in ZONES]
    return max(counts) - min(counts) <= 1


def timed(work: Callable[[], object]) -> float:
    """Take the processor's time for some work, in seconds."""
    start = process_time()
    work()
    return process_time() - start


if __name__ == "__main__":
    sys.exit(report(measure()))
