"""DAEMON services (spec §8.5): one task on every instance, before all others, and the last to leave (§4.6)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import attribute, container_instance, service, task
from quarterdeck.engine.core.placement import Unplaceable, place
from quarterdeck.engine.core.react import concerned
from quarterdeck.engine.core.waiting import waiting_for
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.service import (
    DeploymentCompleted,
    ServiceDaemonConstraintViolated,
    ServiceDeploymentBlocked,
    ServiceDesiredCountChanged,
    ServiceSteadyStateReached,
    ServiceTaskPlacementFailed,
    ServiceUpdated,
)
from quarterdeck.events.task import TaskStopRequested
from quarterdeck.projections.live.demand import Demand
from tests.checkers import check
from tests.engine.core.story import Story, Told, created, defined, given, joined, placed, started, stopped

AGENT = defined("logs:1", cpu=100, memory=100)
ZONES = [joined("a1", "a"), joined("b1", "b"), joined("c1", "c")]


def everywhere(name: str = "logs", definition: str = "logs:1", minimum: int = 0, **members: Any) -> list[AnyEvent]:
    """Tell that a DAEMON service was created."""
    kind: dict[str, Any] = {"scheduling_strategy": "DAEMON", "maximum": 100, "minimum": minimum}
    return created(name, 0, definition=definition, deployment=f"ecs-svc/{name}", **kind, **members)


def running(*told: Told, **members: Any) -> Story:
    """A daemon that runs on every instance."""
    story = given(AGENT, *told, everywhere(**members))
    story.run_service("logs")
    check(story.state)
    return story


def status(name: str, value: str) -> ContainerInstanceStatusChanged:
    return ContainerInstanceStatusChanged(cluster="default", container_instance=name, status=value)


def test_a_daemon_runs_once_on_every_instance_and_its_desired_count_is_theirs() -> None:
    story = given(AGENT, *ZONES, joined("d1", connected=False), everywhere())
    events = story.reconcile("logs")
    assert events[0] == ServiceDesiredCountChanged(cluster="default", service="logs", desired_count=3)
    story.run_service("logs")
    assert [len(story.on(name)) for name in ("a1", "b1", "c1", "d1")] == [1, 1, 1, 0]
    assert (story.service("logs").desired_count, story.service("logs").running) == (3, 3)
    assert story.service("logs").steady
    assert story.service("logs").deployments[0].completed


def test_an_instance_that_joins_gets_it_and_one_that_left_does_not_count() -> None:
    story = running(*ZONES)
    story.given(joined("d1"))
    assert ("default", "logs") in list(concerned(story.state, joined("d1")[1]))
    story.run_service("logs")
    assert story.service("logs").desired_count == 4
    gone = shapes.DeregisterContainerInstanceRequest(container_instance="a1", force=True)
    story.when(container_instance.deregister, gone)
    story.run_service("logs")
    assert (story.service("logs").desired_count, story.service("logs").running) == (3, 3)


def test_room_is_kept_for_it_and_no_replica_takes_it() -> None:
    story = given(AGENT, defined(cpu=4000), joined("a1"), joined("b1", "b"), everywhere(), created(count=2))
    story.given(ServiceUpdated(cluster="default", service="web", desired_count=2))
    events = story.reconcile("web")
    (failed,) = [each for each in events if isinstance(each, ServiceTaskPlacementFailed)]
    assert (failed.count, failed.reason) == (2, "RESOURCE:CPU")
    story.when(task.run, shapes.RunTaskRequest(task_definition="app"))
    assert {each.detail for each in story.answer} == {"needs 4000 CPU units, 4096 left, 100 of them kept for daemons"}
    story.run_service("logs")
    assert story.service("logs").running == 2
    story.when(service.delete, shapes.DeleteServiceRequest(service="logs"))
    story.run_service("logs")
    story.run_service("web")
    assert story.service("web").running == 2, "and nothing is kept for a service that is gone"


def test_room_is_kept_only_where_it_may_run_and_for_its_ports_too() -> None:
    only = [shapes.PlacementConstraint(type="memberOf", expression="attribute:edge exists")]
    story = given(
        defined("logs:1", cpu=100, memory=100, port=80),
        joined("a1", attributes={"edge": ""}),
        joined("b1", "b"),
        everywhere(placement_constraints=only),
    )
    large = place(story.cluster(), "g", Demand(cpu=4096, memory=1))
    assert not isinstance(large, Unplaceable)
    assert large.instance.id == "b1"
    port = place(story.cluster(), "g", Demand(cpu=1, memory=1, tcp=frozenset({80})))
    assert not isinstance(port, Unplaceable)
    assert port.instance.id == "b1"


def test_when_its_task_ends_the_room_is_kept_again() -> None:
    story = running(joined("a1"))
    (only,) = story.live()
    story.given(stopped(only.id))
    assert isinstance(place(story.cluster(), "g", Demand(cpu=4000, memory=1)), Unplaceable)
    story.run_service("logs")
    assert len(story.on("a1")) == 1


def test_on_a_draining_instance_it_is_the_last_to_stop_and_comes_back_with_the_instance() -> None:
    story = running(*ZONES, defined(), created(count=3))
    story.run_service("web")
    alone = shapes.StartTaskRequest(task_definition="app", container_instances=["a1"])
    story.when(task.start, alone)
    story.given(status("a1", "DRAINING"))
    story.settle("logs")
    assert [each.group for each in story.on("a1")].count("service:logs") == 1
    story.settle("web")
    story.agents_start()
    story.settle("web")
    (moving,) = [each for each in story.live() if each.instance == "a1" and each.desired_status == "STOPPED"]
    event = stopped(moving.id)
    story.given(event)
    assert ("default", "logs") in list(concerned(story.state, event))
    story.run_service("logs")
    assert [each.group for each in story.on("a1")] == ["family:app"], "standalone tasks are not waited for"
    assert story.service("logs").desired_count == 2
    story.given(status("a1", "ACTIVE"))
    story.run_service("logs")
    assert story.service("logs").running == 3


def test_where_its_constraints_do_not_let_it_be_any_more_it_is_stopped_and_told() -> None:
    only = [shapes.PlacementConstraint(type="memberOf", expression="attribute:edge exists")]
    edge = {"edge": ""}
    story = running(joined("a1", attributes=edge), joined("b1", attributes=edge), placement_constraints=only)
    gone = shapes.Attribute(name="edge", target_id="a1", target_type="container-instance")
    story.when(attribute.delete, shapes.DeleteAttributesRequest(attributes=[gone]))
    events = story.reconcile("logs")
    told = [each for each in events if isinstance(each, ServiceDaemonConstraintViolated)]
    assert [each.container_instances for each in told] == [["a1"]]
    story.run_service("logs")
    assert (len(story.on("a1")), len(story.on("b1"))) == (0, 1)


def test_its_own_task_does_not_speak_against_it() -> None:
    only = [
        shapes.PlacementConstraint(type="memberOf", expression="runningTasksCount < 1 and task:group != service:logs")
    ]
    story = running(*ZONES, placement_constraints=only)
    assert story.service("logs").running == 3
    assert story.settle("logs").waits_for_room is False


def test_an_agent_that_is_silent_changes_nothing_and_one_that_is_lost_neither() -> None:
    story = running(*ZONES)
    story.given(AgentDisconnected(cluster="default", container_instance="a1", reason="gone"))
    assert story.reconcile("logs") == []
    story.given(AgentLost(cluster="default", container_instance="a1", after_seconds=60.0))
    assert story.reconcile("logs") == []
    story.given(AgentConnected(cluster="default", container_instance="a1"))
    assert story.reconcile("logs") == []
    assert len(story.on("a1")) == 1


def test_without_room_it_waits_says_so_once_and_nothing_is_evicted() -> None:
    story = given(defined(cpu=4096), AGENT, joined("a1"), joined("b1", "b"), placed("x", "a1"), started("x"))
    story.given(everywhere())
    events = story.reconcile("logs")
    (failed,) = [each for each in events if isinstance(each, ServiceTaskPlacementFailed)]
    assert (failed.count, failed.reason, failed.closest) == (1, "RESOURCE:CPU", "a1")
    assert story.answer.waits_for_room
    assert story.reconcile("logs") == []
    story.agents_start()
    said = waiting_for(story.turn(), story.cluster(), story.service("logs"))
    assert said == ["room for 1 tasks: a1: needs 100 CPU units, 0 left"]
    story.agents_start()
    story.given(stopped("x"))
    story.run_service("logs")
    assert story.service("logs").running == 2


def test_a_new_revision_stops_the_old_task_of_an_instance_before_it_starts_the_new_one() -> None:
    story = running(*ZONES, defined("logs:2", cpu=4000, memory=100))
    story.when(service.update, shapes.UpdateServiceRequest(service="logs", task_definition="logs:2"))
    events = story.reconcile("logs")
    assert len([each for each in events if isinstance(each, TaskStopRequested)]) == 3, "all at once: the minimum is 0"
    assert not story.service("logs").deployments[0].tasks
    story.agents_stop(1)
    story.settle("logs")
    assert len(story.service("logs").deployments[0].tasks) == 1
    story.run_service("logs")
    assert {each.definition for each in story.live()} == {"logs:2"}
    assert len(story.service("logs").deployments) == 1


def test_a_minimum_keeps_that_many_healthy_through_a_deployment() -> None:
    story = running(*ZONES, defined("logs:2", cpu=100), minimum=50)
    story.when(service.update, shapes.UpdateServiceRequest(service="logs", task_definition="logs:2"))
    for _ in range(12):
        story.settle("logs")
        assert story.service("logs").running >= 2, "3 x 50% rounded up"
        if not story.agents_stop(1):
            story.agents_start(1)
    story.run_service("logs")
    assert {each.definition for each in story.live()} == {"logs:2"}


def test_a_minimum_that_lets_nothing_stop_is_told() -> None:
    story = running(joined("a1"), defined("logs:2"), minimum=50)
    story.when(service.update, shapes.UpdateServiceRequest(service="logs", task_definition="logs:2"))
    events = story.reconcile("logs")
    assert [(each.lower, each.upper) for each in events if isinstance(each, ServiceDeploymentBlocked)] == [(1, 1)]
    assert story.reconcile("logs") == []


def test_a_deployment_does_not_wait_for_an_instance_that_is_lost() -> None:
    story = running(*ZONES, defined("logs:2"))
    story.given(
        AgentDisconnected(cluster="default", container_instance="a1", reason="gone"),
        AgentLost(cluster="default", container_instance="a1", after_seconds=60.0),
    )
    story.when(service.update, shapes.UpdateServiceRequest(service="logs", task_definition="logs:2"))
    story.run_service("logs")
    told = [type(each) for commit in story.commits[-3:] for each in commit.events]
    assert DeploymentCompleted in told
    assert ServiceSteadyStateReached in told
    story.given(AgentConnected(cluster="default", container_instance="a1"))
    story.run_service("logs")
    assert [(each.instance, each.definition) for each in story.live()] == [
        ("b1", "logs:2"),
        ("c1", "logs:2"),
        ("a1", "logs:2"),
    ]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"desired_count": 1}, "a desired count for services. Remove the desired count value and try again"),
        (
            {"placement_strategy": [shapes.PlacementStrategy(type="random")]},
            "placement strategies. Remove the placement strategy and try again",
        ),
        (
            {"deployment_configuration": shapes.DeploymentConfiguration(maximum_percent=200)},
            (
                "values above 100 for maximumPercent on a deployment configuration. "
                "Change the maximumPercent value to 100, and try again"
            ),
        ),
    ],
)
def test_an_update_is_refused_what_a_creation_is(members: dict[str, object], message: str) -> None:
    story = running(*ZONES)
    update: dict[str, object] = {"service": "logs", **members}
    assert story.refusal(service.update, shapes.UpdateServiceRequest(**update)) == (  # type: ignore[arg-type]
        "InvalidParameterException",
        f"The daemon scheduling strategy does not support {message}",
    )


def test_a_cluster_with_a_default_strategy_wants_the_launch_type_said() -> None:
    story = given(AGENT)
    story.cluster().default_strategy.append(shapes.CapacityProviderStrategyItem(capacity_provider="x", weight=1))
    request = shapes.CreateServiceRequest(
        service_name="logs", task_definition="logs", scheduling_strategy="DAEMON", launch_type="EC2"
    )
    code, message = story.refusal(
        service.create,
        shapes.CreateServiceRequest(service_name="logs", task_definition="logs", scheduling_strategy="DAEMON"),
    )
    assert code == "InvalidParameterException"
    assert message.startswith("Specifying a capacity provider strategy is not supported when you create a service")
    story.when(service.create, request)
    settings = story.service("logs").settings
    assert (settings.deployment_configuration.maximum_percent, settings.availability_zone_rebalancing) == (
        100,
        "DISABLED",
    )
