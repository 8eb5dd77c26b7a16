"""ExecuteCommand: who may be given a session, in ECS's words, and that it is remembered (spec §11.3)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core.execute_command import NOT_ENABLED, execute
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import AgentDisconnected
from quarterdeck.events.task import ExecuteCommandRequested, TaskStopRequested
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from tests.engine.core.story import Story, container, defined, given, joined, placed, started


def asked(**members: Any) -> shapes.ExecuteCommandRequest:
    return shapes.ExecuteCommandRequest(**{"task": "t1", "command": "sh -c 'ls /'", "interactive": True, **members})


def with_containers(*containers: shapes.ContainerDefinition) -> TaskDefinitionRegistered:
    definition = shapes.TaskDefinition(family="app", revision=1, container_definitions=list(containers))
    return defined("app:1", definition=definition)


def running(*containers: shapes.ContainerDefinition, enabled: bool = True) -> Story:
    return given(
        with_containers(*(containers or (container("web"),))),
        joined("a1"),
        placed("t1", "a1", enable_execute_command=enabled),
        started("t1"),
    )


def test_a_session_is_given_and_the_log_has_who_asked_for_what() -> None:
    (event,) = running().when(execute, asked())
    assert isinstance(event, ExecuteCommandRequested)
    assert (event.task, event.container, event.command) == ("t1", "web", "sh -c 'ls /'")
    assert event.session.startswith("ecs-execute-command-")


def test_of_several_containers_one_has_to_be_named() -> None:
    story = running(container("web"), container("side"))
    (event,) = story.when(execute, asked(container="side"))
    assert isinstance(event, ExecuteCommandRequested)
    assert event.container == "side"
    code, message = story.refusal(execute, asked())
    assert code == "InvalidParameterException"
    assert "web, side" in message


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"interactive": False}, "Interactive is the only mode supported currently."),
        ({"command": " "}, "Command can not be blank."),
        ({"task": "never"}, "The referenced task was not found."),
        ({"container": "other"}, "The container other was not found in the task."),
    ],
)
def test_what_can_not_be_is_refused_in_ecs_s_words(members: dict[str, Any], text: str) -> None:
    assert running().refusal(execute, asked(**members)) == ("InvalidParameterException", text)


def test_a_task_that_was_run_without_it_or_does_not_run_is_refused() -> None:
    stopping = running().given(
        TaskStopRequested(cluster="default", task="t1", stop_code="UserInitiated", reason="enough")
    )
    waiting = given(with_containers(container("web")), joined("a1"), placed("t1", "a1", enable_execute_command=True))
    for story in (running(enabled=False), stopping, waiting):
        assert story.refusal(execute, asked()) == ("InvalidParameterException", NOT_ENABLED)


def test_an_instance_whose_agent_is_away_can_not_be_reached() -> None:
    story = running().given(AgentDisconnected(cluster="default", container_instance="a1", reason="gone"))
    code, message = story.refusal(execute, asked())
    assert code == "TargetNotConnectedException"
    assert message.startswith("The execute command failed due to an internal error. Try again later.")
    assert "a1" in message
