"""Tasks in the shape of the ECS API."""

import json

import msgspec
import pytest

from quarterdeck.events import shapes
from quarterdeck.events.task import (
    ContainerReport,
    ContainerStateChanged,
    NetworkAttachment,
    TaskStarted,
    TaskStopped,
    TaskStopRequested,
)
from quarterdeck.projections.live.demand import demand
from quarterdeck.projections.models.task_document import (
    placed_task,
    reported_task,
    requested_task,
    started_task,
    stopped_task,
    stopping_task,
)
from tests.projections.models.examples import INSTANCE, IRELAND, PROD, TASK, WEB, placed, requested

RUN_TASK = """
{"attachments":[],"attributes":[{"name":"ecs.cpu-architecture","value":"x86_64"}],
 "availabilityZone":"eu-west-1a","clusterArn":"arn:aws:ecs:eu-west-1:123456789012:cluster/prod",
 "containerInstanceArn":
   "arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/0123456789abcdef0123456789abcdef",
 "containers":[{
   "containerArn":"arn:aws:ecs:eu-west-1:123456789012:container/prod/d6f51cc5bbc94a47969c92035e9f66f8/d6f51cc5-bbc9-4a47-969c-92035e9f66f9",
   "taskArn":"arn:aws:ecs:eu-west-1:123456789012:task/prod/d6f51cc5bbc94a47969c92035e9f66f8",
   "name":"web","image":"nginx","lastStatus":"PENDING","networkInterfaces":[],"cpu":"10","memory":"300"}],
 "cpu":"10","createdAt":1700600374.403,"desiredStatus":"RUNNING","enableExecuteCommand":false,
 "group":"family:web","lastStatus":"PENDING","launchType":"EC2","memory":"300",
 "overrides":{"containerOverrides":[{"name":"web"}],"inferenceAcceleratorOverrides":[]},
 "tags":[],"taskArn":"arn:aws:ecs:eu-west-1:123456789012:task/prod/d6f51cc5bbc94a47969c92035e9f66f8",
 "taskDefinitionArn":"arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3","version":2}
"""
"""Appendix B.1, but for the container's identifier, which is derived, and the version, which counts the placing."""

AT = 1_700_600_374.403
PLAIN = msgspec.structs.replace(requested(), tags=[])


def new(definition: shapes.TaskDefinition = WEB) -> shapes.Task:
    return requested_task(IRELAND, AT, PLAIN, placed(), definition, architecture="x86_64")


def checked(essential: bool | None = True) -> shapes.ContainerDefinition:
    return shapes.ContainerDefinition(
        name="web", memory=1, essential=essential, health_check=shapes.HealthCheck(command=["CMD", "true"])
    )


def test_run_task_answers_as_ecs_does() -> None:
    assert json.loads(msgspec.json.encode(new())) == json.loads(RUN_TASK)


def test_a_task_placed_later_is_the_task_placed_at_once() -> None:
    waiting = requested_task(IRELAND, AT, PLAIN, None, WEB)
    assert (waiting.last_status, waiting.container_instance_arn, waiting.version) == ("PROVISIONING", None, 1)
    assert placed_task(IRELAND, waiting, placed(), "x86_64") == new()


def test_what_the_keeper_has_worked_out_need_not_be_worked_out_again() -> None:
    assert requested_task(IRELAND, AT, PLAIN, placed(), WEB, needs=demand(WEB), architecture="x86_64") == new()


def test_an_instance_without_architecture_gives_its_tasks_no_attribute() -> None:
    assert requested_task(IRELAND, AT, PLAIN, placed(), WEB).attributes == []


def test_a_service_task_was_started_by_its_deployment() -> None:
    event = requested(deployment="ecs-svc/1")
    task = requested_task(IRELAND, AT, event, placed(), WEB)
    assert (task.started_by, task.group) == ("ecs-svc/1", "service:web")


