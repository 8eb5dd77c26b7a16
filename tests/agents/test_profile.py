"""What an agent registers."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.agents.identity import Identity
from quarterdeck.agents.profile import capabilities, registration
from quarterdeck.agents.runtimes.port import RuntimeInfo
from quarterdeck.agents.settings import Settings
from quarterdeck.engine.core.required_attributes import required_attributes
from quarterdeck.events import shapes
from tests.agents.runtimes.parameters import APP, CUT_OFF, asked
from tests.agents.world import container, definition

DOCKER = RuntimeInfo(
    name="docker",
    version="20.10.24",
    api_version="1.41",
    cpu=2048,
    memory_mib=4000,
    log_drivers=("json-file", "journald", "none"),
    volume_drivers=("local", "nfs"),
    bounds_tasks=True,
)
SIMULATED = RuntimeInfo(name="simulated", version="1", api_version="", cpu=1024, memory_mib=512)
NEW = Identity(cluster="default", instance_type="big", instance_id="i-0")
KNOWN = Identity(cluster="default", instance_type="big", instance_id="i-0", container_instance_arn="arn")


def attributes(request: shapes.RegisterContainerInstanceRequest) -> dict[str, str | None]:
    return {each.name or "": each.value for each in request.attributes or []}


def test_resources_are_what_the_runtime_has_but_for_what_is_kept_back() -> None:
    request = registration(Settings(host="h", reserved_memory_mib=100), NEW, DOCKER, "s")
    found = {each.name: each.integer_value or each.string_set_value for each in request.total_resources or []}
    assert found == {"CPU": 2048, "MEMORY": 3900, "PORTS": ["22", "2375", "2376", "51678", "51679"], "PORTS_UDP": []}


def test_resources_may_be_given() -> None:
    request = registration(Settings(host="h", cpu=512, memory_mib=256, reserved_ports=(22,)), NEW, DOCKER, "s")
    assert [each.integer_value for each in request.total_resources or []] == [512, 256, None, None]


def test_the_identity_document_is_ec2s() -> None:
    settings = Settings(host="h", zone="us-east-1b", instance_type="big", architecture="aarch64")
    document = msgspec.json.decode(registration(settings, NEW, DOCKER, "s").instance_identity_document or "")
    assert document == {
        "instanceId": "i-0",
        "instanceType": "big",
        "availabilityZone": "us-east-1b",
        "region": "us-east-1",
        "accountId": "000000000000",
        "architecture": "arm64",
    }


def test_custom_attributes_are_told_only_the_first_time() -> None:
    settings = Settings(host="h", attributes={"stack": "blue"})
    assert attributes(registration(settings, NEW, DOCKER, "s"))["stack"] == "blue"
    again = registration(settings, KNOWN, DOCKER, "s")
    assert "stack" not in attributes(again)
    assert again.container_instance_arn == "arn"


def test_host_and_session_are_attributes() -> None:
    found = attributes(registration(Settings(host="h"), NEW, DOCKER, "s"))
    assert (found["quarterdeck.host"], found["quarterdeck.session"]) == ("h", "s")


def test_capabilities_are_those_of_the_daemon() -> None:
    found = capabilities(DOCKER)
    versions = [name for name in found if "docker-remote-api" in name]
    assert versions[0].endswith("1.17")
    assert versions[-1].endswith("1.41")
    assert len(versions) == 25
    assert "com.amazonaws.ecs.capability.logging-driver.journald" in found
    assert "com.amazonaws.ecs.capability.docker-plugin.nfs" in found
    assert "ecs.capability.task-cpu-mem-limit" in found
    assert "ecs.capability.container-health-check" in found
    assert "ecs.capability.efs" not in found


@pytest.mark.parametrize("info", [DOCKER, SIMULATED])
def test_ordinary_definitions_are_placeable(info: RuntimeInfo) -> None:
    log = shapes.LogConfiguration(log_driver="json-file", options={"max-size": "1m"})
    wants = [shapes.ContainerDependency(container_name="b", condition="COMPLETE")]
    shared = shapes.DockerVolumeConfiguration(scope="shared")
    asked = definition(
        container("a", memory_reservation=16, stop_timeout=5, depends_on=wants, docker_labels={"a": "b"}),
        container("b", log_configuration=log),
        volumes=[shapes.Volume(name="v", docker_volume_configuration=shared)],
    )
    assert {each.name for each in required_attributes(asked)} <= set(capabilities(info))


def test_whatever_the_table_of_parameters_asks_for_can_be_placed_on_docker() -> None:
    parts = [msgspec.convert({**asked(rows), "essential": True}, shapes.ContainerDefinition) for rows in (APP, CUT_OFF)]
    policy = shapes.ContainerRestartPolicy(enabled=True)
    found = definition(*parts, container("again", restart_policy=policy), pid_mode="task", ipc_mode="host")
    assert {each.name for each in required_attributes(found)} <= set(capabilities(DOCKER))


EFS = shapes.EFSVolumeConfiguration(file_system_id="fs-1")
FSX = shapes.FSxWindowsFileServerVolumeConfiguration(file_system_id="fs-1")
FIRELENS = shapes.FirelensConfiguration(type="fluentbit")
DRIVER = shapes.DockerVolumeConfiguration(driver="rexray")


@pytest.mark.parametrize(
    ("asked_for", "missing"),
    [
        (definition(volumes=[shapes.Volume(efs_volume_configuration=EFS)]), "ecs.capability.efs"),
        (
            definition(volumes=[shapes.Volume(fsx_windows_file_server_volume_configuration=FSX)]),
            "ecs.capability.fsxWindowsFileServer",
        ),
        (
            definition(volumes=[shapes.Volume(docker_volume_configuration=DRIVER)]),
            "com.amazonaws.ecs.capability.docker-plugin.rexray",
        ),
        (
            definition(volumes=[shapes.Volume(configured_at_launch=True)]),
            "ecs.capability.storage.ebs-task-volume-attach",
        ),
        (definition(inference_accelerators=[shapes.InferenceAccelerator()]), "ecs.capability.task-eia"),
        (definition(container("a", firelens_configuration=FIRELENS)), "ecs.capability.firelens.fluentbit"),
        (definition(container("a", credential_specs=["x"])), "ecs.capability.gmsa"),
    ],
)
def test_what_no_agent_can_do_finds_no_place_for_the_attribute_that_is_missing(
    asked_for: shapes.TaskDefinition, missing: str
) -> None:
    needed = {each.name for each in required_attributes(asked_for)}
    assert needed - set(capabilities(DOCKER)) == {missing}


def test_other_runtimes_stand_in_for_docker() -> None:
    assert "com.amazonaws.ecs.capability.docker-remote-api.1.41" in capabilities(SIMULATED)
    assert "com.amazonaws.ecs.capability.logging-driver.syslog" not in capabilities(SIMULATED)
