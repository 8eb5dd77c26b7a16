"""Tasks in the live view: what they hold, whom they count for, how long they stay."""

from __future__ import annotations

import pytest

from quarterdeck.events.container_instance import AgentConnected, AgentDisconnected, AgentLost
from quarterdeck.events.service import ServiceDeleted, ServiceDrained
from quarterdeck.events.task import TaskStopping, TaskStopRequested
from quarterdeck.projections.live import task
from tests.checkers import check
from tests.engine.core.story import Story, created, defined, given, joined, placed, started, stopped


def serving(*names: str) -> Story:
    story = given(defined(), joined("a1"), created(count=len(names)))
    return story.given(*(placed(name, "a1", service="web") for name in names))


def asked(name: str) -> TaskStopRequested:
    return TaskStopRequested(cluster="default", task=name, stop_code="UserInitiated", reason="")


def stopping(name: str) -> TaskStopping:
    return TaskStopping(cluster="default", task=name, stop_code="EssentialContainerExited", reason="")


def counts(story: Story) -> tuple[int, int, int]:
    service = story.service()
    return service.wanted, service.running, service.alive


def test_a_task_counts_for_its_service_from_placed_to_stopped() -> None:
    story = serving("t1", "t2")
    assert counts(story) == (2, 0, 2)
    story.given(started("t1", "t2"))
    assert counts(story) == (2, 2, 2)
    story.given(asked("t1"))
    assert counts(story) == (1, 1, 2)
    story.given(stopped("t1"))
    assert counts(story) == (1, 1, 1)
    story.given(stopped("t2"))
    assert counts(story) == (0, 0, 0)
    check(story.state)


def test_a_task_that_starts_after_it_was_asked_to_stop_does_not_count_as_running() -> None:
    story = serving("t1").given(asked("t1"), started("t1"))
    assert counts(story) == (0, 0, 1)
    check(story.state)


def test_a_task_holds_its_resources_until_it_is_stopped() -> None:
    story = serving("t1")
    instance = story.cluster().instances["a1"]
    for event in (*started("t1"), asked("t1")):
        story.given(event)
        assert instance.cpu_left == 4096 - 256
    story.given(stopped("t1"))
    assert instance.cpu_left == 4096


def test_a_task_that_is_stopping_holds_nothing_and_counts_for_nothing() -> None:
    story = serving("t1", "t2").given(started("t1", "t2"), stopping("t1"))
    instance = story.cluster().instances["a1"]
    assert (story.task("t1").last_status, story.task("t1").desired_status) == ("STOPPING", "STOPPED")
    assert (counts(story), instance.cpu_left, instance.running) == ((1, 1, 1), 4096 - 256, 1)
    check(story.state)
    version = instance.version
    story.given(stopped("t1"))
    assert (counts(story), instance.cpu_left, instance.version) == ((1, 1, 1), 4096 - 256, version)
    assert not instance.stopping
    check(story.state)


def test_every_event_of_a_task_is_a_new_version_of_it_and_binding_one_of_its_instance() -> None:
    story = serving("t1")
    before = (story.task("t1").version, story.cluster().instances["a1"].version)
    story.given(started("t1"), asked("t1"))
    assert story.task("t1").version == before[0] + 2
    story.given(stopped("t1"))
    assert story.cluster().instances["a1"].version == before[1] + 1


def test_a_failed_start_is_counted_and_a_run_forgives() -> None:
    story = serving("t1", "t2").given(stopped("t1", "TaskFailedToStart"))
    deployment = story.service().deployments[0]
    assert (deployment.failed, deployment.failed_at) == (1, story.now)
    story.given(started("t2"))
    assert deployment.failed == 0


def test_a_lost_agents_tasks_are_away_until_it_is_back() -> None:
    story = serving("t1", "t2").given(started("t1", "t2"))
    story.given(AgentDisconnected(cluster="default", container_instance="a1"))
    assert story.service().away == 0
    story.given(AgentLost(cluster="default", container_instance="a1", after_seconds=60.0))
    assert story.service().away == 2
    story.given(asked("t1"))
    assert story.service().away == 1
    story.given(AgentConnected(cluster="default", container_instance="a1"))
    assert story.service().away == 0
    check(story.state)


def test_what_an_older_service_of_the_same_name_left_behind_is_not_counted() -> None:
    story = serving("t1").given(asked("t1"))
    story.given(ServiceDeleted(cluster="default", service="web"), ServiceDrained(cluster="default", service="web"))
    story.given(created(count=1, deployment="ecs-svc/901"), stopped("t1"))
    assert counts(story) == (0, 0, 0)
    check(story.state)


def test_a_stopped_task_stays_for_an_hour() -> None:
    story = serving("t1", "t2", "t3").given(stopped("t1"))
    story.after(3600.0).given(stopped("t2"))
    assert "t1" in story.cluster().tasks
    story.after(1.0).given(stopped("t3"))
    assert "t1" not in story.cluster().tasks
    assert "t2" in story.cluster().tasks


def test_only_so_many_stopped_tasks_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "STOPPED_KEPT_MAX", 1)
    story = serving("t1", "t2").given(stopped("t1"), stopped("t2"))
    assert list(story.cluster().tasks) == ["t2"]
