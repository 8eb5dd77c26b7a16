"""DescribeServices and ListServices."""

import json
from typing import Any

import msgspec
import pytest

from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.names import service_deployment_id
from quarterdeck.events.service import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentStarted,
    DeploymentStopRequested,
    ServiceDeleted,
    ServiceDrained,
    ServiceSettings,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceUpdated,
)
from quarterdeck.events.task import TaskStarted, TaskStopped, TaskStopRequested
from quarterdeck.projections.models.page import Page
from quarterdeck.projections.models.service_document import created_service
from tests.projections.models.examples import (
    FIRST,
    IRELAND,
    PROD,
    SECOND,
    TASK,
    Recorder,
    defined,
    run,
    served,
    task_name,
)

OF: dict[str, Any] = {"cluster": PROD, "service": "web"}
BREAKER = shapes.DeploymentCircuitBreaker(enable=True, rollback=True)
SETTINGS = ServiceSettings(
    deployment_configuration=shapes.DeploymentConfiguration(deployment_circuit_breaker=BREAKER),
    deployment_controller=shapes.DeploymentController(type="ECS"),
    availability_zone_rebalancing="ENABLED",
)
DESCRIBED = """
{"serviceArn":"arn:aws:ecs:eu-west-1:123456789012:service/prod/web","serviceName":"web",
 "clusterArn":"arn:aws:ecs:eu-west-1:123456789012:cluster/prod","loadBalancers":[],"serviceRegistries":[],
 "status":"ACTIVE","desiredCount":3,"runningCount":4,"pendingCount":2,"launchType":"EC2",
 "taskDefinition":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:4",
 "deploymentConfiguration":{"deploymentCircuitBreaker":{"enable":true,"rollback":true},"maximumPercent":200,
   "minimumHealthyPercent":100,"strategy":"ROLLING","bakeTimeInMinutes":0},
 "deployments":[
  {"id":"ecs-svc/4567890123456789012","status":"PRIMARY",
   "taskDefinition":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:4",
   "desiredCount":3,"pendingCount":2,"runningCount":1,"failedTasks":0,"createdAt":1700600060.0,
   "updatedAt":1700600060.0,"launchType":"EC2","rolloutState":"IN_PROGRESS",
   "rolloutStateReason":"ECS deployment ecs-svc/4567890123456789012 in progress."},
  {"id":"ecs-svc/1234567890123456789","status":"ACTIVE",
   "taskDefinition":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3",
   "desiredCount":3,"pendingCount":0,"runningCount":3,"failedTasks":0,"createdAt":1700600020.0,
   "updatedAt":1700600060.0,"launchType":"EC2","rolloutState":"COMPLETED",
   "rolloutStateReason":"ECS deployment ecs-svc/1234567890123456789 completed."}],
 "createdAt":1700600020.0,"createdBy":"arn:aws:iam::123456789012:user/dev","placementConstraints":[],
 "placementStrategy":[],"healthCheckGracePeriodSeconds":0,"schedulingStrategy":"REPLICA",
 "deploymentController":{"type":"ECS"},"enableECSManagedTags":false,"propagateTags":"NONE",
 "enableExecuteCommand":false,"availabilityZoneRebalancing":"ENABLED","resourceManagementType":"CUSTOMER","tags":[]}
"""
"""Appendix B.5, but for its events, which are told below."""


def started(*names: str) -> list[AnyEvent]:
    return [TaskStarted(cluster=PROD, task=name) for name in names]


def stopped(name: str, code: str = "ServiceSchedulerInitiated") -> TaskStopped:
    return TaskStopped(cluster=PROD, task=name, stop_code=code, reason="")


def unwanted(name: str, code: str = "ServiceSchedulerInitiated") -> TaskStopRequested:
    return TaskStopRequested(cluster=PROD, task=name, stop_code=code, reason="")


async def one(prod: Recorder, name: str = "web", *include: str) -> shapes.Service:
    return (await prod.models.services.describe(IRELAND, PROD, [name], include))[name]


