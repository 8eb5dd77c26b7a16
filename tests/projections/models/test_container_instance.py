"""DescribeContainerInstances and ListContainerInstances."""

import json
from typing import Any

import msgspec
import pytest

from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    AgentUpdateRequested,
    Capacity,
    ContainerInstanceDeregistered,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
    RuntimeHealthChanged,
)
from quarterdeck.events.task import TaskStarted, TaskStopped
from quarterdeck.projections.models.page import Page
from tests.projections.models.examples import (
    INSTANCE,
    IRELAND,
    PORTS,
    PROD,
    TASK,
    Recorder,
    placed,
    registered,
    run,
    task_name,
)

OF: dict[str, Any] = {"cluster": PROD, "container_instance": INSTANCE}
DESCRIBED = """
{"containerInstanceArn":"arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/0123456789abcdef0123456789abcdef",
 "ec2InstanceId":"i-0abcdef1234567890","version":3,
 "versionInfo":{"agentVersion":"1.96.0","agentHash":"aebcbca1","dockerVersion":"DockerVersion: 25.0.8"},
 "remainingResources":[
  {"name":"CPU","type":"INTEGER","doubleValue":0.0,"longValue":0,"integerValue":2038},
  {"name":"MEMORY","type":"INTEGER","doubleValue":0.0,"longValue":0,"integerValue":3467},
  {"name":"PORTS","type":"STRINGSET","doubleValue":0.0,"longValue":0,"integerValue":0,
   "stringSetValue":["22","2375","2376","51678","51679","8080"]},
  {"name":"PORTS_UDP","type":"STRINGSET","doubleValue":0.0,"longValue":0,"integerValue":0,"stringSetValue":[]}],
 "registeredResources":[
  {"name":"CPU","type":"INTEGER","doubleValue":0.0,"longValue":0,"integerValue":2048},
  {"name":"MEMORY","type":"INTEGER","doubleValue":0.0,"longValue":0,"integerValue":3767},
  {"name":"PORTS","type":"STRINGSET","doubleValue":0.0,"longValue":0,"integerValue":0,
   "stringSetValue":["22","2375","2376","51678","51679"]},
  {"name":"PORTS_UDP","type":"STRINGSET","doubleValue":0.0,"longValue":0,"integerValue":0,"stringSetValue":[]}],
 "status":"ACTIVE","agentConnected":true,"runningTasksCount":1,"pendingTasksCount":0,
 "attributes":[{"name":"ecs.availability-zone","value":"eu-west-1a"},
  {"name":"ecs.cpu-architecture","value":"x86_64"},{"name":"ecs.capability.task-eni"}],
 "registeredAt":1700600010.0,"attachments":[],"tags":[]}
"""
"""Appendix B.4: a task with the static host port 8080 is running."""


async def one(prod: Recorder, name: str = INSTANCE, *include: str) -> shapes.ContainerInstance:
    return (await prod.models.container_instances.describe(IRELAND, PROD, [name], include))[name]


def ports(instance: shapes.ContainerInstance) -> list[str]:
    return (instance.remaining_resources or [])[2].string_set_value or []


async def test_an_instance_is_described_as_ecs_does(prod: Recorder) -> None:
    await prod.record(*run(), TaskStarted(cluster=PROD, task=TASK))
    assert json.loads(msgspec.json.encode(await one(prod))) == json.loads(DESCRIBED)


async def test_a_stopped_task_gives_back_what_it_took(prod: Recorder) -> None:
    before = await one(prod)
    await prod.record(*run(), TaskStarted(cluster=PROD, task=TASK))
    assert "8080" in ports(await one(prod))
    await prod.record(TaskStopped(cluster=PROD, task=TASK, stop_code="", reason=""))
    after = await one(prod)
    assert after == msgspec.structs.replace(before, version=4)


async def test_instances_on_one_host_share_its_ports(prod: Recorder) -> None:
    near, far = task_name(1), task_name(2)
    await prod.record(*registered(near, host="a"), *registered(far, host="a"), *run(instance=near))
    assert [("8080" in ports(await one(prod, name))) for name in (near, far, INSTANCE)] == [True, True, False]


async def test_tags_are_told_only_when_asked_for(prod: Recorder) -> None:
    assert (await one(prod)).tags == []
    assert (await one(prod, INSTANCE, "TAGS")).tags == [shapes.Tag(key="rack", value="7")]


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (AgentDisconnected(**OF), ("ACTIVE", False)),
        (AgentConnected(**OF), ("ACTIVE", True)),
        (AgentLost(**OF, after_seconds=60.0), ("ACTIVE", True)),
        (ContainerInstanceStatusChanged(**OF, status="DRAINING"), ("DRAINING", True)),
        (ContainerInstanceDeregistered(**OF), ("INACTIVE", False)),
    ],
)
async def test_each_change_counts_a_version(prod: Recorder, event: AnyEvent, told: tuple[str, bool]) -> None:
    before = await one(prod)
    await prod.record(event)
    after = await one(prod)
    assert (after.status, after.agent_connected) == told
    assert after.version == (before.version or 0) + 1


