"""The fold of all read models: total, the same however the log is cut, and at one with the live view."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.events import shapes
from quarterdeck.events.catalog import EVENT_TYPES, AnyEvent
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.events.service import DeploymentFailed, DeploymentStarted
from quarterdeck.projections.live.states import ClusterState, DeploymentState
from quarterdeck.projections.live.view import LiveView
from quarterdeck.projections.models.fold import Fold
from quarterdeck.projections.models.page import Page
from quarterdeck.projections.models.store import ReadModels
from tests.projections.models.examples import (
    FIRST,
    IRELAND,
    PROD,
    SECOND,
    START,
    cluster_created,
    commit,
    defined,
    registered,
    served,
)
from tests.projections.models.records import PRINCIPALS, PROVIDERS
from tests.projections.models.world import World

EVERY = ["TAGS", "SETTINGS", "STATISTICS", "CONFIGURATIONS"]
ALL = Page(10_000)
SERVICES = ["api", "shop"]

stories = st.lists(st.integers(0, 10_000), min_size=5, max_size=60)
story = settings(max_examples=60)


def envelopes(commits: list[Commit], size: int) -> list[Chained]:
    parts = [commits[start : start + size] for start in range(0, len(commits), size)]
    return [Chained(number, 1, f"hash-{number}", part) for number, part in enumerate(parts, 1)]


async def folded(log: list[Chained], size: int) -> ReadModels:
    models = await ReadModels.open(":memory:")
    for start in range(0, len(log), size):
        await models.apply(log[start : start + size], "log")
    return models


async def names(models: ReadModels, cluster: str) -> tuple[list[str], list[str]]:
    """The ids of all tasks and instances of a cluster."""
    tasks = []
    for desired in ("RUNNING", "STOPPED"):
        tasks += (await models.tasks.list(IRELAND, cluster, ALL, now=START, desired_status=desired)).items
    instances = (await models.container_instances.list(IRELAND, cluster, ALL)).items
    instances += (await models.container_instances.list(IRELAND, cluster, ALL, status="INACTIVE")).items
    return [each.rpartition("/")[2] for each in tasks], [each.rpartition("/")[2] for each in instances]


async def contents(models: ReadModels) -> dict[str, Any]:
    """Everything the models answer."""
    told: dict[str, Any] = {"clusters": await models.clusters.describe(IRELAND, ["prod", "test"], EVERY)}
    told["listed clusters"] = await models.clusters.list(IRELAND, ALL)
    told["families"] = await models.task_definitions.families(IRELAND, ALL)
    for status in ("ACTIVE", "INACTIVE"):
        told[status] = await models.task_definitions.list(IRELAND, ALL, status=status)
    told["providers"] = await models.capacity_providers.describe(IRELAND, PROVIDERS, EVERY)
    for principal in PRINCIPALS:
        told[principal] = await models.account_settings.chosen(IRELAND, principal)
    told["tags"] = {
        name: (await models.task_definitions.describe(IRELAND, name) or (None, []))[1] for name in ("web", "job")
    }
    for cluster in ("prod", "test"):
        told[f"{cluster} attributes"] = await models.attributes.list(IRELAND, cluster, ALL)
        tasks, instances = await names(models, cluster)
        told[f"{cluster} tasks"] = await models.tasks.describe(IRELAND, cluster, tasks, EVERY)
        told[f"{cluster} instances"] = await models.container_instances.describe(IRELAND, cluster, instances, EVERY)
        told[f"{cluster} services"] = await models.services.describe(IRELAND, cluster, SERVICES, EVERY)
        told[f"{cluster} listed"] = await models.services.list(IRELAND, cluster, ALL)
    return told


async def test_every_event_type_has_a_place() -> None:
    models = await ReadModels.open(":memory:")
    handlers = await models._database.read(lambda connection: set(Fold(connection).handlers))
    await models.close()
    assert handlers == set(EVENT_TYPES.values())


def test_stories_tell_of_every_event_type() -> None:
    told = World().commits(range(2_000))
    assert {type(event) for commit in told for event in commit.events} == set(EVENT_TYPES.values())


@story
@given(stories, st.integers(1, 9), st.integers(1, 9))
async def test_however_the_log_is_cut_the_models_are_the_same(choices: list[int], small: int, large: int) -> None:
    log = envelopes(World().commits(choices), small)
    one, other = await folded(log, 1), await folded(log, large)
    try:
        assert await contents(one) == await contents(other)
    finally:
        await one.close()
        await other.close()


@story
@given(stories, st.integers(1, 5))
async def test_applying_twice_is_applying_once(choices: list[int], size: int) -> None:
    log = envelopes(World().commits(choices), size)
    once, twice = await folded(log, size), await folded(log, size)
    try:
        position = await twice.position()
        assert await twice.apply(log, "log") == position
        assert await contents(once) == await contents(twice)
    finally:
        await once.close()
        await twice.close()


@story
@given(stories, st.integers(1, 9))
async def test_counts_are_what_counting_gives(choices: list[int], size: int) -> None:
    models = await folded(envelopes(World().commits(choices), 2), size)
    try:
        told = await contents(models)
    finally:
        await models.close()
    for cluster in ("prod", "test"):
        described = told["clusters"].get(cluster)
        if described is not None:
            tasks = list(told[f"{cluster} tasks"].values())
            _check_cluster(described, tasks, told, cluster)
            for instance in told[f"{cluster} instances"].values():
                _check_instance(instance, tasks)
            for service in told[f"{cluster} services"].values():
                _check_service(service, tasks)


def _check_cluster(described: shapes.Cluster, tasks: list[shapes.Task], told: dict[str, Any], cluster: str) -> None:
    last = Counter(each.last_status for each in tasks)
    instances = Counter(each.status for each in told[f"{cluster} instances"].values())
    services = Counter(each.status for each in told[f"{cluster} services"].values())
    counted = (last["RUNNING"], last["PENDING"], instances["ACTIVE"] + instances["DRAINING"], services["ACTIVE"])
    assert counted == (
        described.running_tasks_count,
        described.pending_tasks_count,
        described.registered_container_instances_count,
        described.active_services_count,
    )


def _check_instance(described: shapes.ContainerInstance, tasks: list[shapes.Task]) -> None:
    here = [each for each in tasks if each.container_instance_arn == described.container_instance_arn]
    last = Counter(each.last_status for each in here)
    assert (described.running_tasks_count, described.pending_tasks_count) == (last["RUNNING"], last["PENDING"])
    offered, left = (described.registered_resources or [], described.remaining_resources or [])
    taken = [int(each.cpu or 0) for each in here if each.last_status not in {"STOPPING", "STOPPED"}]
    assert (offered[0].integer_value or 0) - sum(taken) == left[0].integer_value


def _check_service(described: shapes.Service, tasks: list[shapes.Task]) -> None:
    deployments = described.deployments or []
    for each in deployments:
        last = Counter(task.last_status for task in tasks if task.started_by == each.id)
        assert (each.running_count, each.pending_count) == (last["RUNNING"], last["PENDING"])
    assert described.running_count == sum(each.running_count or 0 for each in deployments)
    assert described.pending_count == sum(each.pending_count or 0 for each in deployments)
    assert [each.status for each in deployments] == ["PRIMARY", *["ACTIVE"] * (len(deployments) - 1)]
    assert all((each.running_count or 0) + (each.pending_count or 0) for each in deployments[1:])


@story
@given(stories, st.integers(1, 9))
async def test_the_models_and_the_live_view_agree(choices: list[int], size: int) -> None:
    log = envelopes(World().commits(choices), 2)
    view = LiveView()
    for envelope in log:
        view.fold(envelope)
    models = await folded(log, size)
    try:
        told = await contents(models)
    finally:
        await models.close()
    for name, state in view.namespaces[str(IRELAND)].clusters.items():
        assert told["clusters"][name].status == state.status
        assert told["clusters"][name].capacity_providers == state.capacity_providers
        assert told["clusters"][name].default_capacity_provider_strategy == state.default_strategy
        _agree_on_tasks(state, told[f"{name} tasks"])
        _agree_on_instances(state, told[f"{name} instances"])
        _agree_on_services(state, told[f"{name} services"])
        _agree_on_tags(state, told, name)
        _agree_on_attributes(state, told[f"{name} attributes"].items)
    namespace = view.namespaces[str(IRELAND)]
    assert {each: told[each] for each in PRINCIPALS if told[each]} == namespace.account_settings
    providers = namespace.capacity_providers.items()
    assert {name: (each.status, each.tags) for name, each in providers} == {
        name: (each.status, each.tags) for name, each in told["providers"].items()
    }


def _agree_on_tags(state: ClusterState, told: dict[str, Any], name: str) -> None:
    assert told["clusters"][name].tags == state.tags
    for noun, there in (("tasks", state.tasks), ("instances", state.instances), ("services", state.services)):
        live = {key: list(each.tags) for key, each in there.items()}
        assert {key: each.tags or [] for key, each in told[f"{name} {noun}"].items()} == live


def _agree_on_attributes(state: ClusterState, listed: list[shapes.Attribute]) -> None:
    told = {((each.target_id or "").rpartition("/")[2], each.name): each.value or "" for each in listed}
    assert told == {
        (instance.id, name): value
        for instance in state.instances.values()
        if instance.status != "INACTIVE"
        for name, value in instance.attributes.items()
    }


def _agree_on_tasks(state: ClusterState, told: dict[str, shapes.Task]) -> None:
    live = {key: (each.last_status, each.desired_status, each.version) for key, each in state.tasks.items()}
    assert {key: (each.last_status, each.desired_status, each.version) for key, each in told.items()} == live


def _agree_on_instances(state: ClusterState, told: dict[str, shapes.ContainerInstance]) -> None:
    live = {
        key: (each.status, each.connected, each.version, each.cpu_left, each.memory_left)
        for key, each in state.instances.items()
    }
    assert {key: _instance(each) for key, each in told.items()} == live
    for key, each in told.items():
        ports = (each.remaining_resources or [])[2].string_set_value or []
        instance = state.instances[key]
        assert sorted(map(int, ports)) == sorted(instance.tcp_kept | instance.tcp)


def _instance(each: shapes.ContainerInstance) -> tuple[object, ...]:
    cpu, memory, *_ = each.remaining_resources or []
    return each.status, each.agent_connected, each.version, cpu.integer_value, memory.integer_value


def _rollout_state(deployment: DeploymentState) -> str:
    if deployment.failure:
        return "FAILED"
    return "COMPLETED" if deployment.completed else "IN_PROGRESS"


def _agree_on_services(state: ClusterState, told: dict[str, shapes.Service]) -> None:
    assert set(told) == set(state.services)
    for name, each in told.items():
        live = state.services[name]
        assert (each.status, each.desired_count) == (live.status, live.desired_count)
        described = [(one.id, one.failed_tasks, one.rollout_state) for one in each.deployments or []]
        assert described == [(one.id, one.failed, _rollout_state(one)) for one in live.deployments]


@pytest.mark.parametrize("failing", [0, 3, 7])
async def test_a_batch_that_fails_leaves_nothing_behind(failing: int) -> None:
    """As a crash would: what was not committed never was, and the same batch then goes through."""
    log = envelopes(World().commits(range(0, 900, 7)), 5)
    broken = msgspec.structs.replace(log[failing], commits=[*log[failing].commits, _impossible(log[failing])])
    models, whole = await folded(log[:failing], 2), await folded(log, 3)
    try:
        before = await contents(models)
        with pytest.raises(AssertionError):
            await models.apply([broken], "log")
        assert await contents(models) == before
        await models.apply(log[failing:], "log")
        assert await contents(models) == await contents(whole)
    finally:
        await models.close()
        await whole.close()


def _impossible(envelope: Chained) -> Commit:
    """A commit about a cluster that never was."""
    (event, *_) = World().commits([7])[-1].events
    return msgspec.structs.replace(envelope.commits[0], events=[msgspec.structs.replace(event, cluster="nowhere")])


@pytest.mark.parametrize("size", [1, 2, 10])
async def test_a_deployment_that_is_gone_back_to_is_the_same_however_the_log_is_cut(size: int) -> None:
    failed = DeploymentFailed(cluster=PROD, service="web", deployment=SECOND, cause="STOPPED", reason="enough")
    back = DeploymentStarted(
        cluster=PROD, service="web", deployment=FIRST, task_definition="web:3", rolls_back=SECOND, revision=FIRST
    )
    told: list[list[AnyEvent]] = [
        [cluster_created(), *registered(), defined(), defined(revision=4)],
        served(desired_count=0),
        [DeploymentStarted(cluster=PROD, service="web", deployment=SECOND, task_definition="web:4")],
        [failed, back],
    ]
    log = envelopes([commit(*events, at=START + at, number=at) for at, events in enumerate(told)], 1)
    models = await folded(log, size)
    (first, *_) = (await models.services.describe(IRELAND, PROD, ["web"]))["web"].deployments or []
    assert (first.id, first.created_at) == (FIRST, START + 3)
    await models.close()
