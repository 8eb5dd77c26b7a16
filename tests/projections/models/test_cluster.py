"""DescribeClusters and ListClusters."""

import pytest

from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.cluster import ClusterDeleted
from quarterdeck.events.container_instance import ContainerInstanceDeregistered
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import ServiceDeleted
from quarterdeck.events.task import TaskStarted, TaskStopped
from quarterdeck.projections.models.page import Page
from tests.projections.models.examples import (
    INSTANCE,
    IRELAND,
    PROD,
    TASK,
    Recorder,
    cluster_created,
    defined,
    registered,
    run,
    served,
    task_name,
)


async def one(prod: Recorder, *include: str) -> shapes.Cluster:
    return (await prod.models.clusters.describe(IRELAND, [PROD], include))[PROD]


async def counts(prod: Recorder) -> tuple[int | None, ...]:
    told = await one(prod)
    return (
        told.registered_container_instances_count,
        told.running_tasks_count,
        told.pending_tasks_count,
        told.active_services_count,
    )


async def test_a_new_cluster_is_active_and_empty(prod: Recorder) -> None:
    assert await one(prod) == shapes.Cluster(
        cluster_arn="arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
        cluster_name=PROD,
        status="ACTIVE",
        registered_container_instances_count=1,
        running_tasks_count=0,
        pending_tasks_count=0,
        active_services_count=0,
        statistics=[],
        tags=[],
        settings=[],
        capacity_providers=[],
        default_capacity_provider_strategy=[],
    )


async def test_counts_follow_tasks_services_and_instances(prod: Recorder) -> None:
    await prod.record(*run(), *run(task_name(1)), *served())
    assert await counts(prod) == (1, 0, 2, 1)
    await prod.record(TaskStarted(cluster=PROD, task=TASK))
    assert await counts(prod) == (1, 1, 1, 1)
    await prod.record(
        TaskStopped(cluster=PROD, task=TASK, stop_code="", reason=""),
        ServiceDeleted(cluster=PROD, service="web"),
        ContainerInstanceDeregistered(cluster=PROD, container_instance=INSTANCE),
    )
    assert await counts(prod) == (0, 0, 1, 0)


async def test_parts_are_told_only_when_included(prod: Recorder) -> None:
    assert (await one(prod, "TAGS")).tags == [shapes.Tag(key="team", value="web")]
    assert (await one(prod, "SETTINGS")).settings == [shapes.ClusterSetting(name="containerInsights", value="disabled")]
    assert (await one(prod)).configuration is None
    assert (await one(prod, "CONFIGURATIONS")).configuration is not None


async def test_statistics_tell_launch_types_apart(prod: Recorder) -> None:
    await prod.record(*run(), *run(task_name(1)), *served(), *served("old", deployment="ecs-svc/9"))
    await prod.record(TaskStarted(cluster=PROD, task=TASK), ServiceDeleted(cluster=PROD, service="old"))
    told = await one(prod, "STATISTICS")
    assert {each.name: each.value for each in told.statistics or []} == {
        "runningEC2TasksCount": "1",
        "runningFargateTasksCount": "0",
        "pendingEC2TasksCount": "1",
        "pendingFargateTasksCount": "0",
        "activeEC2ServiceCount": "1",
        "activeFargateServiceCount": "0",
        "drainingEC2ServiceCount": "1",
        "drainingFargateServiceCount": "0",
    }


async def test_a_deleted_cluster_is_described_but_not_listed(prod: Recorder) -> None:
    await prod.record(cluster_created("test"))
    await prod.record(ClusterDeleted(cluster=PROD))
    assert (await one(prod)).status == "INACTIVE"
    assert (await prod.models.clusters.list(IRELAND, Page(10))).items == [IRELAND.cluster_arn("test")]


async def test_a_cluster_that_begins_anew_has_nothing_of_the_old_one(prod: Recorder) -> None:
    await prod.record(*run(), *served(), TaskStarted(cluster=PROD, task=TASK))
    await prod.record(ClusterDeleted(cluster=PROD), cluster_created())
    assert await counts(prod) == (0, 0, 0, 0)
    assert await prod.models.tasks.describe(IRELAND, PROD, [TASK]) == {}
    assert await prod.models.services.describe(IRELAND, PROD, ["web"]) == {}
    assert await prod.models.container_instances.describe(IRELAND, PROD, [INSTANCE]) == {}


async def test_what_ends_and_begins_in_one_commit_leaves_nothing_behind(prod: Recorder) -> None:
    again: list[AnyEvent] = [ClusterDeleted(cluster=PROD), cluster_created()]
    await prod.record(*run(), *served(), *again, *registered(), *run(), TaskStarted(cluster=PROD, task=TASK))
    assert await counts(prod) == (1, 1, 0, 0)


async def test_clusters_are_listed_in_order_of_creation_page_by_page(empty: Recorder) -> None:
    names = ["c", "a", "b"]
    for name in names:
        await empty.record(cluster_created(name))
    first = await empty.models.clusters.list(IRELAND, Page(2))
    rest = await empty.models.clusters.list(IRELAND, Page(2, first.after))
    assert first.items + rest.items == [IRELAND.cluster_arn(name) for name in names]
    assert rest.after is None


@pytest.mark.parametrize("namespace", [Namespace("eu-west-1", "0" * 12), Namespace("us-east-1", "123456789012")])
async def test_nothing_is_seen_from_another_account_or_region(prod: Recorder, namespace: Namespace) -> None:
    await prod.record(*run(), *served(), defined("job", 1))
    models = prod.models
    assert await models.clusters.describe(namespace, [PROD]) == {}
    assert (await models.clusters.list(namespace, Page(10))).items == []
    assert await models.tasks.describe(namespace, PROD, [TASK]) == {}
    assert (await models.services.list(namespace, PROD, Page(10))).items == []
    assert await models.task_definitions.describe(namespace, "web") is None
    assert (await models.task_definitions.families(namespace, Page(10))).items == []
