"""Tasks and containers as the endpoints tell them."""

from __future__ import annotations

import msgspec

from quarterdeck.agents import pause
from quarterdeck.agents.endpoints.documents import container_document, introspected, known, task_document
from quarterdeck.agents.runtimes.port import Container, PortMapping
from quarterdeck.agents.task import Task, note_health, observe, wish
from quarterdeck.agents.translate import translate
from quarterdeck.events import shapes
from quarterdeck.events.wanted import WantedTask
from tests.agents.world import INSTANCE, NAMESPACE, container, definition, task_id

ARN = NAMESPACE.task_arn("moon", task_id(1))
WEB = definition(
    container("app", "web:7", cpu=64, port_mappings=[shapes.PortMapping(container_port=80)]),
    container("side", "side:1"),
    cpu="256",
    memory="512",
)


def planned(asked: shapes.TaskDefinition = WEB, overrides: shapes.TaskOverride | None = None) -> Task:
    wanted = WantedTask(task=task_id(1), definition=asked, group="service:shop", overrides=overrides)
    plan = translate(wanted, ARN, "moon", INSTANCE)
    return Task(id=task_id(1), arn=ARN, cluster="moon", plan=plan, definition=asked, group="service:shop")


def running(task: Task, name: str, **fields: object) -> Container:
    spec = next(each.spec for each in task.plan.containers if each.name == name)
    seen = Container(f"id-{name}", spec.name, spec.labels, "running", spec.image, started_at=2.5, created_at=1.25)
    return msgspec.structs.replace(seen, **fields)


def test_a_task_tells_who_it_is_and_what_it_may_use() -> None:
    document = task_document(planned(), "us-east-1b")
    assert document["TaskARN"] == ARN
    assert (document["Cluster"], document["Family"], document["Revision"]) == ("moon", "web", "1")
    assert (document["ServiceName"], document["LaunchType"]) == ("shop", "EC2")
    assert document["AvailabilityZone"] == "us-east-1b"
    assert document["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert (document["DesiredStatus"], document["KnownStatus"]) == ("RUNNING", "NONE")
    assert [each["Name"] for each in document["Containers"]] == ["app", "side"]
    assert document["FaultInjectionEnabled"] is False
    assert not {"PullStartedAt", "ExecutionStoppedAt"} & set(document)


def test_a_task_tells_the_size_it_was_run_with() -> None:
    document = task_document(planned(overrides=shapes.TaskOverride(cpu="512")), "us-east-1b")
    assert document["Limits"] == {"CPU": 0.5, "Memory": 512}
    assert "Limits" not in task_document(planned(definition()), "us-east-1b")


def test_a_task_that_ends_tells_when_its_first_essential_container_did() -> None:
    task = planned()
    observe(task, "app", running(task, "app", state="exited", finished_at=4.0, exit_code=1))
    assert task_document(task, "")["ExecutionStoppedAt"] == "1970-01-01T00:00:04.000000Z"


def test_containers_of_awsvpc_have_the_address_of_their_task() -> None:
    task = planned(definition(network_mode="awsvpc"))
    mac = "02:42:ac:14:00:02"
    observe(task, pause.NAME, running(task, pause.NAME, addresses=("172.20.0.2",), mac_address=mac))
    observe(task, "app", running(task, "app"))
    (network,) = container_document(task, "app")["Networks"]
    assert network == {"NetworkMode": "awsvpc", "IPv4Addresses": ["172.20.0.2"], "MACAddress": mac}


def test_a_container_in_the_hosts_network_says_so_and_has_no_address_of_its_own() -> None:
    task = planned(definition(network_mode="host"))
    observe(task, "app", running(task, "app"))
    assert container_document(task, "app")["Networks"] == [{"NetworkMode": "host", "IPv4Addresses": [""]}]


def test_a_task_is_where_the_slowest_of_its_containers_is() -> None:
    task = planned()
    observe(task, "app", running(task, "app"))
    assert known(task) == "NONE"
    observe(task, "side", running(task, "side", state="created"))
    assert known(task) == "CREATED"
    observe(task, "side", running(task, "side"))
    assert known(task) == "RUNNING"
    wish(task, "STOPPED")
    assert task_document(task, "")["DesiredStatus"] == "STOPPED"


def test_a_container_tells_ports_addresses_limits_and_times() -> None:
    task = planned()
    ports = (PortMapping(80, 32768),)
    observe(task, "app", running(task, "app", ports=ports, addresses=("172.17.0.2",), image_id="sha256:1"))
    document = container_document(task, "app")
    assert (document["DockerId"], document["KnownStatus"], document["ImageID"]) == ("id-app", "RUNNING", "sha256:1")
    assert document["Limits"] == {"CPU": 64, "Memory": 32}
    assert document["Networks"] == [{"NetworkMode": "bridge", "IPv4Addresses": ["172.17.0.2"]}]
    port = {"ContainerPort": 80, "Protocol": "tcp", "HostPort": 32768, "HostIp": "0.0.0.0"}
    assert document["Ports"] == [port]
    assert document["CreatedAt"] == "1970-01-01T00:00:01.250000Z"
    assert document["Labels"]["com.amazonaws.ecs.container-name"] == "app"
    assert document["ContainerARN"].startswith(f"arn:aws:ecs:us-east-1:000000000000:container/moon/{task_id(1)}/")
    assert not {"ExitCode", "FinishedAt", "Volumes", "LogDriver", "Health", "RestartCount"} & set(document)


def test_a_container_tells_its_health_and_its_restarts_where_it_has_a_check_and_a_policy() -> None:
    check = shapes.HealthCheck(command=["CMD", "true"])
    policy = shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=60)
    task = planned(definition(container("app", health_check=check, restart_policy=policy)))
    assert container_document(task, "app")["RestartCount"] == 0
    observe(task, "app", running(task, "app", health="HEALTHY"))
    for now in (7.0, 8.0):
        note_health(task, now)
    task.restarts["app"] = 2
    document = container_document(task, "app")
    since = {"status": "HEALTHY", "statusSince": "1970-01-01T00:00:07.000000Z"}
    assert (document["Health"], document["RestartCount"]) == (since, 2)


def test_a_container_that_was_not_created_yet_says_so() -> None:
    document = container_document(planned(), "side")
    assert (document["DockerId"], document["KnownStatus"]) == ("", "NONE")


def test_introspection_has_its_own_names() -> None:
    document = introspected(planned())
    assert (document["Arn"], document["Version"], document["KnownStatus"]) == (ARN, "1", "NONE")
    assert [each["Name"] for each in document["Containers"]] == ["app", "side"]
