"""Tasks: run, started, stopped (spec §6.3 to §6.5)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from quarterdeck.engine.core import task
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceDeregistered, ContainerInstanceStatusChanged
from quarterdeck.events.task import (
    TaskPlaced,
    TaskPlacementFailed,
    TaskRequested,
    TaskStopRequested,
)
from quarterdeck.events.task_definition import TaskDefinitionDeregistered, TaskDefinitionRegistered
from tests.engine.core.story import (
    ARN,
    Story,
    container,
    defined,
    given,
    hexadecimal,
    joined,
    placed,
    started,
    stopped,
)

RUN = shapes.RunTaskRequest
START = shapes.StartTaskRequest
STOP = shapes.StopTaskRequest
AWSVPC = TaskDefinitionRegistered(
    family="net",
    revision=1,
    definition=shapes.TaskDefinition(network_mode="awsvpc", container_definitions=[container()]),
)
SIZED = TaskDefinitionRegistered(
    family="sized",
    revision=1,
    definition=shapes.TaskDefinition(
        cpu="512", memory="1024", container_definitions=[container(cpu=100), container("side", cpu=10)]
    ),
)


def draining(name: str) -> ContainerInstanceStatusChanged:
    return ContainerInstanceStatusChanged(cluster="default", container_instance=name, status="DRAINING")


def overriding(**members: Any) -> shapes.TaskOverride:
    return shapes.TaskOverride(container_overrides=[shapes.ContainerOverride(**{"name": "main", **members})])


def arn(instance: str) -> str:
    return f"{ARN}container-instance/default/{instance}"


def test_one_task_is_run_when_no_count_is_given() -> None:
    story = given(defined(), joined("a1"))
    request, place = story.when(task.run, RUN(task_definition="app"))
    assert story.answer == []
    assert request == TaskRequested(cluster="default", task=hexadecimal(1), task_definition="app:1", group="family:app")
    assert isinstance(place, TaskPlaced)
    assert (place.task, place.container_instance, place.zone) == (hexadecimal(1), "a1", "us-east-1a")
    assert story.task(hexadecimal(1)).last_status == "PENDING"


def test_the_event_keeps_why_the_task_went_there() -> None:
    story = given(defined(), joined("a1"), joined("a2"), joined("b1", "b", connected=False), placed("t1", "a1"))
    _, place = story.when(task.run, RUN(task_definition="app"))
    assert isinstance(place, TaskPlaced)
    assert place.explanation is not None
    assert place.explanation.considered == 3
    assert place.explanation.zones == {"us-east-1a": 1, "us-east-1b": 0}
    assert place.explanation.rejected == {"AGENT": 1}, "the zone with fewer tasks was asked first"
    assert place.container_instance == "a2"


def test_the_tasks_of_one_call_see_one_another() -> None:
    story = given(defined(), joined("a1", "a"), joined("b1", "b"), joined("c1", "c"))
    story.when(task.run, RUN(task_definition="app", count=10))
    assert story.answer == []
    assert sorted(story.spread().values()) == [3, 3, 4]


def test_tasks_are_spread_within_their_group_only() -> None:
    story = given(defined(), joined("a1", "a"), joined("b1", "b"), placed("t1", "a1", group="batch"))
    (_, place) = story.when(task.run, RUN(task_definition="app", group="batch"))
    assert isinstance(place, TaskPlaced)
    assert place.container_instance == "b1"
    (_, place) = story.when(task.run, RUN(task_definition="app"))
    assert isinstance(place, TaskPlaced)
    assert place.container_instance == "a1"


def test_what_a_task_is_run_with_is_kept() -> None:
    story = given(
        msgspec.structs.replace(defined(), tags=[shapes.Tag(key="a", value="1"), shapes.Tag(key="b", value="1")]),
        joined("a1"),
    )
    request = RUN(
        task_definition="app:1",
        started_by="me/my-job_1 Deploy",
        tags=[shapes.Tag(key="b", value="2")],
        propagate_tags="TASK_DEFINITION",
        enable_ecs_managed_tags=True,
        enable_execute_command=True,
    )
    event, _ = story.when(task.run, request)
    assert isinstance(event, TaskRequested)
    assert event.started_by == "me/my-job_1 Deploy"
    assert event.enable_execute_command
    assert {each.key: each.value for each in event.tags} == {
        "a": "1",
        "b": "2",
        "aws:ecs:clusterName": "default",
    }


def test_overrides_change_what_a_task_needs() -> None:
    story = given(defined(cpu=256, memory=512), joined("a1"))
    story.when(task.run, RUN(task_definition="app", overrides=overriding(cpu=1000, memory=2000)))
    instance = story.cluster().instances["a1"]
    assert (instance.cpu_left, instance.memory_left) == (4096 - 1000, 8192 - 2000)
    story.when(task.run, RUN(task_definition="app", overrides=shapes.TaskOverride(cpu="100", memory="200")))
    assert (instance.cpu_left, instance.memory_left) == (4096 - 1100, 8192 - 2200)
    story.when(task.stop, STOP(task=hexadecimal(1)))
    story.agents_stop()
    assert (instance.cpu_left, instance.memory_left) == (4096 - 100, 8192 - 200), "what was taken is given back"


def test_overrides_that_say_nothing_are_not_kept() -> None:
    event, _ = given(defined(), joined("a1")).when(
        task.run, RUN(task_definition="app", overrides=shapes.TaskOverride())
    )
    assert isinstance(event, TaskRequested)
    assert event.overrides is None


def test_what_fits_nowhere_fails_with_the_first_check_each_instance_fails() -> None:
    story = given(
        defined("app:1", cpu=1000, memory=1000, port=80, needs=("ecs.capability.task-eni",)),
        defined("port:1", port=80),
        joined("a1", attributes={"ecs.capability.task-eni": ""}),
        joined("a2"),
        joined("a3", connected=False),
        joined("a4", attributes={"ecs.capability.task-eni": ""}, cpu=999),
        joined("a5", attributes={"ecs.capability.task-eni": ""}, memory=999),
        joined("a6", attributes={"ecs.capability.task-eni": ""}, ports=(80,), cpu=1),
        joined("a7"),
        joined("gone"),
        placed("t1", "a1", definition="port:1", group="x"),
        draining("a7"),
        ContainerInstanceDeregistered(cluster="default", container_instance="gone"),
    )
    (event,) = story.when(task.run, RUN(task_definition="app", count=2))
    assert story.answer == [
        shapes.Failure(arn=arn("a1"), reason="RESOURCE:PORTS", detail="in use: 80"),
        shapes.Failure(arn=arn("a2"), reason="ATTRIBUTE", detail="lacks ecs.capability.task-eni"),
        shapes.Failure(arn=arn("a3"), reason="AGENT", detail="agent is not connected"),
        shapes.Failure(arn=arn("a4"), reason="RESOURCE:CPU", detail="needs 1000 CPU units, 999 left"),
        shapes.Failure(arn=arn("a5"), reason="RESOURCE:MEMORY", detail="needs 1000 MiB, 999 left"),
        shapes.Failure(arn=arn("a6"), reason="RESOURCE:PORTS", detail="in use: 80"),
        shapes.Failure(arn=arn("a7"), reason="AGENT", detail="is DRAINING"),
    ]
    assert isinstance(event, TaskPlacementFailed)
    assert event.count == 2
    assert event.explanation.considered == 7
    assert event.explanation.rejected == {
        "RESOURCE:PORTS": 2,
        "ATTRIBUTE": 1,
        "AGENT": 1,
        "RESOURCE:CPU": 1,
        "RESOURCE:MEMORY": 1,
        "STATUS": 1,
    }


def test_what_fits_is_run_and_the_rest_are_failures() -> None:
    story = given(defined(cpu=2000), joined("a1"))
    events = story.when(task.run, RUN(task_definition="app", count=5))
    assert [type(each) for each in events] == [TaskRequested, TaskPlaced] * 2 + [TaskPlacementFailed]
    assert isinstance(events[-1], TaskPlacementFailed)
    assert events[-1].count == 3
    assert story.answer == [
        shapes.Failure(arn=arn("a1"), reason="RESOURCE:CPU", detail="needs 2000 CPU units, 96 left")
    ]


def test_equality_fits_and_nothing_always_does() -> None:
    story = given(defined("app:1", cpu=4096, memory=8192), defined("none:1", cpu=0, memory=0), joined("a1"))
    story.when(task.run, RUN(task_definition="app"))
    assert story.answer == []
    story.when(task.run, RUN(task_definition="none"))
    assert story.answer == []


def test_a_port_is_taken_per_protocol_until_the_task_is_stopped() -> None:
    udp = shapes.TaskDefinition(
        container_definitions=[
            container(port_mappings=[shapes.PortMapping(container_port=80, host_port=80, protocol="udp")])
        ]
    )
    story = given(defined("tcp:1", port=80), joined("a1"))
    story.given(TaskDefinitionRegistered(family="udp", revision=1, definition=udp))
    story.when(task.run, RUN(task_definition="tcp"))
    story.when(task.run, RUN(task_definition="udp"))
    assert story.answer == []
    story.when(task.run, RUN(task_definition="tcp"))
    assert [each.reason for each in story.answer] == ["RESOURCE:PORTS"]
    story.when(task.stop, STOP(task=hexadecimal(1)))
    story.when(task.run, RUN(task_definition="tcp"))
    assert [each.reason for each in story.answer] == ["RESOURCE:PORTS"], "a task on its way out still has its port"
    story.agents_stop()
    story.when(task.run, RUN(task_definition="tcp"))
    assert story.answer == []


def test_instances_of_one_host_share_its_ports() -> None:
    story = given(defined(port=80), joined("a1", host="rack"), joined("b1", "b", host="rack"), joined("c1", "c"))
    story.when(task.run, RUN(task_definition="app", count=3))
    assert story.spread() == {"a": 1, "c": 1}
    assert {each.reason for each in story.answer} == {"RESOURCE:PORTS"}
    story.given(stopped(story.on("a1")[0].id))
    story.when(task.run, RUN(task_definition="app"))
    assert story.answer == []


@pytest.mark.parametrize("world", ["none", "gone", "draining"])
def test_a_cluster_without_active_instances_is_no_place_to_run(world: str) -> None:
    story = given(defined())
    if world != "none":
        story.given(joined("a1"), draining("a1"))
    if world == "gone":
        story.given(ContainerInstanceDeregistered(cluster="default", container_instance="a1"))
    expected = ("InvalidParameterException", "No Container Instances were found in your cluster.")
    assert story.refusal(task.run, RUN(task_definition="app")) == expected


STARTED_BY = "startedBy can have up to {} letters (uppercase and lowercase), numbers, hyphens, slashes and underscores."
SAME_TIME = "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (RUN(task_definition="app", cluster="x"), "ClusterNotFoundException", "Cluster not found."),
        (RUN(task_definition="job"), "ClientException", "TaskDefinition not found."),
        (RUN(task_definition="old:1"), "InvalidParameterException", "TaskDefinition is inactive"),
        (RUN(task_definition="app", count=0), "InvalidParameterException", "Count must be from 1 to 10, not 0."),
        (RUN(task_definition="app", count=11), "InvalidParameterException", "Count must be from 1 to 10, not 11."),
        (
            RUN(task_definition="app", launch_type="BOAT"),
            "InvalidParameterException",
            "launch type should be one of [EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES]",
        ),
        (
            RUN(task_definition="app", launch_type="FARGATE"),
            "UnsupportedFeatureException",
            "Only the launch type EC2 is supported.",
        ),
        (
            RUN(
                task_definition="app",
                launch_type="EC2",
                capacity_provider_strategy=[shapes.CapacityProviderStrategyItem(capacity_provider="x")],
            ),
            "InvalidParameterException",
            SAME_TIME,
        ),
        (
            RUN(task_definition="app", placement_constraints=[shapes.PlacementConstraint(type="memberOf")]),
            "InvalidParameterException",
            "Invalid expression '': expected a subject, found the end (at character 1)",
        ),
        (
            RUN(task_definition="net"),
            "InvalidParameterException",
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        (
            RUN(task_definition="app", network_configuration=shapes.NetworkConfiguration()),
            "InvalidParameterException",
            "Network Configuration is not valid for the given networkMode of this task definition.",
        ),
        (
            RUN(task_definition="app", propagate_tags="SERVICE"),
            "InvalidParameterException",
            "propagateTags SERVICE is only supported for tasks of a service.",
        ),
        (
            RUN(task_definition="app", group="service:web"),
            "InvalidParameterException",
            "Invalid task group: up to 255 characters, and not starting with service:.",
        ),
        (
            RUN(task_definition="app", group="g" * 256),
            "InvalidParameterException",
            "Invalid task group: up to 255 characters, and not starting with service:.",
        ),
        (
            RUN(task_definition="app", started_by="x" * 129),
            "InvalidParameterException",
            STARTED_BY.format(128),
        ),
        (
            RUN(task_definition="app", overrides=overriding(name="other")),
            "InvalidParameterException",
            "Override for container named other is not a container in the TaskDefinition.",
        ),
        (
            RUN(
                task_definition="app",
                overrides=overriding(resource_requirements=[shapes.ResourceRequirement(type="GPU", value="x")]),
            ),
            "InvalidParameterException",
            "Invalid override of container main: GPU is a whole number.",
        ),
        (
            RUN(task_definition="app", overrides=overriding(name=None)),
            "InvalidParameterException",
            "Override for a container without a name: say which container it is for.",
        ),
        (
            RUN(task_definition="app", overrides=overriding(command=["x" * 8192])),
            "InvalidParameterException",
            "Overrides may have up to 8192 characters as JSON.",
        ),
        (
            RUN(task_definition="app", overrides=shapes.TaskOverride(cpu="²")),
            "InvalidParameterException",
            "Invalid override of the task size: ² is not a whole number.",
        ),
        (
            RUN(task_definition="app", overrides=overriding(memory=-1)),
            "InvalidParameterException",
            "Invalid override of container main: memory is negative.",
        ),
        (
            RUN(task_definition="sized", overrides=overriding(memory=1025)),
            "InvalidParameterException",
            "Invalid override of container main: memory 1025 is greater than the task's 1024.",
        ),
    ],
)
def test_a_task_that_can_not_be_is_refused(request_: shapes.RunTaskRequest, code: str, message: str) -> None:
    story = given(defined(), AWSVPC, SIZED, defined("old:1"), joined("a1"))
    story.given(TaskDefinitionDeregistered(family="old", revision=1))
    assert story.refusal(task.run, request_) == (code, message)


def test_a_task_is_started_on_each_instance_named() -> None:
    story = given(defined(), joined("a1"), joined("a2"), placed("t1", "a1"))
    events = story.when(task.start, START(task_definition="app", container_instances=["a1", arn("a1")]))
    assert [each.container_instance for each in events if isinstance(each, TaskPlaced)] == ["a1", "a1"]
    assert story.answer == []


def test_instances_that_can_not_take_the_task_are_failures() -> None:
    story = given(
        defined(needs=("x",)),
        joined("a1", attributes={"x": ""}),
        joined("a2", connected=False),
        joined("a3", attributes={"x": ""}, memory=1),
        joined("a4"),
        joined("a5"),
        joined("gone"),
        draining("a5"),
        ContainerInstanceDeregistered(cluster="default", container_instance="gone"),
    )
    names = ["a1", "a2", "a3", "a4", "a5", "gone", "zz"]
    story.when(task.start, START(task_definition="app", container_instances=names))
    assert [(each.arn.rpartition("/")[2], each.reason) for each in story.answer] == [
        ("a2", "AGENT"),
        ("a3", "RESOURCE:MEMORY"),
        ("a4", "ATTRIBUTE"),
        ("a5", "DRAINING"),
        ("gone", "INACTIVE"),
        ("zz", "MISSING"),
    ]
    assert len(story.on("a1")) == 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            START(task_definition="app", container_instances=[]),
            "Container instances must be from 1 to 10, not 0.",
        ),
        (
            START(task_definition="app", container_instances=["a1"] * 11),
            "Container instances must be from 1 to 10, not 11.",
        ),
        (
            START(task_definition="app", container_instances=["a1"], started_by="x" * 37),
            STARTED_BY.format(36),
        ),
    ],
)
def test_a_start_that_can_not_be_is_refused(request_: shapes.StartTaskRequest, message: str) -> None:
    story = given(defined(), joined("a1"))
    assert story.refusal(task.start, request_) == ("InvalidParameterException", message)


@pytest.mark.parametrize("reference", ["t1", ARN + "task/default/t1"])
def test_stopping_a_task_makes_it_unwanted(reference: str) -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"), started("t1"))
    assert story.when(task.stop, STOP(task=reference, reason="enough")) == [
        TaskStopRequested(cluster="default", task="t1", stop_code="UserInitiated", reason="enough")
    ]
    found = story.task("t1")
    assert (found.desired_status, found.last_status) == ("STOPPED", "RUNNING")


def test_a_stop_without_a_reason_has_ecs_own() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"))
    (event,) = story.when(task.stop, STOP(task="t1"))
    assert isinstance(event, TaskStopRequested)
    assert event.reason == "Task stopped by user"


def test_stopping_a_stopping_or_stopped_task_changes_nothing() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"))
    story.when(task.stop, STOP(task="t1", reason="first"))
    assert story.when(task.stop, STOP(task="t1", reason="second")) == []
    story.agents_stop()
    assert story.when(task.stop, STOP(task="t1")) == []
    assert story.task("t1").stop_reason == "first"


def test_a_task_that_never_was_can_not_be_stopped() -> None:
    expected = ("InvalidParameterException", "The referenced task was not found.")
    for reference in ("zz", ""):
        assert given().refusal(task.stop, STOP(task=reference)) == expected
    assert Story().refusal(task.stop, STOP(task="t1")) == ("ClusterNotFoundException", "Cluster not found.")


def test_what_a_container_override_replaces_is_replaced_before_adding_up() -> None:
    story = given(defined(cpu=10, memory=100), joined("a1"))
    story.when(task.run, RUN(task_definition="app", overrides=overriding(memory_reservation=70)))
    assert story.cluster().instances["a1"].memory_left == 8192 - 70


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            RUN(task_definition="app", platform_version="1.4.0"),
            "InvalidParameterException",
            "The platform version must be null when specifying an EC2 launch type",
        ),
        (
            RUN(task_definition="app", propagate_tags="ALL"),
            "InvalidParameterException",
            "propagateTags should be one of [TASK_DEFINITION,SERVICE,NONE]",
        ),
        (
            RUN(task_definition="app", client_token="t" * 65),
            "InvalidParameterException",
            "idempotency token longer than 64.",
        ),
        (
            RUN(task_definition="app", client_token="a b"),
            "InvalidParameterException",
            "The idempotency token must be made of ASCII characters from 33 to 126.",
        ),
        (
            RUN(task_definition="app", placement_strategy=[shapes.PlacementStrategy(type="random")] * 6),
            "InvalidParameterException",
            "Maximum number of strategies is 5",
        ),
        (
            RUN(task_definition="app", volume_configurations=[shapes.TaskVolumeConfiguration(name="v")]),
            "InvalidParameterException",
            "The volume name 'v' in your request does not have a matching volume in your Task Definition",
        ),
        (
            RUN(
                task_definition="net",
                network_configuration=shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration()),
            ),
            "InvalidParameterException",
            "subnets can not be empty.",
        ),
        (
            RUN(task_definition="cloud"),
            "InvalidParameterException",
            "Task definition does not support launch_type EC2.",
        ),
    ],
)
def test_what_a_task_can_not_be_asked_for_is_refused(request_: shapes.RunTaskRequest, code: str, message: str) -> None:
    cloud = shapes.TaskDefinition(requires_compatibilities=["FARGATE"], container_definitions=[container()])
    story = given(defined(), AWSVPC, joined("a1"))
    story.given(TaskDefinitionRegistered(family="cloud", revision=1, definition=cloud))
    assert story.refusal(task.run, request_) == (code, message)


def test_the_network_of_a_task_is_kept_with_it() -> None:
    story = given(AWSVPC, joined("a1"))
    network = shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=["s"]))
    event, _ = story.when(task.run, RUN(task_definition="net", network_configuration=network))
    assert isinstance(event, TaskRequested)
    assert event.network_configuration == network


BAD_ROLE = (
    "ECS was unable to assume the role '{}' that was provided for this task. Please verify that the role being passed "
    "has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
)


@pytest.mark.parametrize(
    "role", ["arn:aws:iam::000000000000:role/team/web", "arn:aws-cn:iam::000000000000:role/x", "web"]
)
def test_a_role_of_an_override_is_an_arn_or_a_name(role: str) -> None:
    overrides = shapes.TaskOverride(task_role_arn=role, execution_role_arn=role)
    assert given(defined(), joined("a1")).when(task.run, RUN(task_definition="app", overrides=overrides))


@pytest.mark.parametrize("role", ["arn:aws:iam::000000000000:user/ann", "arn:aws:iam::1:role/x", "arn:x", "a role"])
def test_a_role_of_an_override_that_is_none_is_refused(role: str) -> None:
    story = given(defined(), joined("a1"))
    for overrides in (shapes.TaskOverride(task_role_arn=role), shapes.TaskOverride(execution_role_arn=role)):
        request = RUN(task_definition="app", overrides=overrides)
        assert story.refusal(task.run, request) == ("ClientException", BAD_ROLE.format(role))