async def messages(prod: Recorder) -> list[str | None]:
    return [each.message for each in (await one(prod)).events or []]


async def deployments(prod: Recorder) -> list[tuple[str | None, str | None, int | None]]:
    return [(each.id, each.status, each.desired_count) for each in (await one(prod)).deployments or []]


@pytest.fixture
async def deploying(prod: Recorder) -> Recorder:
    """A rolling deployment in its middle: three old tasks run, one new one runs, two are pending."""
    old, new = [task_name(number) for number in range(3)], [task_name(number) for number in range(3, 6)]
    await prod.record(*served(settings=SETTINGS))
    await prod.record(*(event for name in old for event in run(name, deployment=FIRST)))
    await prod.record(*started(*old))
    await prod.record(DeploymentCompleted(**OF, deployment=FIRST), ServiceSteadyStateReached(**OF), defined("web", 4))
    await prod.record(DeploymentStarted(**OF, deployment=SECOND, task_definition="web:4"))
    await prod.record(*(event for name in new for event in run(name, deployment=SECOND)))
    await prod.record(*started(new[0]))
    return prod


async def test_create_service_answers_with_its_first_deployment(prod: Recorder) -> None:
    events = served()
    at = await prod.record(*events)
    told = await one(prod, "web", "TAGS")
    bare = msgspec.structs.replace(told, current_service_deployment=None, current_service_revisions=None)
    assert created_service(IRELAND, at, *events) == bare  # type: ignore[arg-type]


async def test_a_service_is_described_as_ecs_does(deploying: Recorder) -> None:
    told = msgspec.structs.replace(await one(deploying), events=None)
    arn = "arn:aws:ecs:eu-west-1:123456789012:"
    assert (told.current_service_deployment or "").startswith(f"{arn}service-deployment/prod/web/")
    assert [(each.arn, each.running_task_count) for each in told.current_service_revisions or []] == [
        (f"{arn}service-revision/prod/web/4567890123456789012", 1),
        (f"{arn}service-revision/prod/web/1234567890123456789", 3),
    ]
    told = msgspec.structs.replace(told, current_service_deployment=None, current_service_revisions=None)
    assert json.loads(msgspec.json.encode(told)) == json.loads(DESCRIBED)


async def test_events_are_told_newest_first(deploying: Recorder) -> None:
    names = [f"(task {task_name(number)})" for number in range(6)]
    assert await messages(deploying) == [
        f"(service web) has started 3 tasks: {' '.join(names[3:])}.",
        "(service web) has reached a steady state.",
        f"(service web) (deployment {FIRST}) deployment completed.",
        f"(service web) has started 3 tasks: {' '.join(names[:3])}.",
    ]
    events = (await one(deploying)).events or []
    assert len({each.id for each in events}) == 4
    assert [each.created_at for each in events] == sorted((each.created_at or 0 for each in events), reverse=True)


async def test_at_most_a_hundred_events_are_kept(prod: Recorder) -> None:
    await prod.record(*served())
    await prod.record(*[ServiceSteadyStateReached(**OF)] * 60, DeploymentCompleted(**OF, deployment=FIRST))
    await prod.record(*[ServiceSteadyStateReached(**OF)] * 99)
    told = await messages(prod)
    assert len(told) == 100
    assert told[99] == f"(service web) (deployment {FIRST}) deployment completed."


async def test_a_message_names_at_most_ten_tasks(prod: Recorder) -> None:
    await prod.record(*served())
    await prod.record(*(event for number in range(23) for event in run(task_name(number), deployment=FIRST)))
    assert [each and each.partition(":")[0] for each in await messages(prod)] == [
        "(service web) has started 3 tasks",
        "(service web) has started 10 tasks",
        "(service web) has started 10 tasks",
    ]


async def test_what_the_scheduler_stops_is_told_and_what_others_stop_is_not(prod: Recorder) -> None:
    first, second = task_name(1), task_name(2)
    await prod.record(*served())
    await prod.record(*run(first, deployment=FIRST), *run(second, deployment=FIRST))
    await prod.record(unwanted(first), unwanted(second, "UserInitiated"))
    assert (await messages(prod))[0] == f"(service web) has stopped 1 running tasks: (task {first})."


