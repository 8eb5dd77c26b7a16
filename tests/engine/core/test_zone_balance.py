"""Availability zone rebalancing: start before stop, within the maximum, and never back and forth (spec §8.7)."""

from __future__ import annotations

import pytest
from hypothesis import given as hypothetically
from hypothesis import settings as thoroughness
from hypothesis import strategies as st
from msgspec.structs import replace

from quarterdeck.engine.core import task_protection
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import AgentConnected, ContainerInstanceStatusChanged
from quarterdeck.events.service import (
    RebalancingEvent,
    ServiceRebalancingBlocked,
    ServiceRebalancingCompleted,
    ServiceRebalancingStarted,
    ServiceRebalancingStopped,
    ServiceRebalancingTaskStarted,
    ServiceUpdated,
)
from quarterdeck.events.task import TaskPlaced, TaskStopRequested
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, deployed, given, joined, placed, started, stopped

A, B, C = "us-east-1a", "us-east-1b", "us-east-1c"


def uneven(
    *counts: int, rebalancing: str = "ENABLED", minimum: int = 100, maximum: int = 200, room: int = 999_999
) -> Story:
    """A steady service with so many tasks in zones a, b, c: as if they had just come back."""
    story = given(defined("app:1"), defined("app:2"))
    for zone in "abc"[: len(counts)]:
        story.given(joined(f"{zone}1", zone, cpu=room, memory=room), joined(f"{zone}2", zone, cpu=room, memory=room))
    story.given(created(count=sum(counts), minimum=minimum, maximum=maximum, availability_zone_rebalancing=rebalancing))
    for zone, count in zip("abc", counts, strict=False):
        for number in range(count):
            name = f"{zone}{number:031}"
            story.given(placed(name, f"{zone}{number % 2 + 1}", zone, service="web"), started(name))
    return story


def told(story: Story) -> list[AnyEvent]:
    return [event for commit in story.commits for event in commit.events if isinstance(event, RebalancingEvent)]


def balance(story: Story, upper: int) -> int:
    """Let scheduler and agents work to the end within the bounds; counts the tasks started."""
    desired = story.service().desired_count
    before = story.ids.count
    for _ in range(200):
        events = [*story.reconcile(), *story.reconcile()]
        assert len(story.live()) <= upper
        assert sum(1 for each in story.live() if each.last_status == "RUNNING") >= desired, (
            "one starts before one stops"
        )
        check(story.state)
        if not (story.agents_start() or story.agents_stop()) and not events:
            return story.ids.count - before
    raise AssertionError("it does not come to rest")


def drain(story: Story, *names: str, status: str = "DRAINING") -> None:
    story.given(
        ContainerInstanceStatusChanged(cluster="default", container_instance=name, status=status) for name in names
    )


@pytest.mark.parametrize(
    ("counts", "expected", "moves"),
    [
        ((6, 0), {"a": 3, "b": 3}, 3),
        ((3, 3, 0), {"a": 2, "b": 2, "c": 2}, 2),
        ((5, 1, 1), {"a": 3, "b": 2, "c": 2}, 2),
        ((9, 0, 0), {"a": 3, "b": 3, "c": 3}, 6),
        ((2, 1, 1), {"a": 2, "b": 1, "c": 1}, 0),
        ((2, 2, 1), {"a": 2, "b": 2, "c": 1}, 0),
        ((1, 0, 0), {"a": 1}, 0),
    ],
)
def test_zones_are_balanced_with_no_more_moves_than_it_takes(
    counts: tuple[int, ...], expected: dict[str, int], moves: int
) -> None:
    story = uneven(*counts)
    assert balance(story, 2 * sum(counts)) == moves
    assert story.spread() == expected
    assert story.service().steady
    assert not story.service().moving


def test_every_step_is_told() -> None:
    story = uneven(3, 1)
    *_, began, _, place, moved = story.reconcile()
    assert began == ServiceRebalancingStarted(cluster="default", service="web", zones={A: 3, B: 1})
    assert isinstance(place, TaskPlaced)
    assert moved == ServiceRebalancingTaskStarted(cluster="default", service="web", task=place.task, zone=B, source=A)
    assert story.reconcile() == [], "until it runs"
    story.agents_start()
    (stop,) = story.reconcile()
    assert isinstance(stop, TaskStopRequested)
    assert story.task(stop.task).zone == A
    assert stop.reason == "Availability-zone rebalancing initiated by (deployment ecs-svc/900)"
    assert (stop.stop_code, stop.superseded_by) == ("ServiceSchedulerInitiated", place.task)
    done = ServiceRebalancingCompleted(cluster="default", service="web", zones={A: 2, B: 2})
    assert done in story.reconcile()


def test_the_maximum_bounds_how_many_move_at_once() -> None:
    story = uneven(10, 0, maximum=110)
    balance(story, 11)
    assert story.spread() == {"a": 5, "b": 5}


def test_disabled_nothing_moves() -> None:
    story = uneven(6, 0, rebalancing="DISABLED")
    assert balance(story, 12) == 0
    assert told(story) == []


def test_a_zone_that_was_drained_and_is_back_gets_its_tasks_again() -> None:
    story = uneven(2, 2, 2)
    drain(story, "c1", "c2")
    story.run_service()
    assert story.spread() == {"a": 3, "b": 3}
    assert told(story) == [], "a zone without an instance to place on is none"
    drain(story, "c1", "c2", status="ACTIVE")
    balance(story, 12)
    assert story.spread() == {"a": 2, "b": 2, "c": 2}


