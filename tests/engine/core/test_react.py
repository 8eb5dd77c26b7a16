"""Reaction: which services an event concerns."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core.react import concerned, makes_room
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AttributesPut,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.service import ServiceDeleted, ServiceDrained, ServiceSteadyStateReached, ServiceUpdated
from quarterdeck.events.task import TaskStarted, TaskStopRequested
from tests.engine.core.story import Story, created, defined, deployed, given, joined, placed, stopped


def serving() -> Story:
    story = given(defined(), joined("a1"), joined("a2"), created("web", 2), created("api", 1, deployment="ecs-svc/901"))
    story.given(placed("t1", "a1", service="web"), placed("t2", "a1", service="web"))
    return story.given(placed("t3", "a1", service="api", deployment="ecs-svc/901"), placed("t4", "a2"))


@pytest.mark.parametrize(
    ("event", "services"),
    [
        (ServiceUpdated(cluster="default", service="web"), {"web"}),
        (ServiceDeleted(cluster="default", service="web"), {"web"}),
        (deployed("app:1", "ecs-svc/902"), {"web"}),
        (TaskStarted(cluster="default", task="t3"), {"api"}),
        (TaskStopRequested(cluster="default", task="t1", stop_code="UserInitiated", reason=""), {"web"}),
        (stopped("t2"), {"web"}),
        (stopped("t4"), set()),
        (AgentConnected(cluster="default", container_instance="a1"), {"web", "api"}),
        (ContainerInstanceStatusChanged(cluster="default", container_instance="a2", status="DRAINING"), set()),
        (ServiceDrained(cluster="default", service="web"), set()),
        (ServiceSteadyStateReached(cluster="default", service="web"), set()),
    ],
)
def test_an_event_concerns_the_services_whose_tasks_or_wishes_it_changed(event: AnyEvent, services: set[str]) -> None:
    story = serving().given(event)
    assert set(concerned(story.state, event)) == {("default", name) for name in services}


def test_a_created_service_is_concerned() -> None:
    event = created("new", 1)[0]
    assert list(concerned(serving().given(event).state, event)) == [("default", "new")]


def test_a_task_stopped_or_an_instance_changed_may_make_room() -> None:
    state = serving().state
    assert makes_room(state, stopped("t1"))
    assert makes_room(state, AgentConnected(cluster="default", container_instance="a1"))
    assert makes_room(state, AttributesPut(cluster="default", container_instance="a1", attributes=[]))
    assert not makes_room(state, ServiceUpdated(cluster="default", service="web"))


def test_a_daemon_service_that_changes_may_make_the_room_that_was_kept_for_it() -> None:
    """Simulation, seed 10311: a task waited for its time's end beside the room of a daemon that was deleted."""
    state = given(defined(), created("node", 0, scheduling_strategy="DAEMON")).state
    assert makes_room(state, ServiceDeleted(cluster="default", service="node"))
    assert makes_room(state, ServiceUpdated(cluster="default", service="node"))
    assert makes_room(state, deployed("app:1", "ecs-svc/901", "node"))


def test_an_agent_that_goes_away_makes_no_room() -> None:
    assert not makes_room(serving().state, AgentDisconnected(cluster="default", container_instance="a1"))
