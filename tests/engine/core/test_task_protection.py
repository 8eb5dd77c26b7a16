"""Task protection: tasks that scale-in and deployments leave alone for a time (spec §6.8)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import service, task, task_protection
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import ServiceScaleInBlocked, ServiceUpdated
from quarterdeck.events.task import TaskProtectionDisabled, TaskProtectionEnabled, TaskStopRequested
from tests.engine.core.story import (
    ARN,
    NOON,
    Story,
    created,
    defined,
    deployed,
    given,
    joined,
    placed,
    started,
    stopped,
)

UPDATE = shapes.UpdateTaskProtectionRequest


def serving(count: int = 3, *, on: int = 1) -> Story:
    """A service of as many running tasks t0, t1 …, all on the instance a1."""
    names = [f"t{number}" for number in range(count)]
    story = given(defined("app:1"), defined("app:2"), created(count=count))
    for number in range(on):
        story.given(joined(f"a{number + 1}"))
    for name in names:
        story.given(placed(name, "a1", service="web"), started(name))
    story.settle()
    return story


def protect(*names: str, enabled: bool = True, **members: Any) -> shapes.UpdateTaskProtectionRequest:
    return UPDATE(cluster="default", tasks=list(names), protection_enabled=enabled, **members)


def scaled(story: Story, count: int) -> Story:
    return story.given(ServiceUpdated(cluster="default", service="web", desired_count=count))


def wanted(story: Story) -> set[str]:
    return {each.id for each in story.on("a1")}


def test_protection_lasts_two_hours_unless_said_otherwise_and_begins_anew() -> None:
    story = serving()
    assert story.when(task_protection.update, protect("t0")) == [
        TaskProtectionEnabled(cluster="default", task="t0", expires_at=NOON + 7200)
    ]
    story.after(60)
    (event,) = story.when(task_protection.update, protect(ARN + "task/default/t0", expires_in_minutes=1))
    assert isinstance(event, TaskProtectionEnabled)
    assert event.expires_at == NOON + 120
    assert story.when(task_protection.update, protect("t0", enabled=False)) == [
        TaskProtectionDisabled(cluster="default", task="t0")
    ]
    assert story.when(task_protection.update, protect("t0", enabled=False)) == [], "it is not protected"


def test_only_tasks_of_services_are_protected() -> None:
    story = serving().given(placed("alone", "a1"), stopped("t1"))
    story.when(task.stop, shapes.StopTaskRequest(task="t2"))
    events = story.when(task_protection.update, protect("alone", "zz", "t0", "t1", "t2"))
    assert [each.task for each in events if isinstance(each, TaskProtectionEnabled)] == ["t0"]
    assert [(each.arn, each.reason) for each in story.answer] == [
        (ARN + "task/default/alone", "TASK_NOT_VALID"),
        (ARN + "task/default/zz", "MISSING"),
        (ARN + "task/default/t1", "TASK_NOT_VALID"),
        (ARN + "task/default/t2", "TASK_NOT_VALID"),
    ]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (UPDATE(tasks=["t0"], protection_enabled=True), "InvalidParameterException", "Cluster can not be blank."),
        (UPDATE(cluster="zz", tasks=["t0"]), "ClusterNotFoundException", "Cluster not found."),
        (protect(), "InvalidParameterException", "Tasks must be from 1 to 10, not 0."),
        (protect(*"abcdefghijk"), "InvalidParameterException", "Tasks must be from 1 to 10, not 11."),
        (UPDATE(cluster="default", tasks=["t0"]), "InvalidParameterException", "protectionEnabled is missing"),
        (
            protect("t0", expires_in_minutes=0),
            "InvalidParameterException",
            "expiresInMinutes must be from 1 to 2880, not 0.",
        ),
        (
            protect("t0", expires_in_minutes=2881),
            "InvalidParameterException",
            "expiresInMinutes must be from 1 to 2880, not 2881.",
        ),
    ],
)
def test_a_protection_that_can_not_be_is_refused(
    request_: shapes.UpdateTaskProtectionRequest, code: str, message: str
) -> None:
    assert serving().refusal(task_protection.update, request_) == (code, message)


def test_scale_in_passes_over_protected_tasks() -> None:
    story = serving(4)
    story.when(task_protection.update, protect("t1", "t3"))
    scaled(story, 2).settle()
    assert wanted(story) == {"t1", "t3"}


def test_scale_in_below_the_protected_is_told_once_and_goes_on_when_it_can() -> None:
    story = serving(3)
    story.when(task_protection.update, protect("t0", "t1"))
    events = scaled(story, 1).reconcile()
    assert ServiceScaleInBlocked(cluster="default", service="web", deployment="ecs-svc/900", protected=2) in events
    assert wanted(story) == {"t0", "t1"}
    story.agents_stop()
    assert story.reconcile() == []
    story.when(task_protection.update, protect("t0"))
    assert [each.reason for each in story.answer] == ["DEPLOYMENT_BLOCKED"]
    story.after(7200).when(task_protection.expire)
    story.settle()
    assert len(wanted(story)) == 1


def test_more_old_tasks_protected_than_desired_are_told_while_a_deployment_waits_for_them() -> None:
    story = serving(3)
    story.when(task_protection.update, protect("t0", "t1"))
    story.given(deployed("app:2", "ecs-svc/901"))
    story.run_service()
    scaled(story, 1).run_service()
    told = [each for commit in story.commits for each in commit.events if isinstance(each, ServiceScaleInBlocked)]
    assert told == [ServiceScaleInBlocked(cluster="default", service="web", deployment="ecs-svc/901", protected=2)]


def test_protection_ends_when_its_time_is_up() -> None:
    story = serving()
    story.when(task_protection.update, protect("t0", expires_in_minutes=1))
    story.when(task_protection.update, protect("t1", expires_in_minutes=2))
    assert story.after(59).when(task_protection.expire) == []
    assert story.after(1).when(task_protection.expire) == [
        TaskProtectionDisabled(cluster="default", task="t0", expired=True)
    ]


def test_a_deployment_leaves_protected_tasks_until_they_are_not() -> None:
    story = serving(2)
    story.when(task_protection.update, protect("t0"))
    story.given(deployed("app:2", "ecs-svc/901"))
    story.run_service()
    old, new = story.service().deployments[1], story.service().deployments[0]
    assert list(old.tasks) == ["t0"]
    assert len(new.tasks) == 2
    assert not new.completed
    story.when(task_protection.update, protect("t0", enabled=False))
    story.run_service()
    assert [each.completed for each in story.service().deployments] == [True]


def test_protected_tasks_of_a_draining_instance_are_replaced_all_the_same() -> None:
    story = serving(1, on=2)
    story.when(task_protection.update, protect("t0"))
    story.given(ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status="DRAINING"))
    story.run_service()
    assert len(story.on("a2")) == 1
    assert story.on("a1") == []


def test_who_asks_for_a_task_to_stop_or_a_service_to_go_is_obeyed() -> None:
    story = serving(2)
    story.when(task_protection.update, protect("t0", "t1"))
    (event,) = story.when(task.stop, shapes.StopTaskRequest(task="t0"))
    assert isinstance(event, TaskStopRequested)
    assert "t0" not in story.cluster().protected
    story.when(service.delete, shapes.DeleteServiceRequest(service="web", force=True))
    story.run_service()
    assert story.service().status == "INACTIVE"
    assert story.cluster().protected == {}