def test_overrides_are_echoed_and_change_what_a_task_takes() -> None:
    override = shapes.ContainerOverride(name="web", cpu=64, memory=500, command=["sleep"])
    event = msgspec.structs.replace(
        PLAIN, overrides=shapes.TaskOverride(container_overrides=[override], task_role_arn="role")
    )
    task = requested_task(IRELAND, AT, event, placed(), WEB)
    assert (task.cpu, task.memory) == ("64", "500")
    assert task.overrides == shapes.TaskOverride(
        container_overrides=[override], inference_accelerator_overrides=[], task_role_arn="role"
    )
    assert task.containers is not None
    assert (task.containers[0].cpu, task.containers[0].memory) == ("64", "500")


def test_a_task_has_its_own_size_if_it_has_one() -> None:
    task = new(msgspec.structs.replace(WEB, cpu="256", memory="512"))
    assert (task.cpu, task.memory) == ("256", "512")


def test_reports_fill_in_what_the_agent_knows() -> None:
    binding = shapes.NetworkBinding(bind_ip="0.0.0.0", container_port=80, host_port=8080, protocol="tcp")
    report = ContainerReport(
        name="web", status="RUNNING", runtime_id="abc", image_digest="sha256:1", network_bindings=[binding]
    )
    event = TaskStarted(cluster=PROD, task=TASK, containers=[report], pull_started_at=1.0, pull_stopped_at=2.0)
    task = started_task(new(), event, AT + 5, WEB)
    assert (task.last_status, task.started_at, task.version) == ("RUNNING", AT + 5, 3)
    assert (task.connectivity, task.connectivity_at) == ("CONNECTED", AT + 5)
    assert (task.pull_started_at, task.pull_stopped_at) == (1.0, 2.0)
    assert task.containers is not None
    container = task.containers[0]
    assert (container.last_status, container.runtime_id, container.network_bindings) == ("RUNNING", "abc", [binding])


def test_a_container_without_report_shares_the_tasks_status() -> None:
    running = started_task(new(), TaskStarted(cluster=PROD, task=TASK), AT, WEB)
    assert [each.last_status for each in running.containers or []] == ["RUNNING"]
    stopped = stopped_task(running, TaskStopped(cluster=PROD, task=TASK, stop_code="x", reason="y"), AT)
    assert [each.last_status for each in stopped.containers or []] == ["STOPPED"]


def test_a_stopped_task_says_why_and_when() -> None:
    asked = TaskStopRequested(cluster=PROD, task=TASK, stop_code="ServiceSchedulerInitiated", reason="scaling")
    stopping = stopping_task(new(), asked, AT + 1)
    assert (stopping.desired_status, stopping.last_status, stopping.stopping_at) == ("STOPPED", "PENDING", AT + 1)
    report = ContainerReport(name="web", status="STOPPED", exit_code=137, reason="OutOfMemoryError")
    event = TaskStopped(
        cluster=PROD,
        task=TASK,
        stop_code="ServiceSchedulerInitiated",
        reason="scaling",
        containers=[report],
        execution_stopped_at=AT + 2,
    )
    stopped = stopped_task(stopping, event, AT + 3)
    assert (stopped.last_status, stopped.stopping_at, stopped.stopped_at) == ("STOPPED", AT + 1, AT + 3)
    assert (stopped.stop_code, stopped.stopped_reason) == ("ServiceSchedulerInitiated", "scaling")
    assert stopped.execution_stopped_at == AT + 2
    assert [(each.exit_code, each.reason) for each in stopped.containers or []] == [(137, "OutOfMemoryError")]


def test_a_task_that_ends_by_itself_was_stopping_when_it_stopped() -> None:
    event = TaskStopped(cluster=PROD, task=TASK, stop_code="EssentialContainerExited", reason="exited")
    task = stopped_task(new(), event, AT + 3)
    assert (task.desired_status, task.stopping_at) == ("STOPPED", AT + 3)


def test_a_task_that_is_stopped_keeps_its_tags_until_an_event_takes_them() -> None:
    """StopTask takes them by an event of tags; deregistering an instance by force stops tasks and leaves them."""
    tagged = requested_task(IRELAND, AT, requested(), placed(), WEB)
    asked = TaskStopRequested(cluster=PROD, task=TASK, stop_code="UserInitiated", reason="")
    assert tagged.tags
    assert stopping_task(tagged, asked, AT).tags == tagged.tags


