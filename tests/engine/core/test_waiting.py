"""What a service waits for now, said from its state alone."""

from __future__ import annotations

from quarterdeck.engine.core.waiting import waiting_for
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import AgentDisconnected, AgentLost, ContainerInstanceStatusChanged
from quarterdeck.events.service import DeploymentFailed
from quarterdeck.events.task import TaskProtectionEnabled
from tests.engine.core.story import Story, created, defined, deployed, given, joined, placed, started, stopped


def waits(story: Story) -> list[str]:
    return waiting_for(story.turn(), story.cluster(), story.service())


def test_a_service_with_all_it_wants_waits_for_nothing() -> None:
    story = given(joined("i1"), defined(), created(count=1), placed("t1", "i1", service="web"), started("t1"))
    assert waits(story) == []


def test_a_service_waits_for_agents_to_start_and_stop_tasks() -> None:
    story = given(joined("i1"), defined(), created(count=1), placed("t1", "i1", service="web"))
    assert waits(story) == ["1 tasks that were told to their agents to be RUNNING"]
    story.given(AgentDisconnected(cluster="default", container_instance="i1"))
    assert waits(story) == ["1 tasks to be RUNNING on i1, whose agent is not connected"]


def test_a_service_waits_for_room_and_names_what_each_instance_lacks() -> None:
    story = given(joined("i1", cpu=100), joined("i2", memory=100), defined(), created(count=2))
    assert waits(story) == ["room for 2 tasks: i1: needs 256 CPU units, 100 left; i2: needs 512 MiB, 100 left"]


def test_a_service_waits_after_starts_that_failed() -> None:
    story = given(joined("i1"), defined(), created(count=1))
    for number in range(3):
        story.given(placed(f"t{number}", "i1", service="web"), stopped(f"t{number}", "TaskFailedToStart"))
    assert waits(story) == ["10 s, because 3 starts failed in a row; then 1 tasks are started"]


def test_a_service_waits_for_the_tasks_of_older_deployments_to_be_replaced() -> None:
    story = given(joined("i1"), defined(), defined("app:2"), created(count=1, maximum=150))
    story.given(placed("t1", "i1", service="web"), started("t1"), deployed("app:2", "ecs-svc/901"))
    assert waits(story) == [
        "1 tasks of older deployments to be replaced by app:2, with no fewer than 1 healthy and no more than 1 at once"
    ]


def test_a_service_whose_deployment_failed_waits_for_another() -> None:
    story = given(joined("i1"), defined(), created(count=1))
    story.given(
        DeploymentFailed(
            cluster="default",
            service="web",
            deployment="ecs-svc/900",
            cause="CIRCUIT_BREAKER",
            reason="ECS deployment circuit breaker: tasks failed to start.",
        )
    )
    assert waits(story) == [
        "another deployment, because ecs-svc/900 FAILED: ECS deployment circuit breaker: tasks failed to start."
    ]


def test_a_service_waits_for_protection_to_end_before_it_scales_in() -> None:
    story = given(joined("i1"), defined(), created(count=0), placed("t1", "i1", service="web"), started("t1"))
    story.given(TaskProtectionEnabled(cluster="default", task="t1", expires_at=story.now + 60))
    assert waits(story) == ["1 tasks too many, which can't be stopped while they are protected"]


def test_tasks_on_a_draining_instance_are_to_be_started_elsewhere() -> None:
    story = given(joined("i1"), defined(), created(count=1), placed("t1", "i1", service="web"), started("t1"))
    story.given(ContainerInstanceStatusChanged(cluster="default", container_instance="i1", status="DRAINING"))
    assert waits(story) == ["room for 1 tasks: i1: is DRAINING"]


def test_a_daemon_waits_for_room_only_where_it_belongs() -> None:
    only = [shapes.PlacementConstraint(type="memberOf", expression="attribute:edge exists")]
    edge = {"edge": "1"}
    story = given(joined("i1", attributes=edge), joined("i2", cpu=100, attributes=edge), joined("i3"), defined())
    story.given(created(scheduling_strategy="DAEMON", placement_constraints=only))
    story.settle()
    story.agents_start()
    assert waits(story) == ["room for 1 tasks: i2: needs 256 CPU units, 100 left"]


def test_a_daemon_whose_instance_is_lost_waits_for_no_room() -> None:
    story = given(joined("i1"), joined("i2"), defined(), created(scheduling_strategy="DAEMON"))
    story.settle()
    story.agents_start()
    story.given(AgentDisconnected(cluster="default", container_instance="i1"))
    story.given(AgentLost(cluster="default", container_instance="i1", after_seconds=60.0))
    story.settle()
    assert waits(story) == []
