"""Queued tasks: they wait for room in PROVISIONING as long as their caller said, and an event tells what came of it."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import queued_task, task
from quarterdeck.engine.core.explain import decided
from quarterdeck.engine.core.queue_step import work_queue
from quarterdeck.engine.core.react import concerned, makes_room
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import AgentConnected, AttributesPut
from quarterdeck.events.task import (
    TaskPlaced,
    TaskPlacementFailed,
    TaskQueued,
    TaskRequested,
    TaskStopped,
    TaskStopRequested,
)
from quarterdeck.projections.live.view import LiveView
from tests.checkers import check
from tests.engine.core.story import (
    NOON,
    Story,
    chain,
    defined,
    given,
    joined,
    networked,
    placed,
    started,
    stopped,
    subnets,
)


def patient(seconds: object = 60, **members: object) -> shapes.RunTaskRequest:
    tags = [shapes.Tag(key="quarterdeck:queueTimeoutSeconds", value=str(seconds))]
    asked: dict[str, object] = {"task_definition": "app", "tags": tags, **members}
    return shapes.RunTaskRequest(**asked)  # type: ignore[arg-type]


def look(story: Story) -> list[AnyEvent]:
    """Make one pass over the queue."""
    events = story.when(lambda turn: work_queue(turn, story.cluster()))
    check(story.state)
    return events


def full() -> Story:
    """One instance, which has room for one task and has it."""
    return given(defined(cpu=256), joined("a1", cpu=300), placed("x", "a1", group="other"), started("x"))


def test_a_task_without_room_waits_and_the_events_say_for_what_and_until_when() -> None:
    story = full()
    requested, waiting = story.when(task.run, patient(60))
    assert isinstance(requested, TaskRequested)
    assert isinstance(waiting, TaskQueued)
    assert (waiting.until, waiting.reason) == (NOON + 60.0, "RESOURCE:CPU")
    assert waiting.explanation.rejected == {"RESOURCE:CPU": 1}
    assert story.answer == []
    assert story.task(waiting.task).last_status == "PROVISIONING"
    assert list(concerned(story.state, waiting)) == [("default", "")]
    assert look(story) == []
    assert (story.answer.at, story.answer.waits_for_room) == (NOON + 60.0, True)
    check(story.state)


def test_it_is_placed_as_soon_as_there_is_room() -> None:
    story = full()
    story.when(task.run, patient())
    gone = stopped("x")
    story.given(gone)
    assert makes_room(story.state, gone)
    (event,) = look(story)
    assert isinstance(event, TaskPlaced)
    assert (event.container_instance, event.explanation is not None) == ("a1", True)
    assert story.task(event.task).last_status == "PENDING"
    assert story.answer.at is None
    assert look(story) == []


def test_what_has_room_is_placed_at_once_and_only_the_rest_waits() -> None:
    story = given(defined(cpu=256), joined("a1", cpu=600))
    events = story.when(task.run, patient(count=4))
    kinds = [type(each) for each in events]
    assert [kinds.count(kind) for kind in (TaskRequested, TaskPlaced, TaskQueued)] == [4, 2, 2]


def test_when_the_time_is_over_it_stops_with_what_it_waited_for() -> None:
    story = full()
    (_, waiting) = story.when(task.run, patient(60))
    assert look(story.after(59.0)) == []
    (event,) = look(story.after(1.0))
    assert isinstance(event, TaskStopped)
    assert isinstance(waiting, TaskQueued)
    assert (event.task, event.stop_code, event.reason) == (waiting.task, "TaskFailedToStart", "RESOURCE:CPU")
    assert (story.task(event.task).desired_status, story.cluster().queued) == ("STOPPED", {})


def test_those_that_came_first_are_placed_first() -> None:
    story = full()
    waiting = [each.task for _ in range(3) for each in story.when(task.run, patient()) if isinstance(each, TaskQueued)]
    story.given(stopped("x"))
    assert [each.task for each in look(story) if isinstance(each, TaskPlaced)] == waiting[:1]
    story.given(joined("b1", "b", cpu=600))
    assert [each.task for each in look(story) if isinstance(each, TaskPlaced)] == waiting[1:]


def test_an_empty_cluster_may_be_waited_in_too() -> None:
    story = given(defined())
    events = story.when(task.run, patient())
    assert [each.reason for each in events if isinstance(each, TaskQueued)] == ["NO ACTIVE INSTANCES"]
    story.given(joined("a1"))
    assert makes_room(story.state, AgentConnected(cluster="default", container_instance="a1"))
    assert [type(each) for each in look(story)] == [TaskPlaced]


def test_it_is_placed_by_the_constraints_and_strategies_it_came_with() -> None:
    story = given(defined(), joined("a1"), joined("b1", "b"))
    only = [shapes.PlacementConstraint(type="memberOf", expression="attribute:edge exists")]
    story.when(task.run, patient(placement_constraints=only, placement_strategy=chain("random")))
    marked = AttributesPut(
        cluster="default", container_instance="b1", attributes=[shapes.Attribute(name="edge", value="1")]
    )
    story.given(marked)
    assert makes_room(story.state, marked)
    assert [each.container_instance for each in look(story) if isinstance(each, TaskPlaced)] == ["b1"]


def test_a_reason_is_said_as_ecs_says_it_of_a_stopped_task() -> None:
    story = given(defined(only="attribute:edge exists"), joined("a1"))
    story.when(task.run, patient(1))
    (event,) = look(story.after(2.0))
    assert isinstance(event, TaskStopped)
    assert event.reason == "MemberOf placement constraint unsatisfied"


def test_one_that_waits_can_be_stopped_and_nobody_else_has_to_say_so() -> None:
    story = full()
    (_, waiting) = story.when(task.run, patient())
    assert isinstance(waiting, TaskQueued)
    events = story.when(task.stop, shapes.StopTaskRequest(task=waiting.task, reason="changed my mind"))
    assert [type(each) for each in events][:2] == [TaskStopRequested, TaskStopped]
    assert story.task(waiting.task).last_status == "STOPPED"
    assert story.task(waiting.task).stop_reason == "changed my mind"
    story.given(stopped("x"))
    assert look(story) == []


def test_without_the_tag_nothing_waits() -> None:
    story = full()
    events = story.when(task.run, shapes.RunTaskRequest(task_definition="app"))
    assert [type(each) for each in events] == [TaskPlacementFailed]


@pytest.mark.parametrize("seconds", ["", "0", "-1", "soon", "1.5", "86401"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    code, message = full().refusal(task.run, patient(seconds))
    assert code == "InvalidParameterException"
    assert message == (
        f"Invalid value '{seconds}' of the tag quarterdeck:queueTimeoutSeconds: seconds, from 1 to 86400."
    )


def test_only_so_many_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_task, "QUEUED_MAX", 3)
    story = full()
    story.when(task.run, patient(count=2))
    code, message = story.refusal(task.run, patient(count=2))
    assert code == "ClientException"
    assert message.startswith("The tasks provisioning capacity limit was exceeded: up to 3 tasks of cluster default")


def test_a_task_that_fits_at_once_is_placed_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_task, "QUEUED_MAX", 2)
    story = full().given(defined("tiny:1", cpu=40))
    story.when(task.run, patient(count=2))
    events = story.when(task.run, patient(task_definition="tiny"))
    assert [type(each) for each in events] == [TaskRequested, TaskPlaced]


def test_those_of_a_call_that_neither_fit_nor_may_wait_become_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued_task, "QUEUED_MAX", 2)
    story = full().given(defined("tiny:1", cpu=40))
    story.when(task.run, patient())
    events = story.when(task.run, patient(task_definition="tiny", count=3))
    assert [type(each) for each in events] == [TaskRequested, TaskPlaced, TaskPlacementFailed]
    assert [each.reason for each in story.answer] == ["RESOURCE:CPU"]
    assert len(story.cluster().queued) == 1


def test_where_one_that_waited_went_can_be_explained() -> None:
    story = full()
    story.when(task.run, patient(placement_strategy=chain("random")))
    story.given(joined("b1", "b"), joined("c1", "c"))
    (event,) = look(story)
    assert isinstance(event, TaskPlaced)
    view = LiveView()
    found = [each for commit in story.commits for each in decided(view, commit, lambda told: told == event)]
    assert [(each.outcome, each.agrees, each.task) for each in found] == [("PLACED", True, event.task)]


def test_one_that_waits_for_room_in_its_subnets_is_placed_there_only() -> None:
    story = given(
        networked(defined(cpu=256)),
        joined("a1", cpu=300, attributes={"quarterdeck.subnets": "subnet-a"}),
        joined("b1", "b", cpu=100, attributes={"quarterdeck.subnets": "subnet-b"}),
    )
    story.when(task.run, patient(network_configuration=subnets("subnet-b")))
    assert look(story) == []
    story.given(joined("c1", "b", cpu=300, attributes={"quarterdeck.subnets": "subnet-b"}))
    assert [each.container_instance for each in look(story) if isinstance(each, TaskPlaced)] == ["c1"]


def test_a_task_that_waits_is_explained_by_what_it_lacked_when_it_came_and_when_its_time_was_over() -> None:
    story = full()
    story.when(task.run, patient(60))
    story.given(joined("b1", "b", cpu=100))
    look(story.after(60.0))
    view = LiveView()
    found = [each for commit in story.commits for each in decided(view, commit, lambda _event: True)][-2:]
    assert [(each.outcome, each.agrees) for each in found] == [("QUEUED", True), ("FAILED", True)]
    assert [[verdict.detail for verdict in each.verdicts or []] for each in found] == [
        ["needs 256 CPU units, 44 left"],
        ["needs 256 CPU units, 44 left", "needs 256 CPU units, 100 left"],
    ]


def test_cancelling_one_that_waits_is_no_decision_on_its_place() -> None:
    story = full()
    (_, waiting) = story.when(task.run, patient(60))
    assert isinstance(waiting, TaskQueued)
    story.when(task.stop, shapes.StopTaskRequest(task=waiting.task))
    view = LiveView()
    found = [each for commit in story.commits for each in decided(view, commit, lambda _event: True)]
    assert [each.outcome for each in found] == ["STARTED", "QUEUED"]
