"""Placement: tasks placed a second by RunTask, from the request to the folded events, against a scan of all instances.

Every run ends with the zones exactly even, or it does not count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from benchmarks.harness import Row, median_of, report, seconds
from benchmarks.world import ZONES, World
from quarterdeck.engine.core import task
from quarterdeck.engine.core.checks import first_failing_check
from quarterdeck.engine.core.placement import Placed
from quarterdeck.engine.core.task import bind
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.shapes import RunTaskRequest
from quarterdeck.events.task import TaskRequested
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState

SIZES = (100, 1_000, 10_000)
TASKS = 30_000
SCANNED_INSTANCES = 1_000_000
"""A scan looks at about so many instances in a run, whatever the size of the cluster."""
GROUP = "family:job"
RATE_MIN = {100: 50_000, 1_000: 50_000, 10_000: 20_000}
RATIO_MIN = {100: 2, 1_000: 10, 10_000: 100}


def measure() -> Iterator[Row]:
    """Measure each size of cluster: one task a call, ten a call, and a scan."""
    for size in SIZES:
        alone = median_of(lambda size=size: placed_a_second(size, TASKS, one_by_one))  # type: ignore[misc]
        yield Row(
            name=f"placement: {size:,} instances, one task a call", value=alone, unit="/s", at_least=RATE_MIN[size]
        )
        tens = median_of(lambda size=size: placed_a_second(size, TASKS, ten_by_ten))  # type: ignore[misc]
        yield Row(
            name=f"placement: {size:,} instances, ten tasks a call", value=tens, unit="/s", at_least=RATE_MIN[size]
        )
        few = max(len(ZONES) * 10, SCANNED_INSTANCES // size // len(ZONES) * len(ZONES))
        scan = median_of(lambda size=size, few=few: placed_a_second(size, few, by_scan))  # type: ignore[misc]
        yield Row(name=f"placement: {size:,} instances, scanning all of them", value=scan, unit="/s")
        ratio = alone / scan
        yield Row(name="           times as fast as the scan", value=ratio, unit="x", at_least=RATIO_MIN[size])


def placed_a_second(size: int, tasks: int, place: Callable[[World, int], None]) -> float:
    """Place tasks in a new cluster and see that the zones are exactly even."""
    world = World(size, 2 * tasks // size + 1)
    took = seconds(lambda: place(world, tasks))
    counts = world.cluster.room.group(GROUP).zones
    assert len(world.cluster.tasks) == tasks
    assert max(counts.values()) - min(counts.values()) <= (1 if tasks % len(ZONES) else 0), counts
    return tasks / took


def one_by_one(world: World, tasks: int) -> None:
    """Ask for each task by itself."""
    request = RunTaskRequest(cluster="default", task_definition="job:1")
    for _ in range(tasks):
        assert not task.run(world.turn(), request)


def ten_by_ten(world: World, tasks: int) -> None:
    """Ask for as many as one call may."""
    request = RunTaskRequest(cluster="default", task_definition="job:1", count=10)
    for _ in range(tasks // 10):
        assert not task.run(world.turn(), request)


def by_scan(world: World, tasks: int) -> None:
    """Place by the same rule, looking at every instance each time; the events are the same."""
    template = TaskRequested(cluster="default", task="", task_definition="job:1", group=GROUP)
    need = world.state.families["job"].revisions[1].demand
    for _ in range(tasks):
        bind(world.turn(), template, Placed(best(world, need), Explanation()))


def best(world: World, need: Demand) -> InstanceState:
    """Find the instance that fits, by zone's tasks, zone, instance's tasks and id."""
    group = world.cluster.room.group(GROUP)
    zones, instances = group.zones, group.instances
    fitting = (each for each in world.cluster.instances.values() if not first_failing_check(each, need))
    return min(fitting, key=lambda each: (zones.get(each.zone, 0), each.zone, instances.get(each.id, 0), each.id))


if __name__ == "__main__":
    sys.exit(report(measure()))
