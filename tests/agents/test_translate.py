"""From a wanted task to containers."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.agents import labels
from quarterdeck.agents.plan import ContainerPlan, RestartPolicy
from quarterdeck.agents.runtimes.health import HealthCheck
from quarterdeck.agents.runtimes.port import ContainerSpec, Mount, PortMapping, TaskBounds, Volume
from quarterdeck.agents.translate import translate
from quarterdeck.agents.untranslatable import Untranslatable
from quarterdeck.events import shapes
from quarterdeck.events.wanted import WantedTask
from tests.agents.world import NAMESPACE, container, definition, task_id

ARN = NAMESPACE.task_arn("blue", "0123456789abcdef0123456789abcdef")


def plans(
    *containers: shapes.ContainerDefinition, overrides: shapes.TaskOverride | None = None, **fields: Any
) -> list[ContainerPlan]:
    wanted = WantedTask(task=ARN, definition=definition(*containers, **fields), overrides=overrides)
    return list(translate(wanted, ARN, "blue", "instance").containers)


def spec(overrides: shapes.ContainerOverride | None = None, **fields: Any) -> ContainerSpec:
    task = shapes.TaskOverride(container_overrides=[overrides]) if overrides is not None else None
    return plans(container("app", **fields), overrides=task)[0].spec


def test_names_say_whose_they_are_and_differ() -> None:
    found = plans(container("app"), container("log"))
    assert [each.spec.name for each in found] == ["ecs-web-1-app-0123456789ab", "ecs-web-1-log-0123456789ab"]


def test_long_names_are_cut_and_still_differ() -> None:
    names = [each.spec.name for each in plans(container("x" * 200 + "1"), container("x" * 200 + "2"), family="f" * 255)]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 200


def test_labels_are_those_of_the_ecs_agent() -> None:
    found = spec(docker_labels={"mine": "1", labels.TASK_ARN: "forged", labels.TASK_VOLUMES: "theirs"})
    assert found.labels == {
        labels.TASK_VOLUMES: "",
        "mine": "1",
        "com.amazonaws.ecs.cluster": "blue",
        "com.amazonaws.ecs.task-arn": ARN,
        "com.amazonaws.ecs.container-name": "app",
        "com.amazonaws.ecs.task-definition-family": "web",
        "com.amazonaws.ecs.task-definition-version": "1",
        "quarterdeck.container-instance": "instance",
    }


def test_overrides_replace_the_command_and_amounts_and_add_to_the_environment() -> None:
    pairs = [shapes.KeyValuePair(name="A", value="1"), shapes.KeyValuePair(name="B", value="1")]
    override = shapes.ContainerOverride(
        name="app", command=["b"], cpu=512, memory=64, environment=[shapes.KeyValuePair(name="B", value="2")]
    )
    found = spec(override, command=["a"], environment=pairs, cpu=1)
    assert (found.command, found.cpu_shares, found.memory_mib) == (("b",), 512, 64)
    assert found.environment == {"A": "1", "B": "2"}


def test_an_override_of_another_container_changes_nothing() -> None:
    assert spec(shapes.ContainerOverride(name="other", command=["b"])).command is None


@pytest.mark.parametrize(("cpu", "shares"), [(None, 2), (0, 2), (1, 2), (3, 3)])
def test_cpu_has_a_least_weight(cpu: int | None, shares: int) -> None:
    assert spec(cpu=cpu).cpu_shares == shares


def test_the_size_of_a_task_bounds_its_containers_together() -> None:
    first, second = plans(container("a", memory=None), container("b"), cpu="512", memory="1024")
    bounds = TaskBounds("0123456789abcdef0123456789abcdef", 0.5, 1024)
    assert (first.spec.memory_mib, first.spec.bounds) == (None, bounds)
    assert (second.spec.memory_mib, second.spec.bounds) == (32, bounds)


def test_an_override_changes_the_size_of_the_task() -> None:
    overrides = shapes.TaskOverride(cpu="256", memory="64")
    (found,) = plans(container("app"), cpu="512", memory="1024", overrides=overrides)
    assert found.spec.bounds == TaskBounds("0123456789abcdef0123456789abcdef", 0.25, 64)
    assert plans(container("app"))[0].spec.bounds is None


def test_ports_are_static_dynamic_or_the_hosts_own() -> None:
    ports = [
        shapes.PortMapping(container_port=80, host_port=8080),
        shapes.PortMapping(container_port=53, protocol="udp"),
    ]
    assert spec(port_mappings=ports).ports == (PortMapping(80, 8080), PortMapping(53, 0, "udp"))
    same = [shapes.PortMapping(container_port=80, host_port=80)]
    (found,) = plans(container("app", port_mappings=same), network_mode="host")
    assert (found.spec.ports, found.spec.network_mode) == ((PortMapping(80, 80),), "host")


def test_a_range_of_ports_is_asked_for_in_a_row() -> None:
    found = spec(port_mappings=[shapes.PortMapping(container_port_range="8000-8009", protocol="udp")])
    assert found.ports == (PortMapping(8000, 0, "udp", count=10),)


def docker(scope: str, **fields: Any) -> shapes.DockerVolumeConfiguration:
    return shapes.DockerVolumeConfiguration(scope=scope, **fields)


def test_volumes_are_of_the_host_of_the_task_or_shared() -> None:
    volumes = [
        shapes.Volume(name="host", host=shapes.HostVolumeProperties(source_path="/srv")),
        shapes.Volume(name="empty", host=shapes.HostVolumeProperties()),
        shapes.Volume(name="own", docker_volume_configuration=docker("task")),
        shapes.Volume(name="shared", docker_volume_configuration=docker("shared", autoprovision=True)),
        shapes.Volume(name="theirs", docker_volume_configuration=docker("shared")),
        shapes.Volume(name="big", docker_volume_configuration=docker("task", driver="x", driver_opts={"a": "b"})),
    ]
    mounts = [shapes.MountPoint(source_volume=each.name, container_path=f"/{each.name}") for each in volumes]
    mounts[0] = shapes.MountPoint(source_volume="host", container_path="/host", read_only=True)
    (found,) = plans(container("app", mount_points=mounts), volumes=volumes)
    assert found.spec.mounts == (
        Mount("/srv", "/host", read_only=True),
        Mount("ecs-web-1-empty-0123456789ab", "/empty", kind="volume"),
        Mount("ecs-web-1-own-0123456789ab", "/own", kind="volume"),
        Mount("shared", "/shared", kind="volume"),
        Mount("theirs", "/theirs", kind="volume", volume=Volume(must_exist=True)),
        Mount("ecs-web-1-big-0123456789ab", "/big", kind="volume", volume=Volume("x", {"a": "b"})),
    )
    assert labels.task_volumes(found.spec.labels) == [
        f"ecs-web-1-{name}-0123456789ab" for name in ("empty", "own", "big")
    ]


def test_what_a_container_is_like_is_passed_on() -> None:
    log = shapes.LogConfiguration(log_driver="syslog", options={"tag": "x"})
    found = spec(
        user="nobody",
        working_directory="/tmp",
        hostname="h",
        entry_point=["sh"],
        log_configuration=log,
        memory_reservation=8,
    )
    assert (found.user, found.working_directory, found.entry_point) == ("nobody", "/tmp", ("sh",))
    assert found.hostname == "h"
    assert (found.log_driver, found.log_options, found.memory_reservation_mib) == ("syslog", {"tag": "x"}, 8)


def test_dependencies_and_timeouts_are_planned() -> None:
    waits = [shapes.ContainerDependency(container_name="b", condition="SUCCESS")]
    first, second = plans(container("a", depends_on=waits, stop_timeout=5), container("b", start_timeout=9))
    assert (first.after[0].container, first.after[0].condition, first.stop_timeout_seconds) == ("b", "SUCCESS", 5)
    assert second.start_timeout_seconds == 9


def test_a_health_check_has_its_times() -> None:
    check = shapes.HealthCheck(command=["CMD-SHELL", "true"], interval=10, timeout=2, retries=4, start_period=60)
    assert spec(health_check=check).health_check == HealthCheck(("CMD-SHELL", "true"), 10.0, 2.0, 4, 60.0)
    bare = shapes.HealthCheck(command=["CMD", "true"])
    assert spec(health_check=bare).health_check == HealthCheck(("CMD", "true"), 30.0, 5.0, 3, 0.0)


def test_a_restart_policy_that_is_enabled_is_planned() -> None:
    policy = shapes.ContainerRestartPolicy(enabled=True, ignored_exit_codes=[0, 3], restart_attempt_period=60)
    off = shapes.ContainerRestartPolicy(enabled=False)
    first, second = plans(container("a", restart_policy=policy), container("b", restart_policy=off))
    assert first.restart == RestartPolicy(60.0, frozenset({0, 3}))
    assert second.restart is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (
            {
                "firelens_configuration": shapes.FirelensConfiguration(type="fluentbit"),
                "resource_requirements": [shapes.ResourceRequirement(type="GPU", value="1")],
            },
            "resourceRequirements, firelensConfiguration",
        ),
        ({"depends_on": [shapes.ContainerDependency(container_name="b", condition="WELL")]}, "WELL"),
    ],
)
def test_what_is_not_carried_out_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Untranslatable, match=named):
        spec(**fields)


EFS = shapes.Volume(name="v", efs_volume_configuration=shapes.EFSVolumeConfiguration(file_system_id="fs-1"))


@pytest.mark.parametrize("fields", [{"network_mode": "cloud"}, {"volumes": [EFS]}])
def test_a_task_that_is_not_carried_out_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Untranslatable, match="HostConfigError"):
        plans(container("app"), **fields)


def test_a_task_without_a_definition_has_no_containers() -> None:
    assert translate(WantedTask(task=task_id(1)), ARN, "blue", "instance").containers == ()
