"""Reports: what an agent's word changes (spec §4.8, §6.7)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import queued_task, report, task
from quarterdeck.events import shapes
from quarterdeck.events.task import (
    ContainerReport,
    ContainerStateChanged,
    TaskHealthChanged,
    TaskStarted,
    TaskStopped,
    TaskStopping,
)
from tests.engine.core.story import ARN, Story, container, defined, given, joined, placed, started, stopped

TASK = shapes.SubmitTaskStateChangeRequest
CONTAINER = shapes.SubmitContainerStateChangeRequest


def pending() -> Story:
    return given(defined(), joined("a1"), placed("t1", "a1"))


def running() -> Story:
    return pending().given(started("t1"))


def change(status: str, **members: Any) -> shapes.ContainerStateChange:
    return shapes.ContainerStateChange(**{"container_name": "main", "status": status, **members})


def told(story: Story, **members: Any) -> TaskStopped:
    (event,) = story.when(report.task, TASK(**{"task": "t1", "status": "STOPPED", **members}))
    assert isinstance(event, TaskStopped)
    return event


def test_a_task_reported_running_has_started() -> None:
    request = TASK(
        task=ARN + "task/default/t1",
        status="RUNNING",
        containers=[change("RUNNING", runtime_id="abc", image_digest="sha256:1")],
        pull_started_at=1.0,
        pull_stopped_at=2.0,
    )
    assert pending().when(report.task, request) == [
        TaskStarted(
            cluster="default",
            task="t1",
            containers=[ContainerReport(name="main", status="RUNNING", runtime_id="abc", image_digest="sha256:1")],
            pull_started_at=1.0,
            pull_stopped_at=2.0,
        )
    ]


def test_a_report_that_comes_twice_starts_nothing_twice() -> None:
    story = pending()
    story.when(report.task, TASK(task="t1", status="RUNNING"))
    assert story.when(report.task, TASK(task="t1", status="RUNNING")) == []
    assert story.task("t1").last_status == "RUNNING"


def test_a_report_that_comes_late_does_not_take_a_task_back() -> None:
    story = running()
    assert story.when(report.task, TASK(task="t1", status="PENDING")) == []
    assert story.task("t1").last_status == "RUNNING"


def test_a_stopped_task_stays_stopped_whatever_is_reported() -> None:
    story = running().given(stopped("t1"))
    assert story.when(report.task, TASK(task="t1", status="RUNNING", containers=[change("RUNNING")])) == []
    assert story.when(report.task, TASK(task="t1", status="STOPPED")) == []
    assert story.when(report.container, CONTAINER(task="t1", container_name="main", status="RUNNING")) == []


def test_a_task_that_is_to_stop_may_still_be_reported_running() -> None:
    story = pending()
    story.when(task.stop, shapes.StopTaskRequest(task="t1"))
    story.when(report.task, TASK(task="t1", status="RUNNING"))
    found = story.task("t1")
    assert (found.desired_status, found.last_status) == ("STOPPED", "RUNNING")


def test_a_running_task_whose_essential_container_exits_says_so() -> None:
    containers = [change("STOPPED", exit_code=137, reason="OutOfMemoryError: Container killed due to memory usage")]
    event = told(running(), containers=containers, execution_stopped_at=3.0)
    assert (event.stop_code, event.reason) == ("EssentialContainerExited", "Essential container in task exited")
    assert event.containers[0].exit_code == 137
    assert event.containers[0].reason.startswith("OutOfMemoryError")
    assert event.execution_stopped_at == 3.0


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, "Task failed to start"),
        ({"reason": "ResourceInitializationError: x"}, "ResourceInitializationError: x"),
        ({"containers": [change("STOPPED", reason="CannotPullContainerError: x")]}, "CannotPullContainerError: x"),
        ({"reason": "x" * 2000}, "x" * 1024),
    ],
)
def test_a_task_that_never_ran_failed_to_start_for_the_agents_reason(members: dict[str, Any], reason: str) -> None:
    event = told(pending(), **members)
    assert (event.stop_code, event.reason) == ("TaskFailedToStart", reason)


def test_a_task_that_is_running_without_all_its_containers_may_still_fail_to_start() -> None:
    reason = "TaskDependencyError: side needs init, which exited with 1"
    event = told(running(), reason=reason)
    assert (event.stop_code, event.reason) == ("TaskFailedToStart", reason)


def test_a_task_that_was_to_stop_keeps_why() -> None:
    story = running()
    story.when(task.stop, shapes.StopTaskRequest(task="t1", reason="enough"))
    event = told(story, reason="killed", containers=[change("STOPPED", exit_code=143)])
    assert (event.stop_code, event.reason) == ("UserInitiated", "enough")


def test_containers_may_change_without_their_task() -> None:
    binding = shapes.NetworkBinding(bind_ip="0.0.0.0", container_port=80, host_port=32768, protocol="tcp")
    story = running()
    request = TASK(task="t1", status="RUNNING", containers=[change("STOPPED", exit_code=0)])
    assert story.when(report.task, request) == [
        ContainerStateChanged(
            cluster="default", task="t1", container=ContainerReport(name="main", status="STOPPED", exit_code=0)
        )
    ]
    one = CONTAINER(task="t1", container_name="main", status="RUNNING", runtime_id="abc", network_bindings=[binding])
    assert story.when(report.container, one) == [
        ContainerStateChanged(
            cluster="default",
            task="t1",
            container=ContainerReport(name="main", status="RUNNING", runtime_id="abc", network_bindings=[binding]),
        )
    ]
    assert story.task("t1").last_status == "RUNNING"


def test_reports_about_what_we_do_not_know_are_refused() -> None:
    unknown = ("InvalidParameterException", "The referenced task was not found.")
    nameless = ("InvalidParameterException", "Container name can not be blank.")
    story = running()
    assert story.refusal(report.task, TASK(task="zz", status="RUNNING")) == unknown
    assert story.refusal(report.container, CONTAINER(task="zz", container_name="main")) == unknown
    assert story.refusal(report.container, CONTAINER(task="t1")) == nameless
    request = TASK(task="t1", status="RUNNING", containers=[shapes.ContainerStateChange(status="RUNNING")])
    assert story.refusal(report.task, request) == nameless


def test_a_report_about_a_task_that_waits_for_room_is_not_taken() -> None:
    """Simulation, seed 5754: an engine that was replaced, and had not noticed, took the word and changed nothing."""
    story = given(defined())
    tags = [shapes.Tag(key=queued_task.TAG, value="60")]
    story.when(task.run, shapes.RunTaskRequest(task_definition="app:1", tags=tags))
    (waiting,) = story.live()
    for decide, request in ((report.task, TASK), (report.container, CONTAINER)):
        refused = story.refusal(decide, request(task=waiting.id, status="RUNNING"))
        assert refused == ("InvalidParameterException", "The referenced task was not found on a container instance.")


def test_reports_about_attachments_are_taken_note_of() -> None:
    request = shapes.SubmitAttachmentStateChangesRequest(
        attachments=[shapes.AttachmentStateChange(attachment_arn="arn", status="ATTACHED")]
    )
    assert given().when(report.attachments, request) == []
    expected = ("InvalidParameterException", "attachments can not be empty")
    assert given().refusal(report.attachments, shapes.SubmitAttachmentStateChangesRequest()) == expected


def checked(name: str, *, essential: bool = True) -> shapes.ContainerDefinition:
    return container(name, essential=essential, health_check=shapes.HealthCheck(command=["CMD", "true"]))


def health(story: Story, **said: str) -> list[str]:
    """Report how containers are; what that makes of the task."""
    changes = [shapes.ContainerStateChange(container_name=name, health_status=each) for name, each in said.items()]
    events = story.when(report.task, TASK(task="t1", status="RUNNING", containers=changes))
    return [each.health_status for each in events if isinstance(each, TaskHealthChanged)]


def test_a_task_is_as_healthy_as_its_essential_containers_with_a_health_check() -> None:
    parts = [checked("a"), checked("b"), checked("side", essential=False), container("plain")]
    definition = shapes.TaskDefinition(family="app", revision=1, container_definitions=parts)
    story = given(defined(definition=definition), joined("a1"), placed("t1", "a1"))
    assert health(story, a="HEALTHY", side="UNHEALTHY") == [], "b is UNKNOWN, and side is not essential"
    assert health(story, b="HEALTHY") == ["HEALTHY"]
    assert health(story, b="UNHEALTHY") == ["UNHEALTHY"]
    assert health(story, a="UNHEALTHY", side="HEALTHY", plain="HEALTHY") == []
    one = CONTAINER(task="t1", container_name="a", status="RUNNING", health_status="HEALTHY", restart_count=2)
    (event,) = story.when(report.container, one)
    assert isinstance(event, ContainerStateChanged)
    assert (event.container.health_status, event.container.restart_count) == ("HEALTHY", 2)
    assert story.task("t1").restarts == {"a": 2}
    assert health(story, b="HEALTHY") == ["HEALTHY"]


def test_which_containers_of_a_running_task_have_not_begun_is_known() -> None:
    story = pending()
    parts = [change("RUNNING"), change("PENDING", container_name="side")]
    story.when(report.task, TASK(task="t1", status="RUNNING", containers=parts))
    assert story.task("t1").unstarted == ("side",)
    story.when(report.container, CONTAINER(task="t1", container_name="side", status="RUNNING"))
    assert story.task("t1").unstarted == ()


def test_a_task_without_health_checks_has_no_health_to_report() -> None:
    assert health(running(), main="UNHEALTHY") == []


def test_a_health_status_that_is_none_is_refused() -> None:
    request = TASK(task="t1", containers=[change("RUNNING", health_status="fine")])
    code, text = running().refusal(report.task, request)
    assert (code, text) == ("InvalidParameterException", "healthStatus should be one of [HEALTHY,UNHEALTHY,UNKNOWN]")


def test_a_task_in_which_nothing_runs_any_more_is_stopping_until_it_is_told_how_it_ended() -> None:
    story = running()
    assert story.when(report.task, TASK(task="t1", status="STOPPING")) == [
        TaskStopping(
            cluster="default",
            task="t1",
            stop_code="EssentialContainerExited",
            reason="Essential container in task exited",
        )
    ]
    event = told(story, containers=[change("STOPPED", exit_code=137)])
    assert (event.stop_code, event.reason) == ("EssentialContainerExited", "Essential container in task exited")
    assert event.containers[0].exit_code == 137
    assert story.task("t1").last_status == "STOPPED"


@pytest.mark.parametrize("status", ["STOPPING", "RUNNING"])
def test_a_task_that_is_stopping_stays_so_whatever_is_reported_late(status: str) -> None:
    story = running()
    story.when(report.task, TASK(task="t1", status="STOPPING"))
    assert story.when(report.task, TASK(task="t1", status=status)) == []
    assert story.task("t1").last_status == "STOPPING"


def test_a_task_that_has_ports_of_its_host_is_not_over_before_they_are_free() -> None:
    story = given(defined(port=8080), joined("a1"), placed("t1", "a1"), started("t1"))
    assert story.when(report.task, TASK(task="t1", status="STOPPING")) == []


def test_a_task_that_was_to_stop_or_never_ran_is_over_when_it_is_stopped() -> None:
    assert pending().when(report.task, TASK(task="t1", status="STOPPING")) == []
    story = running()
    story.when(task.stop, shapes.StopTaskRequest(task="t1"))
    assert story.when(report.task, TASK(task="t1", status="STOPPING")) == []