async def test_a_task_that_fails_its_health_checks_is_told_before_it_is_stopped(prod: Recorder) -> None:
    sick = task_name(1)
    await prod.record(*served())
    await prod.record(*run(sick, deployment=FIRST))
    failed = msgspec.structs.replace(unwanted(sick), reason="Task failed container health checks", unhealthy=True)
    await prod.record(failed)
    assert (await messages(prod))[:2] == [
        f"(service web) has stopped 1 running tasks: (task {sick}).",
        f"(service web) (task {sick}) failed container health checks.",
    ]


@pytest.mark.parametrize(("kind", "status"), [("ROLLBACK", "ROLLBACK_REQUESTED"), ("ABORT", "STOP_REQUESTED")])
async def test_a_stop_that_a_caller_asked_for_is_described_and_listed(prod: Recorder, kind: str, status: str) -> None:
    await prod.record(*served())
    await prod.record(DeploymentStopRequested(**OF, deployment=FIRST, stop_type=kind))
    place = (PROD, "web", service_deployment_id(FIRST))
    found = await prod.models.service_deployments.describe(IRELAND, [place])
    assert found[place].status == status
    told = await prod.models.service_deployments.list(IRELAND, PROD, "web", Page(10), status=[status])
    assert [each.status for each in told.items] == [status]
    assert not (
        await prod.models.service_deployments.list(IRELAND, PROD, "web", Page(10), status=["IN_PROGRESS"])
    ).items


async def test_an_old_deployment_leaves_with_its_last_task(deploying: Recorder) -> None:
    old = [task_name(number) for number in range(3)]
    await deploying.record(*(unwanted(name) for name in old))
    assert await deployments(deploying) == [(SECOND, "PRIMARY", 3), (FIRST, "ACTIVE", 0)]
    await deploying.record(*(stopped(name) for name in old))
    assert await deployments(deploying) == [(SECOND, "PRIMARY", 3)]


@pytest.mark.parametrize(
    "end",
    [
        DeploymentCompleted(**OF, deployment=SECOND),
        DeploymentFailed(**OF, deployment=SECOND, cause="ALARMS", reason="ALARM"),
        ServiceUpdated(**OF, settings=SETTINGS),
    ],
)
async def test_where_deployments_have_stages_an_old_one_that_lost_its_tasks_may_get_others(
    deploying: Recorder, end: AnyEvent
) -> None:
    configuration = shapes.DeploymentConfiguration(strategy="BLUE_GREEN")
    staged = msgspec.structs.replace(SETTINGS, deployment_configuration=configuration)
    await deploying.record(ServiceUpdated(**OF, settings=staged))
    await deploying.record(*(stopped(task_name(number), "EssentialContainerExited") for number in range(3)))
    assert await deployments(deploying) == [(SECOND, "PRIMARY", 3), (FIRST, "ACTIVE", 0)]
    await deploying.record(*run(task_name(9), deployment=FIRST))
    assert await deployments(deploying) == [(SECOND, "PRIMARY", 3), (FIRST, "ACTIVE", 1)]
    assert (await one(deploying)).pending_count == 3
    await deploying.record(stopped(task_name(9), "EssentialContainerExited"))
    await deploying.record(end)
    assert await deployments(deploying) == [(SECOND, "PRIMARY", 3)]


async def test_where_deployments_have_stages_what_never_completed_leaves_with_its_last_task(prod: Recorder) -> None:
    staged = shapes.DeploymentConfiguration(strategy="BLUE_GREEN")
    await prod.record(*served(settings=msgspec.structs.replace(SETTINGS, deployment_configuration=staged)))
    await prod.record(*run(TASK, deployment=FIRST))
    await prod.record(DeploymentStarted(**OF, deployment=SECOND, task_definition="web:3"))
    await prod.record(stopped(TASK))
    assert await deployments(prod) == [(SECOND, "PRIMARY", 3)]