def test_a_zone_without_room_is_told_once_and_waited_for() -> None:
    story = uneven(4, 0)
    story.given(placed("f1", "b1", "b", definition="app:1"))
    for name in ("b1", "b2"):
        story.given(placed(f"full-{name}", name, "b", definition="app:1"))
        story.cluster().instances[name].cpu_left = 0
    story.reconcile()
    assert told(story) == [
        ServiceRebalancingBlocked(cluster="default", service="web", deployment="ecs-svc/900", zone=B)
    ]
    assert story.answer.waits_for_room
    assert story.reconcile() == []


def test_it_is_not_begun_where_the_next_move_would_take_it_back() -> None:
    """Zone c is the emptiest, but full; b would then have as many as a had."""
    story = uneven(2, 1, 0)
    for name in ("c1", "c2"):
        story.cluster().instances[name].cpu_left = 0
    story.reconcile()
    assert [type(each) for each in told(story)] == [ServiceRebalancingBlocked]
    assert story.spread() == {"a": 2, "b": 1}


def protect(story: Story, *names: str) -> None:
    request = shapes.UpdateTaskProtectionRequest(cluster="default", tasks=list(names), protection_enabled=True)
    story.when(task_protection.update, request)


def test_protected_tasks_do_not_move() -> None:
    story = uneven(4, 0)
    tasks = [each.id for each in story.live()]
    protect(story, *tasks[:3])
    balance(story, 8)
    assert story.spread() == {"a": 3, "b": 1}
    assert set(tasks[:3]) <= {each.id for each in story.live()}
    blocked = told(story)[-1]
    assert isinstance(blocked, ServiceRebalancingBlocked)
    assert blocked.reason == "task protection"


def test_protection_while_a_task_moves_stops_it() -> None:
    story = uneven(2, 0)
    story.reconcile()
    protect(story, *(each.id for each in story.live() if each.zone == A))
    story.agents_start()
    story.run_service()
    assert isinstance(told(story)[2], ServiceRebalancingStopped)
    assert story.spread() == {"a": 2}
    assert story.service().steady


@pytest.mark.parametrize("what", ["deployment", "scale in", "scale out", "drain", "disabled", "task died"])
def test_other_work_comes_first(what: str) -> None:
    story = uneven(6, 0)
    story.reconcile()
    assert story.service().moving
    old = story.service().settings
    match what:
        case "deployment":
            story.given(deployed("app:2", "ecs-svc/901"))
        case "scale in":
            story.given(ServiceUpdated(cluster="default", service="web", desired_count=2))
        case "scale out":
            story.given(ServiceUpdated(cluster="default", service="web", desired_count=9))
        case "drain":
            drain(story, "a1")
        case "task died":
            story.given(stopped(next(each.id for each in story.live() if each.last_status == "RUNNING")))
        case _:
            story.given(
                ServiceUpdated(
                    cluster="default", service="web", settings=replace(old, availability_zone_rebalancing="DISABLED")
                )
            )
    events = story.reconcile()
    assert any(isinstance(each, ServiceRebalancingStopped) for each in events)
    assert not story.service().moving
    story.run_service()
    assert story.service().steady
    assert len(story.live()) == story.service().desired_count
    check(story.state)


def test_a_moving_task_that_fails_to_start_is_tried_again_with_patience() -> None:
    story = uneven(2, 0)
    for _ in range(4):
        story.settle()
        (waiting,) = [each for each in story.live() if each.last_status == "PENDING"]
        story.given(stopped(waiting.id, "TaskFailedToStart"))
        if story.service().deployments[0].failed >= 3:
            break
    assert story.settle().at is not None
    assert story.service().deployments[0].impaired, "it is told"
    story.after(2000.0)
    balance(story, 4)
    assert story.spread() == {"a": 1, "b": 1}


def test_zones_are_left_alone_while_the_settings_forbid_to_balance_them() -> None:
    story = uneven(4, 0, minimum=0, maximum=150)
    before = story.service().settings
    random = replace(before, placement_strategy=[shapes.PlacementStrategy(type="random")])
    story.given(ServiceUpdated(cluster="default", service="web", settings=random))
    story.run_service()
    assert story.spread() == {"a": 4}
    story.given(ServiceUpdated(cluster="default", service="web", settings=before))
    story.run_service()
    assert story.spread() == {"a": 2, "b": 2}


def test_a_lost_zone_that_comes_back_is_filled_again() -> None:
    story = uneven(3, 3)
    for name in ("b1", "b2"):
        instance = story.cluster().instances[name]
        assert instance.connected
    from quarterdeck.events.container_instance import AgentDisconnected, AgentLost

    for name in ("b1", "b2"):
        story.given(
            AgentDisconnected(cluster="default", container_instance=name),
            AgentLost(cluster="default", container_instance=name, after_seconds=60.0),
        )
    story.run_service()
    assert story.spread() == {"a": 6}
    story.given(AgentConnected(cluster="default", container_instance=name) for name in ("b1", "b2"))
    story.agents_stop()
    story.run_service()
    assert story.spread() == {"a": 3, "b": 3}


@hypothetically(st.lists(st.integers(0, 7), min_size=2, max_size=3), st.sampled_from([(100, 200), (50, 110), (0, 150)]))
@thoroughness(max_examples=40, deadline=None)
def test_from_any_spread_it_settles_and_moves_nothing_back(counts: list[int], percents: tuple[int, int]) -> None:
    minimum, maximum = percents
    desired = sum(counts)
    story = uneven(*counts, minimum=minimum, maximum=maximum)
    per_zone = desired // len(counts)
    moves = balance(story, max(desired * maximum // 100, desired))
    values = [
        story.cluster().room.group("service:web").zones.get(f"us-east-1{zone}", 0) for zone in "abc"[: len(counts)]
    ]
    if desired * maximum // 100 > desired:
        assert max(values) - min(values) <= 1
        assert moves == sum(
            each - max(value, per_zone) for each, value in zip(counts, values, strict=True) if each > value
        )