@pytest.mark.parametrize(
    ("essential", "health", "told"),
    [
        (True, "HEALTHY", "HEALTHY"),
        (True, "UNHEALTHY", "UNHEALTHY"),
        (True, "", "UNKNOWN"),
        (None, "UNHEALTHY", "UNHEALTHY"),
        (False, "UNHEALTHY", "UNKNOWN"),
    ],
)
def test_essential_containers_with_a_health_check_decide_on_health(
    essential: bool | None, health: str, told: str
) -> None:
    definition = shapes.TaskDefinition(container_definitions=[checked(essential)])
    report = ContainerReport(name="web", status="RUNNING", health_status=health)
    event = ContainerStateChanged(cluster=PROD, task=TASK, container=report)
    assert reported_task(new(definition), event, AT, definition).health_status == told


def test_without_health_checks_health_is_unknown() -> None:
    assert started_task(new(), TaskStarted(cluster=PROD, task=TASK), AT, WEB).health_status == "UNKNOWN"


def test_arns_name_the_instance() -> None:
    assert new().container_instance_arn == IRELAND.container_instance_arn(PROD, INSTANCE)


def test_why_a_container_was_pending_is_not_said_of_it_later() -> None:
    definition = shapes.TaskDefinition(container_definitions=[shapes.ContainerDefinition(name="app", essential=True)])
    pulling = ContainerReport(name="app", status="PENDING", reason="Pulling image web:7: 1.0 of 2.0 MB")
    waiting = reported_task(
        new(definition), ContainerStateChanged(cluster=PROD, task=TASK, container=pulling), AT, definition
    )
    assert (waiting.containers or [])[0].reason == pulling.reason
    started = started_task(waiting, TaskStarted(cluster=PROD, task=TASK), AT, definition)
    assert (started.containers or [])[0].reason is None


def test_of_the_end_of_a_container_the_first_word_stands() -> None:
    definition = shapes.TaskDefinition(container_definitions=[shapes.ContainerDefinition(name="app", essential=True)])
    told = new(definition)
    for reason in ("CannotPullContainerError: x", "ContainerVanishedError: y", ""):
        report = ContainerReport(name="app", status="STOPPED", reason=reason)
        told = reported_task(told, ContainerStateChanged(cluster=PROD, task=TASK, container=report), AT, definition)
        assert (told.containers or [])[0].reason == "CannotPullContainerError: x"


def test_a_task_with_a_network_of_its_own_has_an_interface_while_it_runs() -> None:
    vpc = shapes.AwsVpcConfiguration(subnets=["subnet-a"])
    configuration = shapes.NetworkConfiguration(awsvpc_configuration=vpc)
    task = requested_task(
        IRELAND, AT, msgspec.structs.replace(requested(), network_configuration=configuration), placed(), WEB
    )
    (wanted,) = task.attachments or []
    assert (wanted.type, wanted.status) == ("ElasticNetworkInterface", "PRECREATED")
    there = NetworkAttachment(subnet="subnet-a", private_ipv4_address="10.1.0.2", mac_address="02:42:0a:01:00:02")
    running = started_task(task, TaskStarted(cluster=PROD, task=TASK, attachment=there), AT, WEB)
    (interface,) = running.attachments or []
    assert (interface.id, interface.status) == (wanted.id, "ATTACHED")
    details = {each.name: each.value for each in interface.details or []}
    assert details["privateIPv4Address"] == "10.1.0.2"
    assert details["networkInterfaceId"].startswith("eni-")  # type: ignore[union-attr]
    (container,) = running.containers or []
    assert [each.private_ipv4_address for each in container.network_interfaces or []] == ["10.1.0.2"]
    stopped = stopped_task(running, TaskStopped(cluster=PROD, task=TASK, stop_code="x", reason="y"), AT)
    assert [each.status for each in stopped.attachments or []] == ["DELETED"]
    assert new().attachments == []
