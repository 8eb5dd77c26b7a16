"""Container instances: registration, status, deregistration and the agent's connection (spec §4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from quarterdeck.engine.core import container_instance
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    Capacity,
    ContainerInstanceDeregistered,
    ContainerInstanceRegistered,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.task import TaskStopped, TaskStopping, TaskStopRequested
from tests.checkers import check
from tests.engine.core.story import ARN, defined, given, hexadecimal, joined, placed, started

REGISTER = shapes.RegisterContainerInstanceRequest
UPDATE = shapes.UpdateContainerInstancesStateRequest
DEREGISTER = shapes.DeregisterContainerInstanceRequest
DOCUMENT = (
    '{"instanceId":"i-1","instanceType":"m5.large","availabilityZone":"us-east-1b",'
    '"imageId":"ami-1","architecture":"arm64","region":"us-east-1"}'
)


def resources(cpu: int | None = 2048, memory: int | None = 4096, *ports: str) -> list[shapes.Resource]:
    return [
        shapes.Resource(name="CPU", type="INTEGER", integer_value=cpu),
        shapes.Resource(name="MEMORY", type="INTEGER", integer_value=memory),
        shapes.Resource(name="PORTS", type="STRINGSET", string_set_value=list(ports)),
        shapes.Resource(name="PORTS_UDP", type="STRINGSET", string_set_value=[]),
    ]


def again(name: str = "a1", **members: Any) -> shapes.RegisterContainerInstanceRequest:
    request = REGISTER(
        container_instance_arn=f"{ARN}container-instance/default/{name}",
        instance_identity_document='{"instanceType":"m5.large"}',
        total_resources=resources(),
    )
    return msgspec.structs.replace(request, **members)


def test_an_instance_registers_with_what_its_identity_document_says() -> None:
    told = [
        shapes.Attribute(name="ecs.capability.task-eni"),
        shapes.Attribute(name="quarterdeck.host", value="rack-1"),
        shapes.Attribute(name="quarterdeck.session", value="s1"),
    ]
    request = REGISTER(
        instance_identity_document=DOCUMENT, total_resources=resources(2048, 4096, "2375", "22"), attributes=told
    )
    story = given()
    (event,) = story.when(container_instance.register, request)
    assert story.answer == hexadecimal(1)
    assert event == ContainerInstanceRegistered(
        cluster="default",
        container_instance=hexadecimal(1),
        ec2_instance_id="i-1",
        instance_type="m5.large",
        zone="us-east-1b",
        host="rack-1",
        session="s1",
        capacity=Capacity(cpu=2048, memory=4096, ports=[22, 2375]),
        attributes=[
            shapes.Attribute(name="ecs.availability-zone", value="us-east-1b"),
            shapes.Attribute(name="ecs.instance-type", value="m5.large"),
            shapes.Attribute(name="ecs.ami-id", value="ami-1"),
            shapes.Attribute(name="ecs.os-type", value="linux"),
            shapes.Attribute(name="ecs.cpu-architecture", value="arm64"),
            shapes.Attribute(name="ecs.capability.task-eni"),
        ],
    )


def test_an_instance_without_identity_is_in_the_first_zone_or_the_one_it_tells() -> None:
    story = given()
    story.when(container_instance.register, REGISTER(total_resources=resources()))
    assert story.cluster().instances[story.answer].zone == "us-east-1a"
    zone = [shapes.Attribute(name="ecs.availability-zone", value="us-east-1c")]
    story.when(container_instance.register, REGISTER(total_resources=resources(), attributes=zone))
    assert story.cluster().instances[story.answer].zone == "us-east-1c"


def test_an_instance_whose_agent_is_connected_is_not_given_to_one_on_a_copy_of_its_data_directory() -> None:
    def of(origin: str) -> list[shapes.Attribute]:
        return [shapes.Attribute(name="quarterdeck.origin", value=origin)]

    story = given()
    story.when(container_instance.register, REGISTER(total_resources=resources(), attributes=of("here")))
    name = story.answer
    story.given(AgentConnected(cluster="default", container_instance=name, session=""))
    copy = again(name, instance_identity_document=None, attributes=of("elsewhere"))
    code, message = story.refusal(container_instance.register, copy)
    assert code == "ResourceInUseException"
    assert message.startswith(f"Container instance {name} is in use by another agent, which is connected: ")
    assert story.when(container_instance.register, msgspec.structs.replace(copy, attributes=of("here")))
    story.given(AgentDisconnected(cluster="default", container_instance=name, reason="silent"))
    (event,) = story.when(container_instance.register, copy)
    assert isinstance(event, ContainerInstanceReregistered)
    assert event.origin == "elsewhere"
    assert "quarterdeck.origin" not in story.cluster().instances[name].attributes


def test_registering_is_not_being_connected() -> None:
    story = given()
    story.when(container_instance.register, REGISTER(total_resources=resources()))
    instance = story.cluster().instances[story.answer]
    assert (instance.status, instance.connected) == ("ACTIVE", False)


def test_the_same_machine_without_its_arn_becomes_a_second_instance() -> None:
    story = given()
    for _ in range(2):
        story.when(
            container_instance.register,
            REGISTER(instance_identity_document=DOCUMENT, total_resources=resources()),
        )
    assert [each.ec2_instance_id for each in story.cluster().instances.values()] == ["i-1", "i-1"]


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (REGISTER(total_resources=resources(), cluster="x"), "ClusterNotFoundException", "Cluster not found."),
        (
            REGISTER(total_resources=resources(cpu=None)),
            "InvalidParameterException",
            "Invalid totalResources: CPU must be given as a whole number from 0.",
        ),
        (
            REGISTER(total_resources=resources(1, -1)),
            "InvalidParameterException",
            "Invalid totalResources: MEMORY must be given as a whole number from 0.",
        ),
        (
            REGISTER(total_resources=resources(1, 1, "65536")),
            "InvalidParameterException",
            "Invalid totalResources: 65536 is not a port.",
        ),
        (
            REGISTER(total_resources=resources(1, 1, "²")),
            "InvalidParameterException",
            "Invalid totalResources: ² is not a port.",
        ),
    ],
)
def test_an_instance_that_can_not_be_is_refused(
    request_: shapes.RegisterContainerInstanceRequest, code: str, message: str
) -> None:
    assert given().refusal(container_instance.register, request_) == (code, message)


def test_an_identity_document_must_be_json() -> None:
    request = REGISTER(instance_identity_document="{", total_resources=resources())
    code, message = given().refusal(container_instance.register, request)
    assert code == "InvalidParameterException"
    assert message.startswith("Invalid instance identity document: ")


def test_an_agent_that_restarts_takes_its_instance_back_with_new_capabilities() -> None:
    attributes = {"ecs.instance-type": "m5.large", "stack": "blue", "ecs.capability.old": ""}
    story = given(defined(), joined("a1", attributes=attributes), placed("t1", "a1"))
    request = again(attributes=[shapes.Attribute(name="ecs.capability.new")])
    (event,) = story.when(container_instance.register, request)
    assert isinstance(event, ContainerInstanceReregistered)
    assert {each.name for each in event.attributes} == {"ecs.instance-type", "stack", "ecs.capability.new"}
    instance = story.cluster().instances["a1"]
    assert (instance.cpu, instance.cpu_left) == (2048, 2048 - 256)


def custom(count: int, value: str = "x") -> list[shapes.Attribute]:
    return [shapes.Attribute(name=f"rack-{number}", value=value) for number in range(count)]


def test_an_instance_registers_with_up_to_ten_custom_attributes() -> None:
    capability = shapes.Attribute(name="ecs.capability.task-eni")
    told = REGISTER(total_resources=resources(), attributes=[*custom(10), capability])
    story = given(ClusterCreated(cluster="default"))
    assert len(story.when(container_instance.register, told)) == 1
    refused = REGISTER(total_resources=resources(), attributes=custom(11))
    code, message = story.refusal(container_instance.register, refused)
    assert code == "AttributeLimitExceededException"
    assert message.endswith("can have at most 10 custom attributes.")


@pytest.mark.parametrize("attribute", [custom(1, " x")[0], shapes.Attribute(name="a b"), custom(1, "x" * 129)[0]])
def test_an_instance_does_not_register_with_what_is_no_attribute(attribute: shapes.Attribute) -> None:
    request = REGISTER(total_resources=resources(), attributes=[attribute])
    story = given(ClusterCreated(cluster="default"))
    assert story.refusal(container_instance.register, request)[0] == "InvalidParameterException"


def test_an_instance_that_had_more_attributes_than_allowed_comes_back_with_them() -> None:
    held = {each.name or "": each.value or "" for each in custom(11)}
    story = given(joined("a1", attributes=held, instance_type="m5.large"))
    assert story.when(container_instance.register, again(attributes=custom(11)))
    code, _ = story.refusal(container_instance.register, again(attributes=custom(12)))
    assert code == "AttributeLimitExceededException"


def test_an_instance_that_restarts_while_draining_is_draining_still() -> None:
    story = given(
        joined("a1"), ContainerInstanceStatusChanged(cluster="default", container_instance="a1", status="DRAINING")
    )
    story.when(container_instance.register, again())
    assert story.cluster().instances["a1"].status == "DRAINING"


def test_an_instance_may_come_back_with_less_than_its_tasks_hold_and_gets_no_more() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"))
    story.when(container_instance.register, again(total_resources=resources(100, 100)))
    instance = story.cluster().instances["a1"]
    assert (instance.cpu_left, instance.memory_left) == (100 - 256, 100 - 512)
    assert list(instance.tasks) == ["t1"]


def test_an_instance_does_not_move_to_another_cluster() -> None:
    story = given(joined("a1"), ClusterCreated(cluster="other"))
    assert story.refusal(container_instance.register, again(cluster="other")) == (
        "ClientException",
        (
            "Container instance a1 is registered in cluster default and can not move to other. "
            "Start the agent for the cluster it belongs to, or with an empty data directory to register anew."
        ),
    )


def test_an_instance_does_not_change_its_type() -> None:
    story = given(joined("a1"))
    request = again(instance_identity_document='{"instanceType":"m5.metal"}')
    assert story.refusal(container_instance.register, request) == (
        "ClientException",
        (
            "Container instance type changes are not supported. "
            "Container instance a1 was previously registered as m5.large."
        ),
    )


def test_a_deregistered_instance_never_comes_back() -> None:
    story = given(joined("a1"), ContainerInstanceDeregistered(cluster="default", container_instance="a1"))
    expected = ("ClientException", "Container instance a1 is inactive.")
    assert story.refusal(container_instance.register, again()) == expected


def test_an_instance_of_a_cluster_since_made_anew_is_inactive() -> None:
    story = given(joined("a1"), ClusterCreated(cluster="default"))
    expected = ("ClientException", "Container instance a1 is inactive.")
    assert story.refusal(container_instance.register, again()) == expected


def test_draining_and_activating_say_what_changed_only() -> None:
    story = given(joined("a1"), joined("a2"))
    request = UPDATE(container_instances=["a1", "a1", ARN + "container-instance/default/a2"], status="DRAINING")
    assert story.when(container_instance.update_state, request) == [
        ContainerInstanceStatusChanged(cluster="default", container_instance=name, status="DRAINING")
        for name in ("a1", "a2")
    ]
    assert story.answer == []
    assert story.when(container_instance.update_state, request) == [], "setting the present status changes nothing"
    story.when(container_instance.update_state, UPDATE(container_instances=["a1"], status="ACTIVE"))
    assert list(story.cluster().draining) == ["a2"]


def test_instances_whose_status_can_not_change_are_failures() -> None:
    story = given(joined("a1"), ContainerInstanceDeregistered(cluster="default", container_instance="a1"))
    request = UPDATE(container_instances=["a1", "zz"], status="DRAINING")
    assert story.when(container_instance.update_state, request) == []
    assert story.answer == [
        shapes.Failure(arn=ARN + "container-instance/default/a1", reason="INACTIVE"),
        shapes.Failure(arn=ARN + "container-instance/default/zz", reason="MISSING"),
    ]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            UPDATE(container_instances=["a1"], status="INACTIVE"),
            "Container instance status should be one of [ACTIVE, DRAINING]",
        ),
        (
            UPDATE(container_instances=[], status="ACTIVE"),
            "The number of container instances must be from 1 to 10, not 0.",
        ),
        (
            UPDATE(container_instances=["a"] * 11, status="ACTIVE"),
            "The number of container instances must be from 1 to 10, not 11.",
        ),
    ],
)
def test_only_active_and_draining_can_be_set_on_one_to_ten_instances(
    request_: shapes.UpdateContainerInstancesStateRequest, message: str
) -> None:
    story = given(joined("a1"))
    assert story.refusal(container_instance.update_state, request_) == ("InvalidParameterException", message)


def test_an_instance_without_tasks_is_deregistered() -> None:
    story = given(joined("a1"))
    request = DEREGISTER(container_instance=ARN + "container-instance/default/a1")
    assert story.when(container_instance.deregister, request) == [
        ContainerInstanceDeregistered(cluster="default", container_instance="a1")
    ]


def test_an_instance_with_tasks_is_deregistered_by_force_only() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"), started("t1"))
    request = DEREGISTER(container_instance="a1")
    expected = ("InvalidParameterException", "Found running tasks on the instance.")
    assert story.refusal(container_instance.deregister, request) == expected
    story.given(TaskStopRequested(cluster="default", task="t1", stop_code="UserInitiated", reason="x"))
    assert story.refusal(container_instance.deregister, request) == expected, "a task on its way out is still there"


def test_a_task_that_is_being_taken_apart_is_there_until_it_is_stopped() -> None:
    over = TaskStopping(cluster="default", task="t1", stop_code="EssentialContainerExited", reason="over")
    story = given(defined(), joined("a1"), placed("t1", "a1"), started("t1")).given(over)
    expected = ("InvalidParameterException", "Found running tasks on the instance.")
    assert story.refusal(container_instance.deregister, DEREGISTER(container_instance="a1")) == expected
    story.when(container_instance.deregister, DEREGISTER(container_instance="a1", force=True))
    assert story.task("t1").last_status == "STOPPED"
    check(story.state)


def test_forced_deregistration_stops_the_tasks_for_ecs() -> None:
    story = given(defined(), joined("a1"), placed("t1", "a1"), started("t1"), placed("t2", "a1"))
    stop = TaskStopRequested(cluster="default", task="t2", stop_code="ServiceSchedulerInitiated", reason="x")
    story.given(stop)
    reason = "Container instance deregistration forced by user"
    assert story.when(container_instance.deregister, DEREGISTER(container_instance="a1", force=True)) == [
        TaskStopped(cluster="default", task="t1", stop_code="UserInitiated", reason=reason),
        TaskStopped(cluster="default", task="t2", stop_code="ServiceSchedulerInitiated", reason=reason),
        ContainerInstanceDeregistered(cluster="default", container_instance="a1", force=True),
    ]
    assert story.cluster().instances["a1"].cpu_left == 4096


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("", "Container instance can not be blank."),
        ("zz", "The referenced container instance was not found."),
        ("gone", "Container instance gone is inactive."),
    ],
)
def test_only_an_instance_there_is_can_be_deregistered(reference: str, message: str) -> None:
    story = given(joined("gone"), ContainerInstanceDeregistered(cluster="default", container_instance="gone"))
    request = DEREGISTER(container_instance=reference)
    assert story.refusal(container_instance.deregister, request) == ("InvalidParameterException", message)


def test_an_agent_connects_and_disconnects_once() -> None:
    story = given(joined("a1", connected=False))
    connect = (container_instance.connect, "default", "a1", "s1")
    disconnect = (container_instance.disconnect, "default", "a1", "silent")
    assert story.when(*connect) == [AgentConnected(cluster="default", container_instance="a1", session="s1")]
    assert story.when(*connect) == []
    assert story.when(*disconnect) == [AgentDisconnected(cluster="default", container_instance="a1", reason="silent")]
    assert story.when(*disconnect) == []


def test_an_agent_of_no_instance_we_know_changes_nothing() -> None:
    story = given(joined("gone"), ContainerInstanceDeregistered(cluster="default", container_instance="gone"))
    for cluster, name in (("default", "gone"), ("default", "zz"), ("other", "gone")):
        assert story.when(container_instance.connect, cluster, name, "s") == []
        assert story.when(container_instance.disconnect, cluster, name, "") == []


def test_an_agent_away_for_a_minute_is_lost_once() -> None:
    story = given(joined("a1"), lost_after=60.0)
    story.when(container_instance.disconnect, "default", "a1", "")
    assert story.after(59.9).when(container_instance.lose_overdue) == []
    lost = [AgentLost(cluster="default", container_instance="a1", after_seconds=60.0)]
    assert story.after(0.1).when(container_instance.lose_overdue) == lost
    assert story.after(600.0).when(container_instance.lose_overdue) == []


def test_agents_are_never_lost_when_the_operator_says_so() -> None:
    story = given(joined("a1", connected=False), lost_after=0.0)
    assert story.after(1e9).when(container_instance.lose_overdue) == []
