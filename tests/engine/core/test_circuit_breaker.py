"""The circuit breaker: which failures count, when it trips, and what becomes of the service (spec §9.4)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import service, task
from quarterdeck.engine.core.circuit_breaker import threshold
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentFailuresCounted,
    DeploymentStarted,
    ServiceSteadyStateReached,
    ServiceUpdated,
)
from quarterdeck.events.task import TaskStopRequested
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, deployed, given, joined, stopped

BREAKER = shapes.DeploymentCircuitBreaker
GOOD, BAD = "ecs-svc/900", "ecs-svc/901"
TRIPPED = "ECS deployment circuit breaker: tasks failed to start."
BACK = f"ECS deployment circuit breaker: rolling back to deploymentId {GOOD}."


def breaker(kind: str = "", value: int | None = None) -> shapes.DeploymentCircuitBreaker:
    configured = shapes.ThresholdConfiguration(type=kind, value=value) if kind else None
    return BREAKER(enable=True, rollback=True, threshold_configuration=configured)


def running(
    count: int = 4, rule: shapes.DeploymentCircuitBreaker | None = None, minimum: int = 100, maximum: int = 200
) -> Story:
    """A service that runs, and whose next deployment is watched."""
    story = given(defined("app:1"), defined("app:2"), defined("app:3"))
    story.given(joined("a1", "a", cpu=999_999, memory=999_999), joined("b1", "b", cpu=999_999, memory=999_999))
    rules = {"deployment_circuit_breaker": rule or BREAKER(enable=True, rollback=True)}
    story.given(created(count=count, minimum=minimum, maximum=maximum, rules=rules))
    story.run_service()
    return story


def waiting(story: Story) -> list[str]:
    return [each.id for each in story.live() if each.last_status == "PENDING" and each.desired_status == "RUNNING"]


def fail_starts(story: Story, count: int) -> None:
    """So many tasks that wait to start fail to; the scheduler looks after each."""
    for _ in range(count):
        if not waiting(story):
            story.after(2000.0).settle()
        story.given(stopped(waiting(story)[0], "TaskFailedToStart", "CannotPullContainerError: no such image"))
        story.settle()


def of_type(story: Story, kind: type[AnyEvent]) -> list[AnyEvent]:
    return [event for commit in story.commits for event in commit.events if isinstance(event, kind)]


@pytest.mark.parametrize(
    ("desired", "rule", "expected"),
    [
        (1, breaker(), 3),
        (25, breaker(), 13),
        (400, breaker(), 200),
        (800, breaker(), 200),
        (0, breaker(), 3),
        (100, breaker("BOUNDED_PERCENT", 10), 10),
        (10, breaker("BOUNDED_PERCENT", 10), 3),
        (4000, breaker("BOUNDED_PERCENT", 100), 200),
        (10, breaker("UNBOUNDED_PERCENT", 10), 1),
        (0, breaker("UNBOUNDED_PERCENT", 10), 1),
        (5000, breaker("UNBOUNDED_PERCENT", 50), 2500),
        (5000, breaker("COUNT", 7), 7),
        (10, breaker("UNBOUNDED_PERCENT"), 5),
    ],
)
def test_the_threshold_is_half_the_desired_count_from_3_to_200_or_as_configured(
    desired: int, rule: shapes.DeploymentCircuitBreaker, expected: int
) -> None:
    assert threshold(rule, desired) == expected


def test_a_deployment_whose_tasks_fail_to_start_is_given_up_at_the_threshold_and_rolled_back() -> None:
    story = running(4)
    before = {each.id for each in story.live()}
    story.given(deployed("app:2", BAD))
    story.settle()
    fail_starts(story, 2)
    assert not of_type(story, DeploymentFailed)
    fail_starts(story, 1)
    (failed,) = of_type(story, DeploymentFailed)
    assert failed == DeploymentFailed(
        cluster="default",
        service="web",
        deployment=BAD,
        cause="CIRCUIT_BREAKER",
        reason=TRIPPED,
        failures=3,
        threshold=3,
    )
    back = of_type(story, DeploymentStarted)[-1]
    assert isinstance(back, DeploymentStarted)
    assert (back.deployment, back.task_definition, back.rolls_back, back.revision) == (GOOD, "app:1", BAD, GOOD)
    assert back.reason == BACK
    story.run_service()
    assert {each.id for each in story.live()} == before, "healthy old tasks are left alone"
    assert [each.id for each in story.service().deployments] == [GOOD]
    assert story.service().deployments[0].completed
    assert story.service().steady
    check(story.state)


def test_each_failure_is_told_with_the_threshold() -> None:
    story = running(4).given(deployed("app:2", BAD))
    story.settle()
    fail_starts(story, 3)
    told = [each for each in of_type(story, DeploymentFailuresCounted) if each.deployment == BAD]  # type: ignore[union-attr]
    assert [(each.failures, each.threshold) for each in told] == [(0, 3), (1, 3), (2, 3), (3, 3)]  # type: ignore[union-attr]


def test_old_tasks_that_were_stopped_to_make_way_come_back() -> None:
    story = running(4, minimum=50, maximum=100).given(deployed("app:2", BAD))
    story.settle()
    story.agents_stop()
    story.settle()
    kept = {each.id for each in story.live() if each.last_status == "RUNNING"}
    assert len(kept) == 2
    fail_starts(story, 3)
    story.run_service()
    live = story.live()
    assert {each.definition for each in live} == {"app:1"}
    assert (len(live), story.service().steady) == (4, True)
    assert kept <= {each.id for each in live}


def test_a_deployment_all_of_whose_old_tasks_are_gone_is_rolled_back_to_new_ones() -> None:
    story = running(1, minimum=0, maximum=100).given(deployed("app:2", BAD))
    story.settle()
    story.agents_stop()
    story.settle()
    fail_starts(story, 3)
    story.run_service()
    assert [(each.definition, each.deployment) for each in story.live()] == [("app:1", GOOD)]
    assert [each.id for each in story.service().deployments] == [GOOD]
    check(story.state)


def test_without_rollback_it_stays_failed_with_what_runs_and_starts_nothing() -> None:
    story = running(4, BREAKER(enable=True, rollback=False)).given(deployed("app:2", BAD))
    before = {each.id for each in story.live()}
    story.settle()
    fail_starts(story, 3)
    primary, old = story.service().deployments
    assert (primary.id, primary.failure, old.id) == (BAD, TRIPPED, GOOD)
    story.given(stopped(name, "TaskFailedToStart") for name in waiting(story))
    story.after(5000.0)
    assert story.reconcile() == []
    assert {each.id for each in story.live()} == before
    assert not story.service().steady
    story.when(service.update, shapes.UpdateServiceRequest(service="web", task_definition="app:3"))
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:3"}
    assert story.service().steady


def test_a_failed_deployment_can_be_scaled_in() -> None:
    story = given(defined("app:1"), joined("a1", cpu=99_999, memory=99_999))
    story.given(created(count=3))
    story.settle()
    story.agents_start()
    failed = DeploymentFailed(cluster="default", service="web", deployment=GOOD, cause="STOPPED", reason="x")
    story.given(failed, ServiceUpdated(cluster="default", service="web", desired_count=1))
    stops = [each for each in story.reconcile() if isinstance(each, TaskStopRequested)]
    assert len(stops) == 2
    story.run_service()
    assert not of_type(story, DeploymentCompleted)
    assert not of_type(story, ServiceSteadyStateReached)


def failed_beside(count: int) -> Story:
    """A service whose deployment FAILED and stays so, beside tasks of the one before."""
    story = running(count, BREAKER(enable=True, rollback=False)).given(deployed("app:2", BAD))
    story.settle()
    while not story.service().deployments[0].failure:
        fail_starts(story, 1)
    story.given(stopped(name, "TaskFailedToStart") for name in waiting(story))
    story.run_service()
    return story


def drain(instance: str) -> ContainerInstanceStatusChanged:
    return ContainerInstanceStatusChanged(cluster="default", container_instance=instance, status="DRAINING")


@pytest.mark.parametrize("desired", [3, 1, 0])
@pytest.mark.parametrize("draining", ["", "a1"])
def test_old_tasks_beside_a_failed_deployment_are_scaled_in(desired: int, draining: str) -> None:
    story = failed_beside(4)
    assert len(story.live()) == 4
    story.given([drain(draining)] if draining else [])
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=desired))
    story.run_service()
    assert [each.definition for each in story.live()] == ["app:1"] * desired
    assert story.service().deployments[0].failure == TRIPPED
    check(story.state)


def test_an_instance_drains_beside_a_failed_deployment_and_old_tasks_are_replaced_by_their_own_revision() -> None:
    story = failed_beside(4).given(drain("a1"))
    story.settle()
    assert len(story.on("a1")) == 2, "as many healthy tasks as the minimum stay until others run"
    assert len(story.on("b1")) == 4
    story.run_service()
    assert [(each.instance, each.definition) for each in story.live()] == [("b1", "app:1")] * 4
    assert story.service().deployments[0].failure == TRIPPED
    check(story.state)


def test_a_first_deployment_has_nothing_to_go_back_to() -> None:
    rules = {"deployment_circuit_breaker": BREAKER(enable=True, rollback=True)}
    story = given(defined("app:1"), joined("a1"), created(count=1, rules=rules))
    story.settle()
    fail_starts(story, 3)
    assert [each.failure for each in story.service().deployments] == [TRIPPED]
    assert len(of_type(story, DeploymentStarted)) == 1


def test_a_task_that_runs_ends_the_first_stage() -> None:
    """From then on only health checks count; a task that exits does not, nor one that a user stops."""
    story = running(8).given(deployed("app:2", BAD))
    story.settle()
    fail_starts(story, 2)
    story.agents_start(1)
    fail_starts(story, 6)
    story.run_service()
    assert not of_type(story, DeploymentFailed)
    assert {each.definition for each in story.live()} == {"app:2"}
    assert story.service().steady


def unhealthy(story: Story) -> None:
    victim = next(each for each in story.live() if each.last_status == "RUNNING" and each.definition == "app:2")
    story.given(
        TaskStopRequested(
            cluster="default",
            task=victim.id,
            stop_code="ServiceSchedulerInitiated",
            reason="Task failed container health checks",
            unhealthy=True,
        )
    )
    story.settle()


@pytest.mark.parametrize(("reset", "trips"), [(None, False), (True, False), (False, True)])
def test_a_healthy_task_begins_the_count_anew_unless_told_not_to(*, reset: bool | None, trips: bool) -> None:
    story = running(4, BREAKER(enable=True, rollback=True, reset_on_healthy_task=reset)).given(deployed("app:2", BAD))
    story.settle()
    for _ in range(3):
        story.agents_start(1)
        unhealthy(story)
    assert bool(of_type(story, DeploymentFailed)) is trips


def test_tasks_stopped_for_their_health_trip_it_too() -> None:
    story = running(6).given(deployed("app:2", BAD))
    story.settle()
    story.agents_start(3)
    for _ in range(3):
        unhealthy(story)
    assert of_type(story, DeploymentFailed)


def test_what_a_user_stops_does_not_count() -> None:
    story = running(4).given(deployed("app:2", BAD))
    story.settle()
    for _ in range(5):
        story.when(task.stop, shapes.StopTaskRequest(task=waiting(story)[0]))
        story.agents_stop()
        story.settle()
    assert not of_type(story, DeploymentFailed)


def test_the_threshold_follows_the_desired_count() -> None:
    story = running(20).given(deployed("app:2", BAD))
    story.settle()
    fail_starts(story, 4)
    assert not of_type(story, DeploymentFailed)
    story.given(ServiceUpdated(cluster="default", service="web", desired_count=8))
    story.settle()
    assert of_type(story, DeploymentFailed)


@pytest.mark.parametrize("enabled", [False, None])
def test_without_it_a_deployment_goes_on_trying_for_ever(*, enabled: bool | None) -> None:
    story = running(2, BREAKER(enable=enabled, rollback=True)).given(deployed("app:2", BAD))
    story.settle()
    fail_starts(story, 20)
    assert not of_type(story, DeploymentFailed)
    assert not of_type(story, DeploymentFailuresCounted)


def test_a_deployment_that_completed_is_watched_no_more() -> None:
    story = running(2)
    for _ in range(4):
        victim = next(each for each in story.live() if each.desired_status == "RUNNING")
        story.given(stopped(victim.id))
        story.settle()
        fail_starts(story, 1)
    assert not of_type(story, DeploymentFailed)


def test_a_rollback_that_fails_is_not_rolled_back_again() -> None:
    story = running(1, minimum=0, maximum=100).given(deployed("app:2", BAD))
    story.settle()
    story.agents_stop()
    story.settle()
    fail_starts(story, 6)
    assert [each.deployment for each in of_type(story, DeploymentFailed)] == [BAD, GOOD]  # type: ignore[union-attr]
    assert [each.id for each in story.service().deployments] == [GOOD]
    assert story.service().deployments[0].failure == TRIPPED
