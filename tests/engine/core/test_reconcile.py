"""Reconciliation: what a service needs now (spec §8.4, §8.6)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import container_instance, service, task
from quarterdeck.engine.core.service_step import STEPS_PER_PASS_MAX, start_delay
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    ContainerInstanceDeregistered,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.service import (
    DeploymentCompleted,
    ServiceDeleted,
    ServiceDrained,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceTaskStartImpaired,
    ServiceUpdated,
)
from quarterdeck.events.task import TaskPlaced, TaskRequested, TaskStopping, TaskStopRequested
from quarterdeck.events.task_definition import TaskDefinitionDeregistered
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, given, joined, stopped


def running(count: int = 3) -> Story:
    """A service whose tasks run, in three zones with plenty of room."""
    story = given(defined("app:1"), defined("app:2"))
    story.given(joined("a1", "a", cpu=99999, memory=99999), joined("b1", "b", cpu=99999, memory=99999))
    story.given(joined("c1", "c", cpu=99999, memory=99999), created(count=count))
    story.run_service()
    return story


def scaled(count: int) -> ServiceUpdated:
    return ServiceUpdated(cluster="default", service="web", desired_count=count)


def gone(name: str) -> AgentDisconnected:
    return AgentDisconnected(cluster="default", container_instance=name)


def lost(name: str) -> list[AgentDisconnected | AgentLost]:
    return [gone(name), AgentLost(cluster="default", container_instance=name, after_seconds=60.0)]


def back(name: str) -> AgentConnected:
    return AgentConnected(cluster="default", container_instance=name)


def fail_start(story: Story) -> None:
    """The one task the scheduler started stops before it ran."""
    (waiting,) = [each for each in story.live() if each.last_status == "PENDING"]
    story.given(stopped(waiting.id, "TaskFailedToStart", "CannotPullContainerError"))


def test_a_new_services_tasks_are_placed_and_belong_to_its_deployment() -> None:
    story = given(defined(), joined("a1"), created(count=2, enable_execute_command=True))
    events = story.reconcile()
    assert [type(each) for each in events] == [TaskRequested, TaskPlaced] * 2
    (request, *_) = events
    assert isinstance(request, TaskRequested)
    assert (request.group, request.started_by, request.deployment) == ("service:web", "ecs-svc/900", "ecs-svc/900")
    assert request.enable_execute_command


def test_a_service_that_has_what_it_wants_completes_its_deployment_once() -> None:
    story = given(defined(), joined("a1"), created(count=2))
    assert len(story.reconcile()) == 4
    assert story.reconcile() == [], "its tasks are not running yet"
    story.agents_start()
    assert story.reconcile() == [
        DeploymentCompleted(cluster="default", service="web", deployment="ecs-svc/900"),
        ServiceSteadyStateReached(cluster="default", service="web"),
    ]
    assert story.reconcile() == []


def test_a_service_that_wants_nothing_is_complete_at_once() -> None:
    story = given(defined(), created(count=0))
    assert [type(each) for each in story.reconcile()] == [DeploymentCompleted, ServiceSteadyStateReached]


def test_scaling_up_starts_what_is_missing_at_once() -> None:
    story = running(3).given(scaled(10))
    assert len(story.reconcile()) == 14, "minimum and maximum do not bound plain scaling"
    story.run_service()
    assert story.spread() == {"a": 4, "b": 3, "c": 3}


def test_scaling_down_stops_the_surplus_at_once_and_says_why() -> None:
    story = running(6).given(scaled(2))
    events = story.reconcile()
    assert len(events) == 4
    assert isinstance(events[0], TaskStopRequested)
    assert events[0].stop_code == "ServiceSchedulerInitiated"
    assert events[0].reason == "Scaling activity initiated by (deployment ecs-svc/900)"
    assert story.spread() == {"a": 1, "b": 1}


def test_scaling_to_nothing_and_back_is_steady_in_between() -> None:
    story = running(3).given(scaled(0))
    story.run_service()
    assert story.live() == []
    assert story.service().steady
    story.given(scaled(3))
    story.run_service()
    assert story.service().running == 3


def test_a_task_that_stops_is_replaced_at_once() -> None:
    story = running(3)
    victim = story.on("a1")[0]
    story.given(stopped(victim.id))
    assert [type(each) for each in story.reconcile()] == [TaskRequested, TaskPlaced]
    story.run_service()
    assert story.spread() == {"a": 1, "b": 1, "c": 1}
    assert story.service().steady


def test_a_task_in_which_nothing_runs_any_more_is_replaced_even_where_there_is_room_for_no_other() -> None:
    story = given(defined("app:1", cpu=4096), joined("a1", cpu=4096), created(count=1, minimum=0, maximum=100))
    story.run_service()
    (old,) = story.live()
    story.given(TaskStopping(cluster="default", task=old.id, stop_code="EssentialContainerExited", reason=""))
    requested, placed = story.reconcile()
    assert isinstance(requested, TaskRequested)
    assert isinstance(placed, TaskPlaced)
    assert placed.container_instance == "a1"
    story.given(stopped(old.id))
    assert story.settle().at is None
    check(story.state)


def test_a_task_the_user_stops_is_replaced_before_it_is_gone() -> None:
    story = running(3)
    story.when(task.stop, shapes.StopTaskRequest(task=story.on("a1")[0].id))
    assert len(story.reconcile()) == 2
    assert story.service().wanted == 3


def test_an_inactive_revision_still_replaces_its_tasks() -> None:
    story = running(3).given(TaskDefinitionDeregistered(family="app", revision=1))
    story.given(stopped(story.on("a1")[0].id))
    assert len(story.reconcile()) == 2


def test_many_missing_tasks_are_started_over_several_passes() -> None:
    story = running(0).given(scaled(STEPS_PER_PASS_MAX + 20))
    assert len(story.reconcile()) == 2 * STEPS_PER_PASS_MAX
    assert story.answer.again
    assert len(story.reconcile()) == 40
    assert not story.answer.again
    story.agents_start()
    story.given(scaled(0))
    assert len(story.reconcile()) == STEPS_PER_PASS_MAX
    assert story.answer.again


def test_tags_reach_tasks_from_where_the_service_says() -> None:
    story = given(defined(tags=[shapes.Tag(key="from", value="definition")]), joined("a1"))
    tags = [shapes.Tag(key="from", value="service")]
    for name, propagate in (("one", "TASK_DEFINITION"), ("two", "SERVICE"), ("three", "NONE")):
        story.given(
            created(
                name, 1, deployment=f"ecs-svc/{name}", tags=tags, propagate_tags=propagate, enable_ecs_managed_tags=True
            )
        )
        (event, _) = story.reconcile(name)
        assert isinstance(event, TaskRequested)
        found = {each.key: each.value for each in event.tags}
        assert found.pop("aws:ecs:clusterName") == "default"
        assert found.pop("aws:ecs:serviceName") == name
        expected = {"one": {"from": "definition"}, "two": {"from": "service"}, "three": {}}
        assert found == expected[name]


def test_a_task_without_room_is_told_once_and_waited_for() -> None:
    story = given(defined(cpu=3000), joined("a1"), created(count=3))
    *_, event = story.reconcile()
    assert isinstance(event, ServiceTaskPlacementFailed)
    assert (event.count, event.reason, event.closest) == (2, "RESOURCE:CPU", "a1")
    assert story.answer.waits_for_room
    assert story.reconcile() == []
    assert story.answer.waits_for_room
    story.given(joined("a2"))
    *_, event = story.reconcile()
    assert isinstance(event, ServiceTaskPlacementFailed)
    assert event.count == 1, "some of it was resolved, so it is told again"
    story.given(joined("a3"))
    story.run_service()
    assert story.service().steady


def test_the_closest_instance_is_the_one_that_got_furthest_through_the_checks() -> None:
    story = given(
        defined(cpu=1000, memory=1000),
        joined("a1", connected=False),
        joined("a2", cpu=1),
        joined("b1", "b", memory=1),
        joined("b2", "b", memory=1),
        created(count=1),
    )
    (event,) = story.reconcile()
    assert isinstance(event, ServiceTaskPlacementFailed)
    assert (event.reason, event.closest) == ("RESOURCE:MEMORY", "b1")
    assert event.explanation.rejected == {"AGENT": 1, "RESOURCE:CPU": 1, "RESOURCE:MEMORY": 2}


def test_a_cluster_without_instances_has_no_closest_one() -> None:
    story = given(defined(), created(count=1))
    (event,) = story.reconcile()
    assert isinstance(event, ServiceTaskPlacementFailed)
    assert (event.reason, event.closest) == ("", "")
    assert story.reconcile() == []


def test_a_deregistered_instance_is_never_the_closest() -> None:
    story = given(defined(cpu=5000), joined("a1"), created(count=1))
    story.reconcile()
    story.given(ContainerInstanceDeregistered(cluster="default", container_instance="a1"), joined("a2"), scaled(1))
    (event,) = story.reconcile()
    assert isinstance(event, ServiceTaskPlacementFailed)
    assert event.closest == "a2"
    assert event.explanation.rejected == {"RESOURCE:CPU": 1}


def test_a_disconnected_agent_stops_and_replaces_nothing() -> None:
    story = running(3).given(gone("a1"))
    assert story.reconcile() == []
    assert story.spread() == {"a": 1, "b": 1, "c": 1}


def test_a_lost_agents_tasks_are_replaced_elsewhere_and_stopped_for_it() -> None:
    story = running(3)
    victim = story.on("a1")[0]
    story.given(lost("a1"))
    request, place, stop = story.reconcile()
    assert isinstance(request, TaskRequested)
    assert isinstance(place, TaskPlaced)
    assert place.container_instance in {"b1", "c1"}
    assert isinstance(stop, TaskStopRequested)
    assert (stop.task, stop.superseded_by) == (victim.id, request.task)
    story.run_service()
    assert story.service().running == 3
    assert (victim.desired_status, victim.last_status) == ("STOPPED", "RUNNING"), "nobody has heard of it since"


def test_a_lost_agent_that_comes_back_after_the_replacement_stops_the_old_task() -> None:
    story = running(3).given(lost("a1"))
    story.run_service()
    story.given(back("a1"))
    assert story.agents_stop() == 1
    story.run_service()
    assert (story.service().running, story.service().alive) == (3, 3)
    check(story.state)


def test_a_lost_agent_that_comes_back_before_the_replacement_keeps_its_task() -> None:
    story = running(3).given(lost("a1"), back("a1"))
    assert story.reconcile() == []
    assert story.spread() == {"a": 1, "b": 1, "c": 1}


def test_with_no_room_elsewhere_a_lost_agents_task_is_waited_for_and_not_stopped() -> None:
    story = given(defined(cpu=3000), joined("a1", "a"), joined("b1", "b"), created(count=2))
    story.run_service()
    story.given(lost("a1"))
    (event,) = story.reconcile()
    assert isinstance(event, ServiceTaskPlacementFailed)
    assert story.answer.waits_for_room
    assert len(story.on("a1")) == 1
    story.given(back("a1"))
    assert story.run_service().waits_for_room is False
    assert (story.service().running, story.service().alive) == (2, 2)


def test_scaling_down_counts_a_lost_agents_task_as_the_first_to_go() -> None:
    story = running(3).given(lost("a1"), scaled(2))
    (event,) = story.reconcile()
    assert isinstance(event, TaskStopRequested)
    assert story.task(event.task).instance == "a1"


def test_a_deregistered_instances_tasks_are_replaced() -> None:
    story = running(3)
    story.when(
        container_instance.deregister,
        shapes.DeregisterContainerInstanceRequest(container_instance="a1", force=True),
    )
    story.run_service()
    assert sorted(story.spread().values()) == [1, 2]
    assert story.service().running == 3


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (2, 0), (3, 10), (4, 20), (5, 40), (10, 1280), (11, 1620), (1000, 1620)]
)
def test_after_three_failed_starts_the_next_waits_longer_and_longer_up_to_27_minutes(
    failures: int, seconds: float
) -> None:
    assert start_delay(failures) == seconds


def test_tasks_that_keep_failing_to_start_are_told_once_and_held_back() -> None:
    story = given(defined(), joined("a1"), created(count=1))
    for _ in range(3):
        assert len(story.reconcile()) == 2, "the first failures are retried at once"
        fail_start(story)
    assert story.reconcile() == [
        ServiceTaskStartImpaired(
            cluster="default", service="web", deployment="ecs-svc/900", failures=3, delay_seconds=10.0
        )
    ]
    assert story.answer.at == story.now + 10.0
    assert story.after(9.9).reconcile() == []
    assert len(story.after(0.1).reconcile()) == 2
    fail_start(story)
    assert story.reconcile() == [], "told once"
    assert story.answer.at == story.now + 20.0


def test_a_task_that_runs_ends_the_waiting() -> None:
    story = given(defined(), joined("a1"), created(count=1))
    for _ in range(3):
        story.reconcile()
        fail_start(story)
    story.after(10.0).reconcile()
    story.agents_start()
    story.given(stopped(story.on("a1")[0].id))
    assert len(story.reconcile()) == 2, "one that ran and exited is restarted without delay"


def test_an_update_of_the_service_ends_the_waiting() -> None:
    story = given(defined(), joined("a1"), created(count=1))
    for _ in range(3):
        story.reconcile()
        fail_start(story)
    assert [type(each) for each in story.reconcile()] == [ServiceTaskStartImpaired]
    story.when(service.update, shapes.UpdateServiceRequest(service="web"))
    assert len(story.reconcile()) == 2


def test_a_clock_that_is_behind_holds_nothing_back_that_is_not_due() -> None:
    story = given(defined(), joined("a1"), created(count=1))
    story.reconcile()
    fail_start(story)
    assert len(story.after(-5.0).reconcile()) == 2


def test_a_deleted_service_stops_its_tasks_and_is_gone_when_they_are() -> None:
    story = running(3).given(ServiceDeleted(cluster="default", service="web", force=True))
    assert [type(each) for each in story.reconcile()] == [TaskStopRequested] * 3
    assert story.reconcile() == []
    story.agents_stop(2)
    assert story.reconcile() == []
    story.agents_stop()
    assert story.reconcile() == [ServiceDrained(cluster="default", service="web")]
    assert story.reconcile() == []
    assert story.service().status == "INACTIVE"


def test_a_deleted_service_does_not_wait_for_agents_that_are_away() -> None:
    story = running(3).given(gone("a1"), ServiceDeleted(cluster="default", service="web", force=True))
    story.run_service()
    assert story.service().status == "INACTIVE"


def test_the_name_of_a_service_that_is_gone_is_free_and_begins_anew() -> None:
    story = running(3).given(gone("a1"), ServiceDeleted(cluster="default", service="web", force=True))
    story.run_service()
    story.given(back("a1"), created(count=2, deployment="ecs-svc/901"))
    story.run_service()
    assert (story.service().running, story.service().alive) == (2, 2)
    assert [each.id for each in story.service().deployments] == ["ecs-svc/901"]
    check(story.state)


def test_an_instance_that_comes_ends_the_wait_after_failed_starts_once() -> None:
    story = given(defined(), joined("a1"), created(count=1))
    story.settle()
    for _ in range(3):
        fail_start(story)
        story.settle()
    assert story.live() == []
    assert story.answer.waits_for_room, "so that it is looked at when there may be some"
    story.after(1).given(joined("b1", "b"))
    assert any(isinstance(each, TaskPlaced) for each in story.reconcile())
    fail_start(story)
    assert story.settle().at is not None
    assert story.live() == [], "it fails there too, so the wait goes on"


@pytest.mark.parametrize("kind", ["ACTIVE again", "connected again"])
def test_so_does_one_that_is_back(kind: str) -> None:
    story = given(defined(), joined("a1"), created(count=1))
    story.settle()
    for _ in range(3):
        fail_start(story)
        story.settle()
    story.after(1)
    if kind == "connected again":
        story.given(gone("a1"), back("a1"))
    else:
        story.given(
            ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status=status)
            for status in ("DRAINING", "ACTIVE")
        )
    assert any(isinstance(each, TaskPlaced) for each in story.reconcile())
