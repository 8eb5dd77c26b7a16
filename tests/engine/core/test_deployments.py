"""Deployments: rolling from one revision to another, and off DRAINING instances (spec §4.6, §9.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import DeploymentCompleted, ServiceDeploymentBlocked, ServiceTaskPlacementFailed
from quarterdeck.events.task import TaskRequested, TaskStopRequested
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, deployed, given, joined, stopped

ROWS = [
    (4, 50, 200, 2, 8),
    (2, 75, 200, 2, 4),
    (4, 100, 200, 4, 8),
    (3, 100, 125, 3, 3),
    (1, 100, 200, 1, 2),
    (1, 0, 100, 0, 1),
    (3, 66, 133, 2, 3),
    (10, 90, 110, 9, 11),
    (2, 75, 125, 2, 2),
]
"""desired, minimum, maximum → lower, upper: the table of §9.3."""
BLOCKED = [row for row in ROWS if row[0] == row[3] == row[4]]
ROLLING = [row for row in ROWS if row not in BLOCKED] + [(4, 0, 100, 0, 4), (4, 50, 100, 2, 4), (5, 60, 120, 3, 6)]


def running(desired: int, minimum: int, maximum: int) -> Story:
    story = given(defined("app:1"), defined("app:2"), defined("app:3"))
    for zone in "abc":
        story.given(joined(f"{zone}1", zone, cpu=99999, memory=99999))
        story.given(joined(f"{zone}2", zone, cpu=99999, memory=99999))
    story.given(created(count=desired, minimum=minimum, maximum=maximum))
    story.run_service()
    return story


def healthy(story: Story) -> int:
    return sum(1 for each in story.live() if each.last_status == "RUNNING" and each.desired_status == "RUNNING")


def roll(story: Story, lower: int, upper: int, agents: Callable[[Story], int]) -> None:
    """Let scheduler and agents work to the end; at every step there are neither too few tasks nor too many."""
    for _ in range(200):
        events = [*story.reconcile(), *story.reconcile()]
        assert len(story.live()) <= upper
        assert healthy(story) >= lower
        check(story.state)
        if not agents(story) and not events:
            return
    raise AssertionError("the deployment does not end")


def all_at_once(story: Story) -> int:
    return story.agents_start() + story.agents_stop()


def one_by_one(story: Story) -> int:
    return story.agents_start(1) or story.agents_stop(1)


def slow_to_stop(story: Story) -> int:
    return story.agents_start() or story.agents_stop(1)


def drain(story: Story, *names: str) -> None:
    story.given(
        ContainerInstanceStatusChanged(cluster="default", container_instance=name, status="DRAINING") for name in names
    )


@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), ROWS)
def test_percents_round_towards_safety(desired: int, minimum: int, maximum: int, lower: int, upper: int) -> None:
    configuration = shapes.DeploymentConfiguration(minimum_healthy_percent=minimum, maximum_percent=maximum)
    assert bounds(configuration, desired) == (lower, upper)


@pytest.mark.parametrize("agents", [all_at_once, one_by_one, slow_to_stop])
@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), ROLLING)
def test_a_rolling_update_is_never_below_the_minimum_nor_above_the_maximum(
    desired: int, minimum: int, maximum: int, lower: int, upper: int, agents: Callable[[Story], int]
) -> None:
    story = running(desired, minimum, maximum).given(deployed("app:2", "ecs-svc/901"))
    roll(story, lower, upper, agents)
    assert {each.definition for each in story.live()} == {"app:2"}
    assert (story.service().running, len(story.service().deployments)) == (desired, 1)
    assert story.service().deployments[0].completed
    assert story.service().steady


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "starts", "stops"),
    [
        (4, 50, 100, 0, 2),
        (4, 100, 200, 4, 0),
        (1, 100, 200, 1, 0),
        (1, 0, 100, 0, 1),
        (3, 66, 133, 0, 1),
        (10, 90, 110, 1, 1),
        (10, 0, 200, 10, 10),
    ],
)
def test_the_first_step_of_a_rolling_update_starts_and_stops_what_it_may(
    desired: int, minimum: int, maximum: int, starts: int, stops: int
) -> None:
    story = running(desired, minimum, maximum).given(deployed("app:2", "ecs-svc/901"))
    events = story.reconcile()
    assert sum(1 for each in events if isinstance(each, TaskRequested)) == starts
    assert sum(1 for each in events if isinstance(each, TaskStopRequested)) == stops


@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), BLOCKED)
def test_a_configuration_that_allows_no_step_is_told_once(
    desired: int, minimum: int, maximum: int, lower: int, upper: int
) -> None:
    story = running(desired, minimum, maximum).given(deployed("app:2", "ecs-svc/901"))
    assert story.reconcile() == [
        ServiceDeploymentBlocked(cluster="default", service="web", deployment="ecs-svc/901", lower=lower, upper=upper)
    ]
    assert story.reconcile() == []
    assert {each.definition for each in story.live()} == {"app:1"}


def test_a_deployment_is_complete_only_when_the_old_tasks_are_gone() -> None:
    story = running(2, 100, 200).given(deployed("app:2", "ecs-svc/901"))
    story.settle()
    story.agents_start()
    story.settle()
    assert len(story.service().deployments) == 2
    assert not story.service().deployments[0].completed
    story.agents_stop()
    assert DeploymentCompleted(cluster="default", service="web", deployment="ecs-svc/901") in story.reconcile()
    assert [each.id for each in story.service().deployments] == ["ecs-svc/901"]


def test_a_completed_deployment_stays_completed_when_its_tasks_die() -> None:
    story = running(2, 100, 200)
    story.given(deployed("app:1", "ecs-svc/901"))
    story.run_service()
    victim = story.live()[0]
    victim_of = story.service().deployments[0]
    story.given(stopped(victim.id))
    assert victim_of.completed
    assert not any(isinstance(each, DeploymentCompleted) for each in story.reconcile())


def test_tasks_that_do_not_run_yet_are_replaced_without_waiting() -> None:
    story = given(defined("app:1"), defined("app:2"), joined("a1"), created(count=2))
    story.reconcile()
    story.given(deployed("app:2", "ecs-svc/901"))
    events = story.reconcile()
    assert sum(1 for each in events if isinstance(each, TaskStopRequested)) == 2


@pytest.mark.parametrize("agents", [all_at_once, one_by_one])
def test_a_deployment_replaced_by_another_leaves_only_the_last(agents: Callable[[Story], int]) -> None:
    story = running(4, 50, 200).given(deployed("app:2", "ecs-svc/901"))
    story.reconcile()
    story.agents_start(2)
    story.reconcile()
    story.given(deployed("app:3", "ecs-svc/902"))
    assert [each.id for each in story.service().deployments] == ["ecs-svc/902", "ecs-svc/901", "ecs-svc/900"]
    roll(story, 2, 8, agents)
    assert {each.definition for each in story.live()} == {"app:3"}
    assert len(story.service().deployments) == 1


def test_a_static_port_on_every_instance_blocks_an_update_that_may_stop_nothing_first() -> None:
    for minimum, proceeds in ((100, False), (50, True)):
        story = given(defined("app:1", port=80), defined("app:2", port=80))
        story.given(joined("a1", "a"), joined("b1", "b"), created(count=2, minimum=minimum))
        story.run_service()
        story.given(deployed("app:2", "ecs-svc/901"))
        events = story.reconcile()
        assert any(isinstance(each, ServiceTaskPlacementFailed) for each in events)
        story.run_service()
        assert {each.definition for each in story.live()} == ({"app:2"} if proceeds else {"app:1"})


@pytest.mark.parametrize("agents", [all_at_once, one_by_one, slow_to_stop])
@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), ROLLING)
def test_draining_instances_are_emptied_within_minimum_and_maximum(
    desired: int, minimum: int, maximum: int, lower: int, upper: int, agents: Callable[[Story], int]
) -> None:
    story = running(desired, minimum, maximum)
    drain(story, "a1", "b1")
    roll(story, lower, upper, agents)
    assert not story.on("a1") + story.on("b1")
    assert story.service().running == desired
    assert story.service().steady


@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), BLOCKED)
def test_an_instance_never_drains_where_nothing_may_start_or_stop(
    desired: int, minimum: int, maximum: int, lower: int, upper: int
) -> None:
    story = running(desired, minimum, maximum)
    held = len(story.on("a1"))
    drain(story, "a1")
    story.run_service()
    assert len(story.on("a1")) == held == 1
    assert story.service().deployments[0].blocked


def test_a_task_still_pending_on_a_draining_instance_is_stopped_at_once() -> None:
    story = given(defined(), joined("a1"), created(count=1, minimum=100, maximum=200))
    story.reconcile()
    drain(story, "a1")
    story.given(joined("b1", "b"))
    events = story.reconcile()
    assert [type(each) for each in events][-1] is TaskStopRequested


def test_an_instance_set_active_again_is_a_candidate_and_nothing_moves_back() -> None:
    story = running(6, 100, 200)
    drain(story, "a1", "a2")
    story.run_service()
    assert story.spread() == {"b": 3, "c": 3}
    story.given(
        ContainerInstanceStatusChanged(cluster="default", container_instance=name, status="ACTIVE")
        for name in ("a1", "a2")
    )
    story.run_service()
    assert story.spread() == {"b": 3, "c": 3}
