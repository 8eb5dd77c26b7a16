"""Scenarios of the checklist (§14) that no other module tells whole; the table is in tests/checklist.py."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from quarterdeck.engine.core import container_instance, report, service, task
from quarterdeck.engine.core.service_step import start_delay
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceStatusChanged
from quarterdeck.events.service import DeploymentCompleted, ServiceDeploymentBlocked, ServiceTaskStartImpaired
from quarterdeck.events.task import TaskStopped, TaskStopRequested
from tests.checkers import check
from tests.engine.core.story import ARN, Story, container, created, defined, deployed, given, joined, placed, stopped

PERCENTS = [(1, 100, 200, 1, 2), (2, 50, 100, 1, 2), (3, 66, 133, 2, 3), (4, 0, 100, 0, 4), (2, 75, 125, 2, 2)]
"""desired, minimum, maximum → the fewest that must run, the most that may be there: those §14 names."""
NEEDS = {"CPU": {"cpu": 4000}, "MEMORY": {"memory": 8000}, "PORTS": {"port": 80}}
MEMBER_OF = "MemberOf placement constraint unsatisfied."
DISTINCT = "DistinctInstance placement constraint unsatisfied."


def three(**members: Any) -> Story:
    """Three instances in three zones, and two revisions."""
    story = given(defined("app:1", **members), defined("app:2", **members))
    return story.given(*(joined(f"{zone}1", zone) for zone in "abc"))


def serving(desired: int, minimum: int, maximum: int) -> Story:
    story = three().given(created(count=desired, minimum=minimum, maximum=maximum, rules={"strategy": "ROLLING"}))
    story.run_service()
    return story


def play(story: Story, lower: int, upper: int) -> None:
    """Let scheduler and agents work one report at a time, within the bounds at every step, until nothing happens."""
    for _ in range(200):
        events = story.reconcile()
        check(story.state)
        wanted = [each for each in story.live() if each.desired_status == "RUNNING"]
        assert sum(1 for each in wanted if each.last_status == "RUNNING") >= lower
        assert len(story.live()) <= upper
        if not events and not (story.agents_start(1) or story.agents_stop(1)):
            return
    raise AssertionError("it does not end")


@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), PERCENTS)
def test_a_rolling_update_of_each_pair_of_percents(
    desired: int, minimum: int, maximum: int, lower: int, upper: int
) -> None:
    story = serving(desired, minimum, maximum).given(deployed("app:2", "ecs-svc/901"))
    play(story, lower, upper)
    blocked = lower == upper == desired
    assert {each.definition for each in story.live()} == {"app:1" if blocked else "app:2"}
    assert story.service().deployments[0].completed is not blocked
    assert story.service().deployments[0].blocked is blocked


@pytest.mark.parametrize(("desired", "minimum", "maximum", "lower", "upper"), PERCENTS)
def test_a_draining_instance_under_each_pair_of_percents(
    desired: int, minimum: int, maximum: int, lower: int, upper: int
) -> None:
    story = serving(desired, minimum, maximum)
    held = len(story.on("a1"))
    assert held
    request = shapes.UpdateContainerInstancesStateRequest(container_instances=["a1"], status="DRAINING")
    story.when(container_instance.update_state, request)
    play(story, lower, upper)
    blocked = lower == upper == desired
    assert len(story.on("a1")) == (held if blocked else 0)
    assert len(story.live()) == desired
    assert story.service().deployments[0].blocked is blocked


@pytest.mark.parametrize("percents", PERCENTS)
def test_a_rolling_update_while_an_instance_drains(percents: tuple[int, int, int, int, int]) -> None:
    desired, minimum, maximum, lower, upper = percents
    story = serving(desired, minimum, maximum).given(deployed("app:2", "ecs-svc/901"))
    story.reconcile()
    story.given(ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status="DRAINING"))
    play(story, lower, upper)
    blocked = lower == upper == desired
    assert blocked or (not story.on("a1") and {each.definition for each in story.live()} == {"app:2"})
    assert story.service().steady is not blocked


def run_ten(story: Story, **members: Any) -> Counter[tuple[str, str]]:
    """Ask for ten tasks; the instances and reasons of the failures."""
    story.when(task.run, shapes.RunTaskRequest(task_definition="app:1", count=10, **members))
    return Counter((each.arn.rpartition("/")[2], each.reason) for each in story.answer)


@pytest.mark.parametrize("resource", NEEDS)
def test_ten_tasks_over_three_instances_take_what_there_is_and_the_rest_lack_a_resource(resource: str) -> None:
    story = three(**NEEDS[resource])
    assert run_ten(story) == {(f"{zone}1", f"RESOURCE:{resource}"): 1 for zone in "abc"}
    assert sorted(each.instance for each in story.live()) == ["a1", "b1", "c1"]
    check(story.state)


@pytest.mark.parametrize(
    ("type_", "expression", "reason", "there"),
    [("memberOf", "attribute:rack == r1", MEMBER_OF, 0), ("distinctInstance", None, DISTINCT, 3)],
)
def test_ten_tasks_over_three_instances_fail_for_a_constraint(
    type_: str, expression: str | None, reason: str, there: int
) -> None:
    story = three()
    rule = shapes.PlacementConstraint(type=type_, expression=expression)
    assert run_ten(story, placement_constraints=[rule]) == {(f"{zone}1", reason): 1 for zone in "abc"}
    assert len(story.live()) == there


def test_ten_tasks_over_three_instances_fail_for_attributes_and_agents() -> None:
    lacking = three(needs=("ecs.capability.task-eni",))
    assert run_ten(lacking) == {(f"{zone}1", "ATTRIBUTE"): 1 for zone in "abc"}
    silent = given(defined("app:1"), *(joined(f"{zone}1", zone, connected=False) for zone in "abc"))
    assert run_ten(silent) == {(f"{zone}1", "AGENT"): 1 for zone in "abc"}
    assert lacking.live() + silent.live() == []


def test_ten_tasks_over_three_instances_fail_for_gpus_and_subnets() -> None:
    story = three()
    needs = [shapes.ResourceRequirement(type="GPU", value="1")]
    overrides = shapes.TaskOverride(
        container_overrides=[shapes.ContainerOverride(name="main", resource_requirements=needs)]
    )
    assert run_ten(story, overrides=overrides) == {(f"{zone}1", "RESOURCE:GPU"): 1 for zone in "abc"}
    containers = [container(cpu=1, memory=8)]
    definition = shapes.TaskDefinition(
        family="app", revision=1, network_mode="awsvpc", container_definitions=containers
    )
    own = given(defined("app:1", definition=definition))
    own.given(*(joined(f"{zone}1", zone, attributes={"quarterdeck.subnets": f"subnet-{zone}"}) for zone in "abc"))
    network = shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=["subnet-z"]))
    assert run_ten(own, network_configuration=network) == {(f"{zone}1", "LOCATION"): 1 for zone in "abc"}
    assert story.live() + own.live() == []


def test_an_agent_that_goes_away_during_a_deployment_is_waited_for_and_gets_nothing() -> None:
    story = serving(3, 100, 200).given(deployed("app:2", "ecs-svc/901"))
    before = story.on("a1")
    story.when(container_instance.disconnect, "default", "a1", "link lost")
    story.run_service()
    assert story.on("a1") == [], "what is old there is asked to stop, and nothing new comes"
    assert [each.last_status for each in before] == ["RUNNING"], "a lost link stops no task"
    assert not story.service().deployments[0].completed
    assert len(story.service().deployments) == 2
    story.when(container_instance.connect, "default", "a1", "again")
    story.run_service()
    assert {each.definition for each in story.live()} == {"app:2"}
    assert story.service().deployments[0].completed
    check(story.state)


def test_an_agent_that_never_comes_back_does_not_hold_a_deployment_up() -> None:
    story = serving(3, 100, 200).given(deployed("app:2", "ecs-svc/901"))
    story.settle()
    story.when(container_instance.disconnect, "default", "a1", "link lost")
    story.run_service()
    assert not story.service().deployments[0].completed, "its new task may run yet"
    story.after(60.0).when(container_instance.lose_overdue)
    story.run_service()
    assert story.service().deployments[0].completed
    wanted = [each for each in story.live() if each.desired_status == "RUNNING"]
    assert Counter((each.definition, each.instance != "a1") for each in wanted) == {("app:2", True): 3}


def test_a_task_whose_essential_container_ends_is_stopped_and_replaced() -> None:
    story = serving(2, 100, 200)
    victim = story.live()[0]
    change = shapes.ContainerStateChange(container_name="main", status="STOPPED", exit_code=3)
    request = shapes.SubmitTaskStateChangeRequest(task=victim.id, status="STOPPED", containers=[change])
    (event,) = story.when(report.task, request)
    assert isinstance(event, TaskStopped)
    assert (event.stop_code, event.reason) == ("EssentialContainerExited", "Essential container in task exited")
    assert (victim.last_status, victim.desired_status) == ("STOPPED", "STOPPED")
    assert story.when(report.task, request) == [], "told twice, it gives its room back once"
    check(story.state)
    story.run_service()
    assert story.service().running == 2
    assert victim.id not in {each.id for each in story.live()}


def test_ten_failed_starts_wait_longer_and_longer_are_told_once_and_an_update_forgives() -> None:
    story = given(defined("app:1"), joined("a1"), created(count=1))
    told: list[Any] = []
    waits: list[float] = []
    for _ in range(10):
        told += [each for each in story.reconcile() if isinstance(each, ServiceTaskStartImpaired)]
        if story.answer.at is not None:
            waits.append(story.answer.at - story.now)
            story.after(waits[-1] - 0.001)
            assert story.reconcile() == []
            story.after(0.001)
            story.reconcile()
        (waiting,) = story.live()
        story.given(stopped(waiting.id, "TaskFailedToStart", "CannotPullContainerError"))
    assert waits == pytest.approx([start_delay(failed) for failed in range(3, 10)])
    assert waits == pytest.approx([10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0])
    assert len(told) == 1
    assert story.reconcile() == []
    story.when(service.update, shapes.UpdateServiceRequest(service="web", force_new_deployment=True))
    story.reconcile()
    assert len(story.live()) == 1, "at once"
    story.agents_start()
    story.settle()
    assert story.service().steady


def test_an_instance_deregistered_by_force_loses_its_service_tasks_to_others() -> None:
    story = serving(3, 100, 200)
    (victim,) = story.on("a1")
    events = story.when(
        container_instance.deregister,
        shapes.DeregisterContainerInstanceRequest(container_instance="a1", force=True),
    )
    (event,) = [each for each in events if isinstance(each, TaskStopped)]
    assert event.reason == "Container instance deregistration forced by user"
    assert victim.last_status == "STOPPED"
    story.run_service()
    assert story.spread() == {"b": 2, "c": 1}
    assert story.service().steady
    check(story.state)


def test_an_instance_with_service_tasks_is_not_deregistered_without_force() -> None:
    story = serving(3, 100, 200)
    request = shapes.DeregisterContainerInstanceRequest(container_instance="a1")
    assert story.refusal(container_instance.deregister, request) == (
        "InvalidParameterException",
        "Found running tasks on the instance.",
    )


def test_a_deployment_that_wants_nothing_is_complete_once_old_tasks_are_gone() -> None:
    story = serving(2, 100, 200)
    story.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=0, task_definition="app:2"))
    assert not any(isinstance(each, DeploymentCompleted) for each in story.reconcile())
    story.agents_stop()
    assert any(isinstance(each, DeploymentCompleted) for each in story.reconcile())


def test_a_deadlock_ends_with_the_update_that_allows_a_step() -> None:
    story = serving(2, 75, 125).given(deployed("app:2", "ecs-svc/901"))
    assert [type(each) for each in story.reconcile()] == [ServiceDeploymentBlocked]
    assert story.reconcile() == []
    configuration = shapes.DeploymentConfiguration(minimum_healthy_percent=50)
    story.when(service.update, shapes.UpdateServiceRequest(service="web", deployment_configuration=configuration))
    assert [type(each) for each in story.reconcile()] == [TaskStopRequested]
    play(story, 1, 2)
    assert story.service().steady


def test_a_stop_code_and_reason_name_the_deployment() -> None:
    story = given(defined("app:1"), joined("a1"), created(count=0), placed("t1", "a1", service="web"))
    (event,) = [each for each in story.reconcile() if isinstance(each, TaskStopRequested)]
    assert (event.stop_code, event.reason) == (
        "ServiceSchedulerInitiated",
        "Scaling activity initiated by (deployment ecs-svc/900)",
    )
    assert story.state.namespace.task_arn("default", "t1") == f"{ARN}task/default/t1"
