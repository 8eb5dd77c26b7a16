"""Task sets: created, scaled, made PRIMARY, deleted, and kept at their share (spec §9.8)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import service, task_protection, task_set
from quarterdeck.engine.core.waiting import waiting_for
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import ServiceDeleted
from quarterdeck.events.task import TaskHealthChanged
from quarterdeck.events.task_set import (
    PrimaryTaskSetChanged,
    TaskSetCreated,
    TaskSetDeleted,
    TaskSetDrained,
    TaskSetScaled,
    TaskSetSteadyStateReached,
)
from tests.engine.core.story import ARN, Story, created, defined, given, joined, stopped

CREATE = shapes.CreateTaskSetRequest
OF: dict[str, Any] = {"cluster": "default", "service": "web"}
WANTS = "InvalidParameterException"


def percent(value: float, unit: str = "PERCENT") -> shapes.Scale:
    return shapes.Scale(value=value, unit=unit)


def external(count: int = 4) -> Story:
    """A service of task sets, that has none yet, in a cluster with two instances."""
    story = given(defined("app:1"), defined("app:2"), joined("a1"), joined("b1", "b"))
    request = shapes.CreateServiceRequest(
        service_name="web",
        desired_count=count,
        deployment_controller=shapes.DeploymentController(type="EXTERNAL"),
    )
    story.when(service.create, request)
    return story


def add(story: Story, scale: float = 100.0, definition: str = "app:1", **members: Any) -> str:
    story.when(task_set.create, CREATE(**OF, task_definition=definition, scale=percent(scale), **members))
    return str(story.answer)


LACK = "{}: needs 5000 CPU units, 3840 left"


def waits(story: Story) -> list[str]:
    return waiting_for(story.turn(), story.cluster(), story.service())


def spread(story: Story) -> dict[str, int]:
    """Count the tasks wanted, by task set."""
    found: dict[str, int] = {}
    for each in story.live():
        if each.desired_status == "RUNNING":
            found[each.deployment] = found.get(each.deployment, 0) + 1
    return found


@pytest.mark.parametrize(("desired", "scale", "tasks"), [(3, 33.3, 1), (3000, 1.1, 33), (3001, 1.1, 34), (7, 0.01, 1)])
def test_a_share_is_rounded_up_by_tasks_and_not_by_the_last_digits_of_a_number(
    desired: int, scale: float, tasks: int
) -> None:
    story = external(desired)
    add(story, scale)
    assert story.service().task_sets[0].computed(desired) == tasks


def test_each_task_set_has_its_share_rounded_up() -> None:
    story = external(5)
    blue, green = add(story, 50), add(story, 10, "app:2")
    story.run_service()
    assert spread(story) == {blue: 3, green: 1}
    assert {(each.deployment, each.definition) for each in story.live()} == {(blue, "app:1"), (green, "app:2")}
    assert {each.group for each in story.live()} == {"service:web"}


def test_a_share_may_change_and_so_may_the_count() -> None:
    story = external(4)
    blue = add(story)
    story.run_service()
    request = shapes.UpdateTaskSetRequest(**OF, task_set=blue, scale=percent(25))
    assert story.when(task_set.update, request) == [
        TaskSetScaled(cluster="default", service="web", task_set=blue, scale=25)
    ]
    assert story.when(task_set.update, request) == []
    story.run_service()
    assert spread(story) == {blue: 1}
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=8))
    story.run_service()
    assert spread(story) == {blue: 2}


def test_a_task_set_says_once_that_it_is_steady() -> None:
    story = external(1)
    blue = add(story)
    steady = TaskSetSteadyStateReached(cluster="default", service="web", task_set=blue)
    story.run_service()
    assert [each for commit in story.commits for each in commit.events].count(steady) == 1
    story.given(stopped(story.live()[0].id))
    story.run_service()
    assert [each for commit in story.commits for each in commit.events].count(steady) == 2


def test_tasks_of_a_draining_instance_are_moved() -> None:
    story = external(2)
    add(story)
    story.run_service()
    story.given(ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status="DRAINING"))
    story.run_service()
    assert story.on("a1") == []
    assert len(story.on("b1")) == 2


def test_scale_in_of_a_task_set_passes_over_protected_tasks() -> None:
    story = external(2)
    blue = add(story)
    story.run_service()
    kept = story.live()[0].id
    request = shapes.UpdateTaskProtectionRequest(cluster="default", tasks=[kept], protection_enabled=True)
    story.when(task_protection.update, request)
    story.when(task_set.update, shapes.UpdateTaskSetRequest(**OF, task_set=blue, scale=percent(50)))
    story.run_service()
    assert [each.id for each in story.live()] == [kept]


def test_one_task_set_is_primary() -> None:
    story = external()
    blue, green = add(story), add(story)
    request = shapes.UpdateServicePrimaryTaskSetRequest(**OF, primary_task_set=f"{ARN}task-set/default/web/{green}")
    assert story.when(task_set.make_primary, request) == [
        PrimaryTaskSetChanged(cluster="default", service="web", task_set=green)
    ]
    assert story.when(task_set.make_primary, request) == []
    assert blue != green == story.service().primary_task_set


def test_a_deleted_task_set_stops_its_tasks_and_goes() -> None:
    story = external(2)
    blue = add(story)
    story.run_service()
    request = shapes.DeleteTaskSetRequest(**OF, task_set=blue)
    assert story.refusal(task_set.delete, request) == (
        WANTS,
        "The task set cannot be deleted while it is scaled above 0.",
    )
    forced = shapes.DeleteTaskSetRequest(**OF, task_set=blue, force=True)
    assert story.when(task_set.delete, forced) == [
        TaskSetDeleted(cluster="default", service="web", task_set=blue, force=True)
    ]
    assert story.when(task_set.delete, forced) == []
    story.run_service()
    assert story.live() == []
    assert story.service().task_sets == []
    assert story.commits[-1].events == [TaskSetDrained(cluster="default", service="web", task_set=blue)]


def test_a_service_with_task_sets_is_deleted_by_force_only() -> None:
    story = external(0)
    add(story)
    request = shapes.DeleteServiceRequest(service="web")
    assert story.refusal(service.delete, request) == (
        WANTS,
        "The service cannot be deleted while it has task sets: delete them, or force.",
    )
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=2))
    story.run_service()
    story.when(service.delete, shapes.DeleteServiceRequest(service="web", force=True))
    story.run_service()
    assert story.live() == []
    assert story.service().status == "INACTIVE"


def test_the_same_token_makes_one_task_set() -> None:
    story = external()
    request = CREATE(**OF, task_definition="app", client_token="t")
    (event,) = story.when(task_set.create, request, digest="d")
    assert isinstance(event, TaskSetCreated)
    assert story.when(task_set.create, request, digest="d") == []
    assert story.answer == event.task_set
    assert story.refusal(task_set.create, request, digest="e") == (WANTS, "Creation of task set was not idempotent.")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (CREATE(service="web", task_definition="app"), WANTS, "Cluster can not be blank."),
        (CREATE(cluster="default", service="x"), "ServiceNotFoundException", "Service not found."),
        (
            CREATE(cluster="default", service="plain"),
            WANTS,
            "Task sets are only supported with the deployment controller EXTERNAL.",
        ),
        (CREATE(cluster="default", service="gone"), "ServiceNotActiveException", "Service was not ACTIVE."),
        (CREATE(**OF, task_definition="x"), "ClientException", "TaskDefinition not found."),
        (CREATE(**OF, task_definition="app", scale=percent(101)), WANTS, "scale value must be from 0 to 100"),
        (
            CREATE(**OF, task_definition="app", scale=percent(1, "TASKS")),
            WANTS,
            "scale unit should be one of [PERCENT]",
        ),
        (
            CREATE(**OF, task_definition="app", launch_type="FARGATE"),
            "UnsupportedFeatureException",
            "Only the launch type EC2 is supported.",
        ),
        (
            CREATE(
                **OF,
                task_definition="app",
                load_balancers=[shapes.LoadBalancer(target_group_arn="t", container_name="x", container_port=1)],
            ),
            WANTS,
            "The container x does not exist in the task definition.",
        ),
        (
            CREATE(**OF, task_definition="app", network_configuration=shapes.NetworkConfiguration()),
            WANTS,
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
    ],
)
def test_a_task_set_that_can_not_be_is_refused(request_: shapes.CreateTaskSetRequest, code: str, message: str) -> None:
    story = external().given(
        created("plain"), created("gone"), ServiceDeleted(cluster="default", service="gone", force=True)
    )
    assert story.refusal(task_set.create, request_) == (code, message)


def test_a_service_has_five_task_sets_at_most() -> None:
    story = external()
    for _ in range(5):
        add(story)
    expected = (WANTS, "A service can have at most 5 task sets.")
    assert story.refusal(task_set.create, CREATE(**OF, task_definition="app")) == expected


@pytest.mark.parametrize("reference", ["ecs-svc/404", f"{ARN}task-set/default/other/ecs-svc/404", ""])
def test_an_unknown_task_set_is_not_found(reference: str) -> None:
    story = external()
    add(story)
    expected = ("TaskSetNotFoundException", "The specified task set was not found.")
    request = shapes.UpdateTaskSetRequest(**OF, task_set=reference, scale=percent(1))
    assert story.refusal(task_set.update, request) == expected


def test_an_update_of_the_service_sets_back_the_back_off_of_its_task_sets() -> None:
    story = external(1)
    add(story)
    for _ in range(4):
        story.settle()
        story.given(stopped(each.id, "TaskFailedToStart", "no route to the registry") for each in story.live())
    assert story.settle().at == story.now + 10.0
    assert story.live() == []
    assert waits(story) == ["task set ecs-svc/1: 10 s, because 3 starts failed in a row; then 1 tasks are started"]
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=1))
    story.settle()
    assert len(story.live()) == 1


def test_an_unhealthy_task_of_a_set_leaves_a_draining_instance_though_no_other_has_room() -> None:
    """Simulation, seed 2845: it waited for a place for another beside it, for ever."""
    story = external(1).given(defined("app:3", checked=True))
    add(story, definition="app:3")
    story.settle()
    story.agents_start()
    (task,) = story.live()
    story.given(TaskHealthChanged(cluster="default", task=task.id, health_status="UNHEALTHY"))
    for name in ("a1", "b1"):
        story.given(ContainerInstanceStatusChanged(cluster="default", container_instance=name, status="DRAINING"))
    story.settle()
    assert task.desired_status == "STOPPED"


def test_a_task_set_says_which_room_it_waits_for() -> None:
    story = external(2).given(defined("app:3", cpu=5000))
    add(story)
    green = add(story, 50, "app:3")
    story.run_service()
    assert waits(story) == [f"task set {green}: room for 1 tasks: {LACK.format('a1')}; {LACK.format('b1')}"]
