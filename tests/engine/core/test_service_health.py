"""Services whose tasks fail their health checks (spec §8.4, §9.2)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import service, task_set
from quarterdeck.engine.core.service_health import FAILED
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import DeploymentCompleted, DeploymentFailed, ServiceSteadyStateReached
from quarterdeck.events.task import TaskHealthChanged, TaskRequested, TaskStopRequested
from quarterdeck.events.task_set import TaskSetSteadyStateReached
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, deployed, given, joined, stopped


def served(count: int = 2, *, cpu: int = 4096, **fields: Any) -> Story:
    """A service whose tasks run and are HEALTHY."""
    story = given(
        defined("app:1", checked=True),
        defined("app:2", checked=True),
        joined("a1", cpu=cpu),
        created(count=count, **fields),
    )
    work(story)
    assert story.service().steady
    return story


def are(story: Story, health: str, *tasks: str) -> Story:
    return story.given(TaskHealthChanged(cluster="default", task=name, health_status=health) for name in tasks)


def work(story: Story) -> None:
    """Let agents and health checks keep up until nothing is left to do."""
    for _ in range(50):
        story.run_service()
        fresh = [each.id for each in story.live() if each.last_status == "RUNNING" and each.health == "UNKNOWN"]
        if not fresh:
            return
        are(story, "HEALTHY", *fresh)
        check(story.state)
    raise AssertionError("it does not come to rest")


def did(story: Story) -> list[str]:
    """One pass: what it asked for, in short."""
    short = {TaskRequested: "start", TaskStopRequested: "stop"}
    return [short[type(each)] for each in story.reconcile() if type(each) in short]


def names(story: Story) -> list[str]:
    return [each.id for each in story.live() if each.desired_status == "RUNNING"]


def test_a_service_is_steady_once_its_tasks_are_healthy() -> None:
    story = given(defined("app:1", checked=True), joined("a1"), created(count=1))
    story.reconcile()
    story.agents_start()
    assert story.reconcile() == [], "RUNNING is not HEALTHY"
    are(story, "HEALTHY", *names(story))
    assert [type(each) for each in story.reconcile()] == [DeploymentCompleted, ServiceSteadyStateReached]


def test_an_unhealthy_task_stops_once_its_replacement_is_healthy() -> None:
    story = served(2)
    ill, well = names(story)
    are(story, "UNHEALTHY", ill)
    assert not story.service().steady
    assert did(story) == ["start"]
    assert did(story) == []
    story.agents_start()
    assert did(story) == [], "the replacement runs, but nobody knows yet how it is"
    (fresh,) = [each for each in names(story) if each not in {ill, well}]
    are(story, "HEALTHY", fresh)
    (event,) = story.reconcile()
    assert isinstance(event, TaskStopRequested)
    assert (event.task, event.stop_code, event.reason) == (ill, "ServiceSchedulerInitiated", FAILED)
    assert FAILED == "Task failed container health checks"
    work(story)
    assert names(story) == [well, fresh]
    assert story.service().steady


def test_a_replacement_that_is_unhealthy_too_is_stopped_and_tried_again() -> None:
    story = served(1)
    (first,) = names(story)
    are(story, "UNHEALTHY", first)
    story.settle()
    story.agents_start()
    are(story, "UNHEALTHY", *names(story))
    assert did(story) == ["stop"]
    assert len(names(story)) == 1
    assert did(story) == [], "the maximum counts what is still stopping"
    story.agents_stop()
    assert did(story) == ["start"]


def test_a_task_that_recovers_lets_its_replacement_go() -> None:
    story = served(1)
    (first,) = names(story)
    are(story, "UNHEALTHY", first)
    assert did(story) == ["start"]
    are(story, "HEALTHY", first)
    assert did(story) == ["stop"]
    assert names(story) == [first], "what runs and is healthy stays"
    work(story)
    assert story.service().steady


@pytest.mark.parametrize("fields", [{"maximum": 100, "minimum": 50}, {"cpu": 512}])
def test_without_room_for_more_unhealthy_tasks_stop_one_at_a_time(fields: dict[str, Any]) -> None:
    story = served(2, **fields)
    before = names(story)
    are(story, "UNHEALTHY", *before)
    assert did(story) == ["stop"]
    assert did(story) == []
    story.agents_stop()
    assert did(story) == ["start"]
    story.agents_start()
    assert did(story) == []
    are(story, "HEALTHY", *(set(names(story)) - set(before)))
    assert did(story) == ["stop"]
    work(story)
    assert not set(names(story)) & set(before)


def test_failing_checks_are_ignored_until_the_grace_period_ends() -> None:
    story = served(1, health_check_grace_period_seconds=60)
    are(story, "UNHEALTHY", *names(story))
    assert did(story) == []
    assert story.answer.at == story.now + 60
    assert did(story.after(59)) == []
    assert did(story.after(1)) == ["start"]


def test_an_unhealthy_task_of_an_older_deployment_makes_way_at_once() -> None:
    story = served(2, cpu=99999).given(deployed("app:2", "ecs-svc/901"))
    old = names(story)
    are(story, "UNHEALTHY", old[0])
    assert did(story) == ["start", "start", "stop"]
    assert [each.id for each in story.live() if each.desired_status == "STOPPED"] == [old[0]]


def test_an_unhealthy_task_of_a_deployment_under_way_is_replaced_by_its_own_revision() -> None:
    story = served(1, cpu=99999).given(deployed("app:2", "ecs-svc/901"))
    (old,) = names(story)
    story.settle()
    story.agents_start()
    (new,) = [each for each in names(story) if each != old]
    are(story, "UNHEALTHY", new)
    assert did(story) == ["stop"]
    story.agents_stop()
    assert did(story) == ["start"]
    (again,) = [each for each in names(story) if each != old]
    assert story.task(again).definition == "app:2"
    work(story)
    assert names(story) == [again]


def test_an_unhealthy_task_that_ends_by_itself_is_replaced_as_any_other() -> None:
    story = served(2)
    ill, _ = names(story)
    are(story, "UNHEALTHY", ill).given(stopped(ill))
    work(story)
    assert len(names(story)) == 2
    assert story.service().steady


def test_a_task_set_replaces_its_unhealthy_tasks_too() -> None:
    story = given(defined("app:1", checked=True), joined("a1"))
    external = shapes.DeploymentController(type="EXTERNAL")
    story.when(
        service.create, shapes.CreateServiceRequest(service_name="web", desired_count=1, deployment_controller=external)
    )
    scale = shapes.Scale(value=100.0, unit="PERCENT")
    request = shapes.CreateTaskSetRequest(cluster="default", service="web", task_definition="app:1", scale=scale)
    story.when(task_set.create, request)
    story.reconcile()
    story.agents_start()
    assert story.reconcile() == [], "RUNNING is not HEALTHY"
    (first,) = names(story)
    are(story, "HEALTHY", first)
    assert [type(each) for each in story.reconcile()] == [TaskSetSteadyStateReached]
    are(story, "UNHEALTHY", first)
    assert did(story) == ["start"]
    story.agents_start()
    (second,) = set(names(story)) - {first}
    are(story, "HEALTHY", second)
    assert did(story) == ["stop"]
    assert names(story) == [second]


def broken(story: Story) -> None:
    """The tasks of the deployment under way run, and don't get healthy."""
    story.settle()
    story.agents_start()
    are(story, "UNKNOWN", *(each.id for each in story.live() if each.definition == "app:2"))