async def test_a_deployment_that_never_had_a_task_leaves_when_it_is_replaced(prod: Recorder) -> None:
    await prod.record(*served())
    await prod.record(DeploymentStarted(**OF, deployment=SECOND, task_definition="web:3"))
    assert await deployments(prod) == [(SECOND, "PRIMARY", 3)]


async def test_failed_tasks_count_until_one_runs(prod: Recorder) -> None:
    await prod.record(*served())

    async def failed() -> int | None:
        return ((await one(prod)).deployments or [])[0].failed_tasks

    for number in range(3):
        await prod.record(*run(task_name(number), deployment=FIRST), stopped(task_name(number), "TaskFailedToStart"))
    assert await failed() == 3
    await prod.record(*run(TASK, deployment=FIRST), *started(TASK))
    assert await failed() == 0
    await prod.record(msgspec.structs.replace(unwanted(TASK), unhealthy=True))
    assert await failed() == 1, "one that fails its health checks is a failure too"


async def test_a_deployment_that_failed_says_why_until_it_is_primary_again(prod: Recorder) -> None:
    await prod.record(*served(settings=SETTINGS))
    began = await prod.record(DeploymentCompleted(**OF, deployment=FIRST))
    await prod.record(*run(TASK, deployment=FIRST), *started(TASK))
    await prod.record(DeploymentStarted(**OF, deployment=SECOND, task_definition="web:3"))
    failure = DeploymentFailed(**OF, deployment=SECOND, cause="CIRCUIT_BREAKER", reason="broken")
    await prod.record(failure)
    states = [(each.id, each.status, each.rollout_state) for each in (await one(prod)).deployments or []]
    assert states == [(SECOND, "PRIMARY", "FAILED"), (FIRST, "ACTIVE", "COMPLETED")]
    again = DeploymentStarted(**OF, deployment=FIRST, task_definition="web:3", reason="back", rolls_back=SECOND)
    await prod.record(again)
    (primary,) = (await one(prod)).deployments or []
    assert (primary.id, primary.rollout_state, primary.rollout_state_reason) == (FIRST, "IN_PROGRESS", "back")
    assert (primary.created_at or 0) < began, "it is the one that was there"
    assert primary.running_count == 1


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_deployment_that_is_primary_again_begins_without_failures(prod: Recorder, *, at_once: bool) -> None:
    """However many commits are folded at once: a model made anew must say the same."""
    await prod.record(*served(settings=SETTINGS), DeploymentCompleted(**OF, deployment=FIRST))
    await prod.record(*run(TASK, deployment=FIRST), *started(TASK))
    await prod.record(DeploymentStarted(**OF, deployment=SECOND, task_definition="web:3"))
    failed = [*run(task_name(7), deployment=FIRST), stopped(task_name(7), "TaskFailedToStart")]
    again = DeploymentStarted(**OF, deployment=FIRST, task_definition="web:3", rolls_back=SECOND)
    if at_once:
        await prod.record(*failed, again)
    else:
        await prod.record(*failed)
        await prod.record(again)
    (primary,) = (await one(prod)).deployments or []
    assert (primary.id, primary.failed_tasks) == (FIRST, 0)


async def test_what_a_deployment_lacked_is_not_said_any_more_once_something_else_is_asked_for(prod: Recorder) -> None:
    await prod.record(*served(settings=SETTINGS))
    why = Explanation(considered=1)
    lacks = ServiceTaskPlacementFailed(**OF, deployment=FIRST, count=2, reason="RESOURCE:CPU", explanation=why)
    await prod.record(lacks)
    (deployment,) = (await one(prod)).deployments or []
    assert "unable to place a task" in (deployment.rollout_state_reason or "")
    await prod.record(ServiceUpdated(**OF, desired_count=1))
    (deployment,) = (await one(prod)).deployments or []
    assert deployment.rollout_state_reason == f"ECS deployment {FIRST} in progress."