async def test_a_restarted_agent_may_bring_other_capacity_while_tasks_hold_theirs(prod: Recorder) -> None:
    await prod.record(*run())
    attributes = [shapes.Attribute(name="ecs.cpu-architecture", value="arm64")]
    capacity = Capacity(cpu=4096, memory=1000, ports=[22])
    await prod.record(ContainerInstanceReregistered(**OF, capacity=capacity, attributes=attributes))
    told = await one(prod)
    left = [each.integer_value for each in (told.remaining_resources or [])[:2]]
    assert (left, ports(told), told.attributes) == ([4086, 700], ["22", "8080"], attributes)
    await prod.record(*run(task_name(1)))
    task = (await prod.models.tasks.describe(IRELAND, PROD, [task_name(1)]))[task_name(1)]
    assert task.attributes == attributes


async def test_inactive_instances_are_described_but_listed_only_when_asked_for(prod: Recorder) -> None:
    other, third = task_name(8), task_name(3)
    await prod.record(*registered(other), *registered(third))
    await prod.record(
        ContainerInstanceDeregistered(cluster=PROD, container_instance=other),
        ContainerInstanceStatusChanged(**OF, status="DRAINING"),
    )

    async def listed(status: str | None = None) -> list[str]:
        found = await prod.models.container_instances.list(IRELAND, PROD, Page(10), status=status)
        return [each.rpartition("/")[2] for each in found.items]

    assert await listed() == [INSTANCE, third]
    assert (await listed("INACTIVE"), await listed("DRAINING"), await listed("ACTIVE")) == (
        [other],
        [INSTANCE],
        [third],
    )
    assert (await one(prod, other)).status == "INACTIVE"


async def test_instances_are_listed_in_order_of_registration_page_by_page(prod: Recorder) -> None:
    names = [task_name(number) for number in (9, 4, 6)]
    for name in names:
        await prod.record(*registered(name))
    first = await prod.models.container_instances.list(IRELAND, PROD, Page(3))
    rest = await prod.models.container_instances.list(IRELAND, PROD, Page(3, first.after))
    assert [each.rpartition("/")[2] for each in first.items + rest.items] == [INSTANCE, *names]
    assert rest.after is None


async def test_what_is_not_there_is_left_out(prod: Recorder) -> None:
    assert await prod.models.container_instances.describe(IRELAND, PROD, ["x"]) == {}
    assert await prod.models.container_instances.describe(IRELAND, "nowhere", [INSTANCE]) == {}
    assert (await prod.models.container_instances.list(IRELAND, "nowhere", Page(3))).items == []


async def test_ports_an_agent_keeps_are_told_once(prod: Recorder) -> None:
    await prod.record(*run())
    capacity = Capacity(cpu=2048, memory=3767, ports=[*PORTS, 8080])
    await prod.record(ContainerInstanceReregistered(**OF, capacity=capacity))
    assert ports(await one(prod)).count("8080") == 1


async def test_a_placed_task_counts_a_version_of_its_instance(prod: Recorder) -> None:
    before = (await one(prod)).version or 0
    await prod.record(*run(), *run(task_name(1))[:1])
    assert (await one(prod)).version == before + 1
    await prod.record(placed(task_name(1)))
    assert (await one(prod)).version == before + 2


async def test_the_health_of_a_runtime_is_told_with_its_reason(prod: Recorder) -> None:
    await prod.record(RuntimeHealthChanged(**OF, status="IMPAIRED", reason="Docker does not answer"))
    health = (await one(prod, INSTANCE, "CONTAINER_INSTANCE_HEALTH")).health_status
    assert health is not None
    assert health.overall_status == "IMPAIRED"
    runtime, link = health.details or []
    assert (runtime.type, runtime.status, runtime.status_reason) == (
        "CONTAINER_RUNTIME",
        "IMPAIRED",
        "Docker does not answer",
    )
    assert (link.type, link.status) == ("AGENT_CONNECTIVITY", "OK")
    await prod.record(AgentDisconnected(**OF))
    health = (await one(prod, INSTANCE, "CONTAINER_INSTANCE_HEALTH")).health_status
    assert health is not None
    assert [each.status for each in health.details or []] == ["INSUFFICIENT_DATA", "IMPAIRED"]


async def test_an_update_of_an_agent_is_pending_and_then_done(prod: Recorder) -> None:
    await prod.record(AgentUpdateRequested(**OF))
    assert (await one(prod)).agent_update_status == "PENDING"
    info = shapes.VersionInfo(agent_version="another")
    capacity = Capacity(cpu=1, memory=1)
    await prod.record(ContainerInstanceReregistered(**OF, capacity=capacity, version_info=info))
    assert (await one(prod)).agent_update_status == "UPDATED"