def of(story: Story, definition: str) -> list[str]:
    return [each.id for each in story.live() if each.definition == definition and each.desired_status == "RUNNING"]


@pytest.mark.parametrize(("minimum", "maximum"), [(100, 200), (50, 100), (100, 150)])
def test_while_a_deployment_gets_nowhere_an_unhealthy_old_task_is_replaced_by_its_own_revision(
    minimum: int, maximum: int
) -> None:
    story = served(4, cpu=99999, minimum=minimum, maximum=maximum).given(deployed("app:2", "ecs-svc/901"))
    broken(story)
    old = of(story, "app:1")
    lower, upper = 4 * minimum // 100, 4 * maximum // 100
    assert len(old) == lower
    for _ in range(3):
        ill = of(story, "app:1")[0]
        are(story, "UNHEALTHY", ill)
        (stop_, *_) = [each for each in story.reconcile() if isinstance(each, TaskStopRequested)]
        assert (stop_.task, stop_.reason, stop_.unhealthy) == (ill, FAILED, True)
        story.agents_stop()
        story.settle()
        assert len(of(story, "app:1")) == lower
        assert len(story.live()) <= upper
        story.agents_start()
        are(story, "HEALTHY", *of(story, "app:1"))
        story.settle()
        check(story.state)
    assert sum(1 for each in story.live() if each.healthy) >= lower


