"""Task definitions: registered complete, refused with ECS's words, never reused (spec §5)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given as sample
from hypothesis import strategies as st

from quarterdeck.engine.core import task_definition
from quarterdeck.engine.core.container_definition import complete
from quarterdeck.engine.core.errors import ClientException
from quarterdeck.events import shapes
from quarterdeck.events.task_definition import TaskDefinitionDeregistered, TaskDefinitionRegistered
from tests.engine.core.story import ARN, NOON, Story, container, defined, given

REGISTER = shapes.RegisterTaskDefinitionRequest
DEREGISTER = shapes.DeregisterTaskDefinitionRequest
SIZE_WORDS = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
FIRELENS = shapes.FirelensConfiguration(type="fluentbit")


def app(*containers: shapes.ContainerDefinition, **members: Any) -> shapes.RegisterTaskDefinitionRequest:
    return REGISTER(**{"family": "app", "container_definitions": list(containers) or [container()], **members})


def port(number: int | None, host: int | None = None, **members: Any) -> shapes.PortMapping:
    return shapes.PortMapping(container_port=number, host_port=host, **members)


def after(name: str, condition: str = "START") -> list[shapes.ContainerDependency]:
    return [shapes.ContainerDependency(container_name=name, condition=condition)]


def logging(driver: str, **options: str) -> shapes.LogConfiguration:
    return shapes.LogConfiguration(log_driver=driver, options=options or None)


def registered(request: shapes.RegisterTaskDefinitionRequest) -> shapes.TaskDefinition:
    (event,) = Story().when(task_definition.register, request)
    assert isinstance(event, TaskDefinitionRegistered)
    return event.definition


def needed(request: shapes.RegisterTaskDefinitionRequest) -> set[str]:
    names = {each.name or "" for each in registered(request).requires_attributes or []}
    return {name.removeprefix("com.amazonaws.ecs.capability.").removeprefix("ecs.capability.") for name in names}


def test_a_definition_is_registered_with_the_defaults_that_descriptions_show() -> None:
    definition = registered(app(shapes.ContainerDefinition(name="main", image="busybox", memory=128)))
    assert definition == shapes.TaskDefinition(
        task_definition_arn=ARN + "task-definition/app:1",
        family="app",
        revision=1,
        status="ACTIVE",
        container_definitions=[
            shapes.ContainerDefinition(
                name="main",
                image="busybox",
                memory=128,
                cpu=0,
                essential=True,
                environment=[],
                mount_points=[],
                volumes_from=[],
                port_mappings=[],
                system_controls=[],
            )
        ],
        volumes=[],
        placement_constraints=[],
        compatibilities=["EXTERNAL", "EC2"],
        registered_at=NOON,
        registered_by="arn:aws:iam::000000000000:root",
    )


@pytest.mark.parametrize(
    ("mode", "given_host", "host"),
    [(None, None, 0), ("bridge", 8080, 8080), ("host", None, 80), ("host", 80, 80), ("awsvpc", 0, 80)],
)
def test_a_port_mapping_gets_its_protocol_and_host_port(mode: str | None, given_host: int | None, host: int) -> None:
    definition = registered(app(container(port_mappings=[port(80, given_host)]), network_mode=mode))
    (main,) = definition.container_definitions or []
    assert main.port_mappings == [port(80, host, protocol="tcp")]


def test_a_health_check_gets_its_times() -> None:
    check = complete(container(health_check=shapes.HealthCheck(command=["CMD", "true"])), None).health_check
    assert check == shapes.HealthCheck(command=["CMD", "true"], interval=30, timeout=5, retries=3)


@pytest.mark.parametrize(
    ("cpu", "units"),
    [("256", "256"), ("1 vCPU", "1024"), ("1vcpu", "1024"), (".5 vcpu", "512"), (" 0.25 vCPU ", "256"), (None, None)],
)
def test_cpu_may_be_said_in_units_or_vcpus(cpu: str | None, units: str | None) -> None:
    assert registered(app(cpu=cpu)).cpu == units


@pytest.mark.parametrize(
    ("memory", "mib"), [("512", "512"), ("1GB", "1024"), ("1 GB", "1024"), ("0.5 gb", "512"), (None, None)]
)
def test_memory_may_be_said_in_mib_or_gb(memory: str | None, mib: str | None) -> None:
    assert registered(app(memory=memory)).memory == mib


@pytest.mark.parametrize("cpu", ["127", "196609", "0", "-1", "one", "1 core", "²", "9" * 5000, "9" * 400 + " vCPU"])
def test_cpu_that_is_none_is_refused(cpu: str) -> None:
    expected = ("ClientException", f"Invalid 'cpu' setting for task. {SIZE_WORDS}")
    assert Story().refusal(task_definition.register, app(cpu=cpu)) == expected


@pytest.mark.parametrize("memory", ["0", "-1", "much", "1 TB", "9" * 5000, "9" * 400 + "GB"])
def test_memory_that_is_none_is_refused(memory: str) -> None:
    expected = ("ClientException", f"Invalid 'memory' setting for task. {SIZE_WORDS}")
    assert Story().refusal(task_definition.register, app(memory=memory)) == expected


def test_every_registration_makes_a_revision() -> None:
    story = Story()
    for revision in (1, 2, 3):
        (event,) = story.when(task_definition.register, app())
        assert isinstance(event, TaskDefinitionRegistered)
        assert event.revision == revision


def test_a_revisions_number_is_never_used_again() -> None:
    story = given(defined("app:1"), defined("app:2"))
    for reference in ("app:1", "app:2"):
        story.when(task_definition.deregister, DEREGISTER(task_definition=reference))
    (event,) = story.when(task_definition.register, app())
    assert isinstance(event, TaskDefinitionRegistered)
    assert event.revision == 3


def test_a_revision_is_deregistered_once() -> None:
    story = given(defined("app:1"))
    request = DEREGISTER(task_definition=ARN + "task-definition/app:1")
    assert story.when(task_definition.deregister, request) == [TaskDefinitionDeregistered(family="app", revision=1)]
    assert story.when(task_definition.deregister, request) == []


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ("app", "ClientException", "Revision is missing."),
        ("", "ClientException", "Revision is missing."),
        ("app:x", "InvalidParameterException", "Invalid revision number. Number: x"),
        ("app:2", "ClientException", "Unable to describe task definition."),
        ("job:1", "ClientException", "Unable to describe task definition."),
    ],
)
def test_a_deregistration_must_name_a_revision_there_is(reference: str, code: str, message: str) -> None:
    story = given(defined("app:1"))
    assert story.refusal(task_definition.deregister, DEREGISTER(task_definition=reference)) == (code, message)


SIDE = container("side", essential=False)
SUM_OF_CPU = "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
NO_ROUTER = (
    "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be specified."
)
NO_ROUTED = (
    "When a firelensConfiguration object is specified, at least one container has to be configured "
    "with the awsfirelens log driver"
)
SECRETS = "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (app(family=None), "Family can not be blank."),
        (app(family="a b"), "Family contains invalid characters."),
        (app(family="a" * 256), "Family contains invalid characters."),
        (app(container_definitions=[]), "Container list cannot be empty."),
        (app(*[container(f"c{number}") for number in range(11)]), "Too many containers."),
        (app(container("")), "Container.name should not be null or empty."),
        (app(container(name="a b")), "Container name 'a b' contains invalid characters."),
        (app(container(image="")), "Container.image should not be null or empty."),
        (
            app(container(), container()),
            "Container names must be unique within a task definition. Used more than once: main.",
        ),
        (app(container(essential=False)), "Task definition doesn't have any essential container."),
        (app(tags=[]), "Tags can not be empty."),
        (
            app(tags=[shapes.Tag(key="aws:x", value="")]),
            "Invalid tag 'aws:x': the prefix aws: is reserved.",
        ),
        (app(network_mode="vpn"), "networkMode should be one of [bridge,host,awsvpc,none]"),
        (
            app(placement_constraints=[shapes.TaskDefinitionPlacementConstraint(type="distinctInstance")]),
            "constraint.type 'distinctInstance' is not supported.",
        ),
        (app(container(cpu=200), container("side", cpu=100), cpu="256"), SUM_OF_CPU),
        (app(container(cpu=-1)), "Invalid 'cpu' setting for container 'main'."),
        (
            app(container(memory=5)),
            "Invalid 'memory' setting for container 'main'. 'memory' must be at least 6.",
        ),
        (
            app(container(memory=None, memory_reservation=0)),
            "Invalid 'memoryReservation' setting for container 'main'. 'memoryReservation' must be at least 6.",
        ),
        (
            app(container(memory=1025), memory="1024"),
            "The 'memory' setting for container 'main' is greater than for the task.",
        ),
        (
            app(container(memory=128, memory_reservation=256)),
            "Invalid setting for container 'main'. 'memory' must be greater than or equal to 'memoryReservation'.",
        ),
        (
            app(container(memory=None)),
            "Invalid setting for container 'main'. At least one of 'memory' or 'memoryReservation' must be specified.",
        ),
        (app(container(port_mappings=[port(None)])), "Invalid 'containerPort' setting for container 'main'."),
        (app(container(port_mappings=[port(65536)])), "Invalid 'containerPort' setting for container 'main'."),
        (app(container(port_mappings=[port(80, -1)])), "Invalid 'hostPort' setting for container 'main'."),
        (app(container(port_mappings=[port(80, protocol="icmp")])), "protocol should be one of [tcp,udp]"),
        (
            app(container(port_mappings=[port(80, container_port_range="80-90")])),
            "cannot specify both single port and port range",
        ),
        (
            app(container(port_mappings=[port(None, container_port_range="90-80")])),
            "Invalid 'containerPortRange' setting for container 'main'.",
        ),
        (
            app(container(port_mappings=[port(None, container_port_range="80-90")]), network_mode="host"),
            (
                "Invalid 'containerPortRange' setting for container 'main': "
                "port ranges are not supported when networkMode=host."
            ),
        ),
        (
            app(container(port_mappings=[port(85), port(None, container_port_range="80-90")])),
            "container port is used multiple times in task",
        ),
        (
            app(container(port_mappings=[port(80, 8080)]), network_mode="host"),
            "When networkMode=host, the host ports and container ports in port mappings must match.",
        ),
        (
            app(container(port_mappings=[port(80, 8080)]), network_mode="awsvpc"),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            app(container(port_mappings=[port(80)]), network_mode="none"),
            "Port mappings on container 'main' are not supported when networkMode=none.",
        ),
        (
            app(container(port_mappings=[port(80), port(80, protocol="udp")])),
            "container port is used multiple times in task",
        ),
        (
            app(container(port_mappings=[port(80)]), container("b", port_mappings=[port(80)]), network_mode="host"),
            "container port is used multiple times in task",
        ),
        (
            app(container(port_mappings=[port(80, 80)]), container("b", port_mappings=[port(81, 80)])),
            "host port is used multiple times in task",
        ),
        (
            app(container(port_mappings=[port(80, name="web"), port(81, name="web")])),
            "port mapping name is already used",
        ),
        (app(volumes=[shapes.Volume(name="")]), "Invalid volume name ''."),
        (
            app(volumes=[shapes.Volume(name="v"), shapes.Volume(name="v")]),
            "Volume names must be unique within a task definition.",
        ),
        (
            app(container(mount_points=[shapes.MountPoint(source_volume="v", container_path="/v")])),
            "Unknown volume 'v'.",
        ),
        (
            app(
                container(mount_points=[shapes.MountPoint(source_volume="v")]),
                volumes=[shapes.Volume(name="v")],
            ),
            "Mount point of volume 'v' needs a containerPath.",
        ),
        (
            app(volumes=[shapes.Volume(name="v", configured_at_launch=True)]),
            "Volumes [v] are not referenced by any of the containers",
        ),
        (
            app(
                volumes=[
                    shapes.Volume(
                        name="v",
                        host=shapes.HostVolumeProperties(source_path="/srv"),
                        docker_volume_configuration=shapes.DockerVolumeConfiguration(),
                    )
                ]
            ),
            "Volume 'v' can be of one kind only.",
        ),
        (app(container(secrets=[shapes.Secret(name="A", value_from="b")])), SECRETS),
        (app(container(stop_timeout=1)), "Granular stop timeout on container 'main' must be at least 2 seconds."),
        (app(container(start_timeout=0)), "Granular start timeout on container 'main' must be at least 2 seconds."),
        (
            app(container(restart_policy=shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=59))),
            "the 'restartAttemptPeriod' setting for container 'main' must be between 60 and 1800",
        ),
        (
            app(container(log_configuration=logging("awslogs"))),
            "Log driver awslogs requires options: awslogs-region, awslogs-group",
        ),
        (
            app(container(log_configuration=logging("awsfirelens"))),
            NO_ROUTER,
        ),
        (
            app(container(firelens_configuration=FIRELENS)),
            NO_ROUTED,
        ),
        (
            app(container(hostname="me"), network_mode="awsvpc"),
            "hostname is not supported on container when networkMode=awsvpc.",
        ),
        (
            app(container(disable_networking=True), network_mode="awsvpc"),
            "Disable Networking is not supported on container when networkMode=awsvpc.",
        ),
        (
            app(container(depends_on=after("other"))),
            "Cannot depend on container + 'other' because it does not exist",
        ),
        (
            app(container(depends_on=after("side", "LATER")), SIDE),
            "Container dependsOn condition should be one of [START,COMPLETE,SUCCESS,HEALTHY]",
        ),
        (
            app(container(depends_on=after("b", "SUCCESS")), container("b")),
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
        ),
        (
            app(container(depends_on=after("side", "HEALTHY")), SIDE),
            "A dependency container with HEALTHY condition must have health check configured",
        ),
        (
            app(container(depends_on=after("b")), container("b", links=["main"])),
            "Container dependsOn contains a cycle",
        ),
        (app(container(depends_on=after("main"))), "Container dependsOn contains a cycle"),
    ],
)
def test_a_definition_that_can_not_be_is_refused(request_: shapes.RegisterTaskDefinitionRequest, message: str) -> None:
    assert Story().refusal(task_definition.register, request_) == ("ClientException", message)


def test_a_definition_has_64_kib_at_most() -> None:
    code, message = Story().refusal(task_definition.register, app(container(command=["x" * 70_000])))
    assert code == "ClientException"
    assert message.startswith("Actual length: '70")
    assert message.endswith("'. Max allowed length is '65536' bytes.")


def test_containers_may_wait_for_one_another_in_order() -> None:
    registered(
        app(
            container(depends_on=[*after("side", "SUCCESS"), *after("db", "HEALTHY")], links=["db:base"]),
            SIDE,
            container("db", health_check=shapes.HealthCheck(command=["CMD", "true"]), depends_on=after("side")),
        )
    )


def test_containers_of_one_task_may_listen_at_the_same_port_behind_a_bridge() -> None:
    registered(app(container(port_mappings=[port(80)]), container("b", port_mappings=[port(80)])))


def test_memory_of_the_task_is_enough_and_equality_is_allowed() -> None:
    registered(app(container(memory=None), memory="512"))
    registered(app(container(memory=256, memory_reservation=256)))


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (app(), set()),
        (app(container(log_configuration=logging("syslog"))), {"logging-driver.syslog", "docker-remote-api.1.18"}),
        (
            app(
                container(log_configuration=logging("awslogs", **{"awslogs-region": "r", "awslogs-group": "g"})),
                execution_role_arn="arn:aws:iam::000000000000:role/x",
            ),
            {
                "logging-driver.awslogs",
                "docker-remote-api.1.18",
                "docker-remote-api.1.19",
                "execution-role-awslogs",
            },
        ),
        (app(task_role_arn="arn:x"), {"task-iam-role"}),
        (app(task_role_arn="arn:x", network_mode="host"), {"task-iam-role", "task-iam-role-network-host"}),
        (app(container(memory_reservation=64)), {"docker-remote-api.1.21"}),
        (app(network_mode="awsvpc"), {"task-eni"}),
        (
            app(container(health_check=shapes.HealthCheck(command=["CMD"]))),
            {"container-health-check", "docker-remote-api.1.24"},
        ),
        (
            app(container(health_check=shapes.HealthCheck(command=["CMD"], start_period=9))),
            {"container-health-check", "docker-remote-api.1.29"},
        ),
        (app(container(stop_timeout=9)), {"container-ordering"}),
        (app(container(privileged=True)), {"privileged-container"}),
        (
            app(container(linux_parameters=shapes.LinuxParameters(init_process_enabled=True))),
            {"docker-remote-api.1.25"},
        ),
        (app(pid_mode="task"), {"pid-ipc-namespace-sharing"}),
        (
            app(
                container(secrets=[shapes.Secret(name="A", value_from="param")]),
                container("b", secrets=[shapes.Secret(name="A", value_from="arn:aws:secretsmanager:x")]),
                execution_role_arn="arn:x",
            ),
            {"secrets.ssm.environment-variables", "secrets.asm.environment-variables"},
        ),
        (app(container(environment_files=[shapes.EnvironmentFile(value="a", type="s3")])), {"env-files.s3"}),
        (
            app(
                volumes=[
                    shapes.Volume(
                        name="v", docker_volume_configuration=shapes.DockerVolumeConfiguration(driver="rexray")
                    )
                ]
            ),
            {"docker-plugin.rexray"},
        ),
        (
            app(
                container(log_configuration=logging("awsfirelens")),
                container("router", firelens_configuration=FIRELENS),
            ),
            {"logging-driver.awsfirelens", "docker-remote-api.1.18", "firelens.fluentbit"},
        ),
        (
            app(container(restart_policy=shapes.ContainerRestartPolicy(enabled=True))),
            {"container-restart-policy"},
        ),
        (app(container(docker_labels={"a": "b"})), {"docker-remote-api.1.18"}),
    ],
)
def test_a_definition_requires_of_instances_what_it_uses(
    request_: shapes.RegisterTaskDefinitionRequest, names: set[str]
) -> None:
    assert needed(request_) == names


def test_awsvpc_definitions_are_compatible_with_fargate_too() -> None:
    assert registered(app(network_mode="awsvpc")).compatibilities == ["EC2", "FARGATE"]
    assert registered(app(network_mode="host")).compatibilities == ["EXTERNAL", "EC2"]


texts = st.text(max_size=40) | st.none()
numbers = st.integers(-10, 70_000) | st.none()


@sample(
    st.builds(
        app,
        st.builds(container, name=texts, image=texts, cpu=numbers, memory=numbers, memory_reservation=numbers),
        cpu=texts | st.from_regex(r"\s?\d*\.?\d+\s?vcpu", fullmatch=True),
        memory=texts | st.from_regex(r"\d*\.?\d+\s?gb", fullmatch=True),
        network_mode=texts,
        family=texts,
    )
)
def test_whatever_is_registered_is_registered_or_refused(request_: shapes.RegisterTaskDefinitionRequest) -> None:
    with suppress(ClientException):
        Story().when(task_definition.register, request_)
