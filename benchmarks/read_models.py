"""Read models: folding RunTask into a file, and what describing and listing then take.

Latencies include the hop to SQLite's thread and back; each is the median of many calls.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import msgspec

from benchmarks.harness import Row, report
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.events.container_instance import Capacity, ContainerInstanceRegistered
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceSettings
from quarterdeck.events.task import TaskPlaced, TaskRequested, TaskStarted
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from quarterdeck.projections.live.demand import demand
from quarterdeck.projections.models.page import Page
from quarterdeck.projections.models.store import ReadModels
from quarterdeck.projections.models.task_document import requested_task

NAMESPACE = Namespace("us-east-1", "000000000000")
CLUSTER = "prod"
ZONE = "us-east-1a"
INSTANCES = 500
TASKS_FOLDED = 40_000
TASKS_HELD = 10_000
TASKS_SERVED = 5_000
BATCH_COMMITS = 2_000
CALLS = 300

COMMITS_A_SECOND_MIN = 30_000
DESCRIBE_SERVICE_MS_MAX = 2.0
LIST_MS_MAX = 1.0
DESCRIBE_TASKS_MS_MAX = 1.0
DOCUMENT_US_MAX = 8.0

DEFINITION = shapes.TaskDefinition(
    family="web",
    container_definitions=[
        shapes.ContainerDefinition(
            name="web",
            image="nginx",
            cpu=10,
            memory=300,
            essential=True,
            port_mappings=[shapes.PortMapping(container_port=80, host_port=0, protocol="tcp")],
        )
    ],
)


def measure() -> Iterator[Row]:
    """Measure the document alone, then folding, then answers."""
    yield Row(name="read models: describe a new task", value=document_us(), unit="us", at_most=DOCUMENT_US_MAX)
    with tempfile.TemporaryDirectory() as folder:
        rate = asyncio.run(folded(Path(folder)))
        name = f"read models: RunTask commits folded, {BATCH_COMMITS:,} a transaction"
        yield Row(name=name, value=rate, unit="/s", at_least=COMMITS_A_SECOND_MIN)
        yield from asyncio.run(answered(Path(folder)))


def document_us() -> float:
    """Describe one task often."""
    requested, placed = task(1, 0)
    needs = demand(DEFINITION)
    times = []
    for _ in range(20):
        start = perf_counter()
        for _ in range(1_000):
            requested_task(NAMESPACE, 1.5, requested, placed, DEFINITION, needs=needs, architecture="x86_64")
        times.append((perf_counter() - start) * 1e3)
    return median(times)


async def folded(folder: Path) -> float:
    """Fold tasks that are run one a command."""
    models = await ReadModels.open(str(folder / "folded"))
    await models.apply([chained(1, [commit(setting())])], "log")
    took = []
    for sequence, first in enumerate(range(0, TASKS_FOLDED, BATCH_COMMITS), 2):
        batch = [chained(sequence, [commit([*task(first + n, n)]) for n in range(BATCH_COMMITS)])]
        start = perf_counter()
        await models.apply(batch, "log")
        took.append(perf_counter() - start)
    page = await models.tasks.list(NAMESPACE, CLUSTER, Page(TASKS_FOLDED), now=0.0)
    assert len(page.items) == TASKS_FOLDED
    await models.close()
    return BATCH_COMMITS / median(took)


async def answered(folder: Path) -> list[Row]:
    """Ask a cluster with many running tasks, half of them of one service."""
    models = await ReadModels.open(str(folder / "answered"))
    await models.apply([chained(1, [commit(setting()), commit(service())])], "log")
    names = [f"{number:032x}" for number in range(TASKS_HELD)]
    commits = [commit([*task(number, number, number < TASKS_SERVED), started(number)]) for number in range(TASKS_HELD)]
    await models.apply([chained(2, commits)], "log")
    found = (await models.services.describe(NAMESPACE, CLUSTER, ["web"]))["web"]
    assert found.running_count == TASKS_SERVED
    tasks, services, clusters = models.tasks, models.services, models.clusters
    middle = (await tasks.list(NAMESPACE, CLUSTER, Page(TASKS_HELD // 2), now=0.0)).after
    cases: list[tuple[str, float, Callable[[int], Awaitable[object]]]] = [
        (
            f"describe a service of {TASKS_SERVED:,} tasks",
            DESCRIBE_SERVICE_MS_MAX,
            lambda _: services.describe(NAMESPACE, CLUSTER, ["web"]),
        ),
        (
            "describe its cluster, with statistics",
            DESCRIBE_SERVICE_MS_MAX,
            lambda _: clusters.describe(NAMESPACE, [CLUSTER], ["STATISTICS"]),
        ),
        (
            f"list 100 tasks of {TASKS_HELD:,}",
            LIST_MS_MAX,
            lambda _: tasks.list(NAMESPACE, CLUSTER, Page(100, middle), now=0.0),
        ),
        (
            f"list 100 tasks of a service of {TASKS_SERVED:,}",
            LIST_MS_MAX,
            lambda _: tasks.list(NAMESPACE, CLUSTER, Page(100), now=0.0, service_name="web"),
        ),
        (
            "describe 10 tasks",
            DESCRIBE_TASKS_MS_MAX,
            lambda call: tasks.describe(NAMESPACE, CLUSTER, names[10 * call : 10 * call + 10]),
        ),
    ]
    rows = [
        Row(name=f"read models: {name}", value=await latency_ms(ask), unit="ms", at_most=most)
        for name, most, ask in cases
    ]
    await models.close()
    return rows


async def latency_ms(ask: Callable[[int], Awaitable[object]]) -> float:
    """Ask often, one after the other."""
    times = []
    for call in range(CALLS):
        start = perf_counter()
        assert await ask(call)
        times.append((perf_counter() - start) * 1e3)
    return median(times)


def setting() -> list[AnyEvent]:
    """A cluster, its instances, and what its tasks are."""
    capacity = Capacity(cpu=1_000_000, memory=100_000_000, ports=[22])
    attributes = [shapes.Attribute(name="ecs.cpu-architecture", value="x86_64")]
    instances = [
        ContainerInstanceRegistered(
            cluster=CLUSTER,
            container_instance=f"{number:032x}",
            zone=ZONE,
            capacity=capacity,
            attributes=attributes,
        )
        for number in range(INSTANCES)
    ]
    definition = TaskDefinitionRegistered(family="web", revision=1, definition=DEFINITION)
    return [ClusterCreated(cluster=CLUSTER), definition, *instances]


def service() -> list[AnyEvent]:
    """A service with its deployment."""
    settings = ServiceSettings(deployment_configuration=shapes.DeploymentConfiguration())
    created = ServiceCreated(cluster=CLUSTER, service="web", desired_count=TASKS_SERVED, settings=settings)
    return [
        created,
        DeploymentStarted(cluster=CLUSTER, service="web", deployment="ecs-svc/1", task_definition="web:1"),
    ]


def task(number: int, instance: int, served: bool = False) -> tuple[TaskRequested, TaskPlaced]:  # noqa: FBT001, FBT002
    """A task, and its place."""
    name = f"{number:032x}"
    requested = TaskRequested(cluster=CLUSTER, task=name, task_definition="web:1", group="family:web")
    if served:
        requested = msgspec.structs.replace(requested, group="service:web", deployment="ecs-svc/1")
    placed = TaskPlaced(cluster=CLUSTER, task=name, container_instance=f"{instance % INSTANCES:032x}", zone=ZONE)
    return requested, placed


def started(number: int) -> TaskStarted:
    """The report that a task runs."""
    return TaskStarted(cluster=CLUSTER, task=f"{number:032x}")


def commit(events: list[AnyEvent]) -> Commit:
    """What one command decided."""
    return Commit(id="1.1", at=1.5, namespace=str(NAMESPACE), actor="root", operation="RunTask", events=events)


def chained(sequence: int, commits: list[Commit]) -> Chained:
    """What one append held."""
    return Chained(sequence, 1, "hash", commits)


if __name__ == "__main__":
    sys.exit(report(measure()))