def test_beside_a_deployment_that_failed_an_unhealthy_old_task_is_replaced_by_its_own_revision() -> None:
    story = served(4, cpu=99999).given(deployed("app:2", "ecs-svc/901"))
    broken(story)
    failed = DeploymentFailed(
        cluster="default", service="web", deployment="ecs-svc/901", cause="STOPPED", reason="aborted"
    )
    story.given(failed)
    story.run_service()
    for _ in range(3):
        ill = of(story, "app:1")[0]
        are(story, "UNHEALTHY", ill)
        story.run_service()
        assert story.task(ill).stop_reason == FAILED
        are(story, "HEALTHY", *of(story, "app:1"))
        story.run_service()
        assert len(of(story, "app:1")) == 4
        check(story.state)
    assert len(of(story, "app:2")) == 4, "those of the one that failed are let be"


def test_while_a_deployment_gets_on_an_unhealthy_old_task_is_replaced_by_the_new_revision() -> None:
    story = served(4, cpu=99999, minimum=50, maximum=200).given(deployed("app:2", "ecs-svc/901"))
    story.settle()
    story.agents_start()
    are(story, "HEALTHY", *of(story, "app:2")[:2])
    are(story, "UNHEALTHY", of(story, "app:1")[0])
    story.settle()
    story.agents_stop()
    story.settle()
    work(story)
    assert len(of(story, "app:2")) == 4
    assert of(story, "app:1") == []
    requested = [each for commit in story.commits for each in commit.events if isinstance(each, TaskRequested)]
    assert sum(1 for each in requested if each.task_definition == "app:1") == 4, "none but the first four"
    assert story.service().steady


def test_without_room_unhealthy_tasks_of_a_set_stop_also_while_another_waits_to_leave() -> None:
    story = given(defined("app:1", checked=True, port=80), joined("a1"), joined("b1", "b"), joined("c1", "c"))
    external = shapes.DeploymentController(type="EXTERNAL")
    story.when(
        service.create, shapes.CreateServiceRequest(service_name="web", desired_count=3, deployment_controller=external)
    )
    request = shapes.CreateTaskSetRequest(cluster="default", service="web", task_definition="app:1")
    story.when(task_set.create, request)
    story.settle()
    story.agents_start()
    are(story, "HEALTHY", *names(story))
    story.settle()
    drained = ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status="DRAINING")
    story.given(drained)
    story.settle()
    ill = [each.id for each in story.live() if each.instance != "a1"]
    are(story, "UNHEALTHY", *ill)
    story.run_service()
    assert len(set(ill) & set(names(story))) == 1, "one at a time"
    (fresh,) = set(names(story)) - set(ill) - {each.id for each in story.on("a1")}
    are(story, "HEALTHY", fresh)
    story.run_service()
    assert not set(ill) & set(names(story))