async def test_an_update_forgives_failures_and_changes_only_what_it_names(prod: Recorder) -> None:
    await prod.record(*served(settings=SETTINGS))
    await prod.record(*run(TASK, deployment=FIRST), stopped(TASK, "TaskFailedToStart"))
    before = await one(prod)
    at = await prod.record(ServiceUpdated(**OF, desired_count=7))
    after = await one(prod)
    (deployment,) = after.deployments or []
    assert (deployment.failed_tasks, deployment.desired_count, deployment.updated_at) == (0, 7, at)
    assert after == msgspec.structs.replace(
        before,
        desired_count=7,
        deployments=after.deployments,
        current_service_revisions=after.current_service_revisions,
    )


async def test_settings_are_completed_with_defaults(prod: Recorder) -> None:
    daemon = ServiceSettings(
        scheduling_strategy="DAEMON",
        deployment_configuration=shapes.DeploymentConfiguration(minimum_healthy_percent=50),
        role="arn:role",
    )
    await prod.record(*served(settings=daemon))
    told = await one(prod)
    assert (told.scheduling_strategy, told.role_arn) == ("DAEMON", "arn:role")
    assert told.deployment_configuration == shapes.DeploymentConfiguration(
        deployment_circuit_breaker=shapes.DeploymentCircuitBreaker(enable=False, rollback=False),
        maximum_percent=100,
        minimum_healthy_percent=50,
        strategy="ROLLING",
        bake_time_in_minutes=0,
    )


async def test_tags_are_told_only_when_asked_for(prod: Recorder) -> None:
    await prod.record(*served())
    assert (await one(prod)).tags == []
    assert (await one(prod, "web", "TAGS")).tags == [shapes.Tag(key="team", value="web")]


async def test_a_deleted_service_drains_and_is_listed_no_more(prod: Recorder) -> None:
    await prod.record(*served())
    await prod.record(*run(TASK, deployment=FIRST), *started(TASK))
    await prod.record(ServiceDeleted(**OF))
    told = await one(prod)
    assert (told.status, told.desired_count, told.running_count) == ("DRAINING", 0, 1)
    assert (await prod.models.services.list(IRELAND, PROD, Page(10))).items == []
    await prod.record(unwanted(TASK), ServiceDrained(**OF))
    assert (await one(prod)).status == "INACTIVE"


async def test_a_name_used_again_is_another_service(prod: Recorder) -> None:
    await prod.record(*served())
    await prod.record(*run(TASK, deployment=FIRST), *started(TASK))
    await prod.record(ServiceDeleted(**OF), unwanted(TASK), ServiceDrained(**OF))
    at = await prod.record(*served(deployment=SECOND))
    told = await one(prod)
    assert (told.created_at, told.events, told.running_count) == (at, [], 0)
    await prod.record(stopped(TASK))
    assert await one(prod) == told


async def test_services_are_listed_in_order_of_creation_by_kind(prod: Recorder) -> None:
    daemon = ServiceSettings(scheduling_strategy="DAEMON", deployment_configuration=shapes.DeploymentConfiguration())
    for number, (name, settings) in enumerate([("c", None), ("a", daemon), ("b", None)]):
        await prod.record(*served(name, deployment=f"ecs-svc/{number}", settings=settings))

    async def listed(page: Page = Page(10), **only: str) -> tuple[str, str | None]:  # noqa: B008
        found = await prod.models.services.list(IRELAND, PROD, page, **only)
        return "".join(each.rpartition("/")[2] for each in found.items), found.after

    assert await listed() == ("cab", None)
    assert await listed(scheduling_strategy="DAEMON") == ("a", None)
    assert await listed(scheduling_strategy="REPLICA", launch_type="EC2") == ("cb", None)
    assert await listed(launch_type="FARGATE") == ("", None)
    first, after = await listed(Page(2))
    assert (first, await listed(Page(2, after))) == ("ca", ("b", None))


async def test_what_is_not_there_is_left_out(prod: Recorder) -> None:
    assert await prod.models.services.describe(IRELAND, PROD, ["nope"]) == {}
    assert await prod.models.services.describe(IRELAND, "nowhere", ["nope"]) == {}
