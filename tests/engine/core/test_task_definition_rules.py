"""Task definitions: what else of them is refused, where they can run, and how they go (spec §5)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import service, task, task_definition
from quarterdeck.events import shapes
from quarterdeck.events.service import ServiceDeleted, ServiceDrained
from quarterdeck.events.task_definition import (
    TaskDefinitionDeleted,
    TaskDefinitionDeletionRequested,
    TaskDefinitionDeregistered,
    TaskDefinitionRegistered,
)
from tests.engine.core.story import ARN, Story, container, created, defined, given, joined, placed, stopped

REGISTER = shapes.RegisterTaskDefinitionRequest
DELETE = shapes.DeleteTaskDefinitionsRequest
MEMBER_OF = shapes.TaskDefinitionPlacementConstraint(type="memberOf", expression="attribute:stack == prod")
FARGATE: dict[str, Any] = {
    "requires_compatibilities": ["FARGATE"],
    "network_mode": "awsvpc",
    "cpu": "256",
    "memory": "512",
}
ROLE = "arn:aws:iam::000000000000:role/x"


def app(*containers: shapes.ContainerDefinition, **members: Any) -> shapes.RegisterTaskDefinitionRequest:
    return REGISTER(**{"family": "app", "container_definitions": list(containers) or [container()], **members})


def registered(request: shapes.RegisterTaskDefinitionRequest) -> shapes.TaskDefinition:
    (event,) = Story().when(task_definition.register, request)
    assert isinstance(event, TaskDefinitionRegistered)
    return event.definition


def volume(**members: Any) -> shapes.Volume:
    return shapes.Volume(name="v", **members)


def mounting(name: str = "v") -> shapes.ContainerDefinition:
    return container(mount_points=[shapes.MountPoint(source_volume=name, container_path="/v")])


def checked(**members: Any) -> shapes.ContainerDefinition:
    return container(health_check=shapes.HealthCheck(**{"command": ["CMD", "true"], **members}))


def limited(name: str, soft: int, hard: int) -> shapes.ContainerDefinition:
    return container(ulimits=[shapes.Ulimit(name=name, soft_limit=soft, hard_limit=hard)])


def controlled(name: str) -> shapes.ContainerDefinition:
    return container(system_controls=[shapes.SystemControl(namespace=name, value="1")])


EBS = "ecs.capability.storage.ebs-task-volume-attach"
S3 = shapes.S3FilesVolumeConfiguration(file_system_arn="arn:aws:s3files:us-east-1:000000000000:file-system/fs-1")


def efs(**members: Any) -> shapes.Volume:
    return volume(efs_volume_configuration=shapes.EFSVolumeConfiguration(file_system_id="fs-1", **members))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (app(task_role_arn="no role!"), "Role is not valid"),
        (app(execution_role_arn="no role!"), "Role is not valid"),
        (
            app(container(linux_parameters=shapes.LinuxParameters(max_swap=-1))),
            "Invalid 'maxSwap' setting for container 'main': it must be at least 0 MiB.",
        ),
        (
            app(container(linux_parameters=shapes.LinuxParameters(shared_memory_size=0))),
            "Invalid 'sharedMemorySize' setting for container 'main': it must be at least 1 MiB.",
        ),
        (
            app(container(linux_parameters=shapes.LinuxParameters(tmpfs=[shapes.Tmpfs(container_path="/x", size=0)]))),
            "Invalid 'tmpfs' setting for container 'main': it must be at least 1 MiB.",
        ),
        (app(pid_mode="none"), "pidMode should be one of [host,task]"),
        (app(ipc_mode="all"), "ipcMode should be one of [host,task,none]"),
        (
            app(requires_compatibilities=["MOON"]),
            "requiresCompatibilities should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]",
        ),
        (
            app(ephemeral_storage=shapes.EphemeralStorage(size_in_gi_b=20)),
            "the 'sizeInGiB' setting for ephemeralStorage must be between 21 and 200",
        ),
        (
            app(placement_constraints=[shapes.TaskDefinitionPlacementConstraint(type="memberOf", expression=" ")]),
            "constraint.expression ' ' can not be blank.",
        ),
        (app(placement_constraints=[MEMBER_OF] * 11), "Maximum number of placement constraints is 10"),
        (
            app(proxy_configuration=shapes.ProxyConfiguration(container_name="main")),
            "APPMESH proxy configuration is only supported in networkMode=awsvpc",
        ),
        (
            app(proxy_configuration=shapes.ProxyConfiguration(container_name="x"), network_mode="awsvpc"),
            "Proxy container [x] does not exist",
        ),
        (
            app(trusted_execution_configuration=shapes.TrustedExecutionConfiguration()),
            "trustedExecutionConfiguration is only supported for MANAGED_INSTANCES.",
        ),
        (app(container(links=["x"])), "Cannot link to container 'x' because it does not exist"),
        (
            app(container(links=["main"]), network_mode="host"),
            "links is not supported on container when networkMode=host.",
        ),
        (
            app(container(volumes_from=[shapes.VolumeFrom(source_container="x")])),
            "Cannot take volumes from container 'x' because it does not exist",
        ),
        (app(checked(interval=4)), "the 'interval' setting for container 'main' must be between 5 and 300"),
        (app(checked(timeout=61)), "the 'timeout' setting for container 'main' must be between 2 and 60"),
        (app(checked(retries=0)), "the 'retries' setting for container 'main' must be between 1 and 10"),
        (app(checked(start_period=301)), "the 'startPeriod' setting for container 'main' must be between 0 and 300"),
        (
            app(checked(command=["true"])),
            "Invalid 'healthCheck' setting for container 'main': the command must start with CMD or CMD-SHELL.",
        ),
        (
            app(
                container(
                    restart_policy=shapes.ContainerRestartPolicy(enabled=True, ignored_exit_codes=list(range(51)))
                )
            ),
            "Too many ignoredExitCodes for container 'main': at most 50 are allowed.",
        ),
        (
            app(limited("files", 1, 2)),
            (
                "ulimit name should be one of [core,cpu,data,fsize,locks,memlock,msgqueue,nice,nofile,nproc,rss,rtprio,"
                "rttime,sigpending,stack], not 'files'."
            ),
        ),
        (
            app(limited("nofile", 3, 2)),
            "Invalid 'ulimits' setting for container 'main': the soft limit of nofile is greater than the hard limit.",
        ),
        (
            app(container(linux_parameters=shapes.LinuxParameters(swappiness=101))),
            "the 'swappiness' setting for container 'main' must be between 0 and 100",
        ),
        (
            app(container(resource_requirements=[shapes.ResourceRequirement(type="GPU", value="0")])),
            "Invalid 'resourceRequirements' setting for container 'main': GPU must be at least 1.",
        ),
        (
            app(container(dns_search_domains=["-bad-"])),
            "Invalid 'dnsSearchDomains' setting for container 'main': '-bad-'.",
        ),
        (
            app(container(environment_files=[shapes.EnvironmentFile(value="a", type="s3")] * 11)),
            "Too many environmentFiles for container 'main': at most 10 are allowed.",
        ),
        (
            app(container(environment_files=[shapes.EnvironmentFile(value="a", type="http")])),
            "Invalid 'environmentFiles' setting for container 'main': type is s3.",
        ),
        (
            app(container(credential_specs=["a", "b"])),
            "Too many credentialSpecs for container 'main': at most 1 are allowed.",
        ),
        (app(container(version_consistency="on")), "versionConsistency should be one of [enabled,disabled]"),
        (
            app(container(repository_credentials=shapes.RepositoryCredentials(credentials_parameter="p"))),
            "When you are specifying repository credentials, you must also specify a value for 'executionRoleArn'.",
        ),
        (
            app(controlled("net.core.somaxconn"), network_mode="host"),
            "The system control 'net.core.somaxconn' is not supported when networkMode=host.",
        ),
        (
            app(controlled("kernel.shmmax"), ipc_mode="host"),
            "The system control 'kernel.shmmax' is not supported when ipcMode=host.",
        ),
        (
            app(container(log_configuration=shapes.LogConfiguration(log_driver="paper"))),
            "logDriver should be one of [json-file,syslog,journald,gelf,fluentd,awslogs,splunk,awsfirelens]",
        ),
        (
            app(container(port_mappings=[shapes.PortMapping(container_port=80, name="Web")])),
            "Invalid port mapping name 'Web'.",
        ),
        (
            app(container(port_mappings=[shapes.PortMapping(container_port=80, app_protocol="smtp")])),
            "appProtocol should be one of [http,http2,grpc]",
        ),
        (
            app(container(port_mappings=[shapes.PortMapping(container_port_range=f"{n}-{n}") for n in range(1, 102)])),
            "Too many port ranges for container 'main': at most 100 are allowed.",
        ),
        (
            app(mounting(), volumes=[efs(transit_encryption_port=2049)]),
            "TransitEncryptionPort requires that TransitEncryption is enabled",
        ),
        (
            app(mounting(), volumes=[efs(authorization_config=shapes.EFSAuthorizationConfig(iam="ENABLED"))]),
            "EFS IAM authorization requires that TransitEncryption is enabled",
        ),
        (
            app(volumes=[volume(docker_volume_configuration=shapes.DockerVolumeConfiguration(autoprovision=True))]),
            "Volume 'v': autoprovision is only supported with scope shared.",
        ),
        (
            app(
                mounting(),
                volumes=[volume(configured_at_launch=True), shapes.Volume(name="w", configured_at_launch=True)],
            ),
            "At most 1 volume of a task definition can be configured at launch.",
        ),
        (app(**{**FARGATE, "cpu": None}), "Fargate requires that 'cpu' be defined at the task level."),
        (app(**{**FARGATE, "memory": None}), "Fargate requires that 'memory' be defined at the task level."),
        (
            app(**{**FARGATE, "memory": "768"}),
            (
                "No Fargate configuration exists for given values: 256 CPU, 768 memory. "
                "See the Amazon ECS documentation for the valid values."
            ),
        ),
        (app(**{**FARGATE, "network_mode": None}), "Fargate only supports network mode ‘awsvpc’."),  # noqa: RUF001
        (app(container(privileged=True), **FARGATE), "Fargate requires that the 'privileged' setting be 'false'"),
        (
            app(
                container(linux_parameters=shapes.LinuxParameters(devices=[shapes.Device(host_path="/dev/x")])),
                **FARGATE,
            ),
            "Fargate compatible task definitions do not support devices",
        ),
        (
            app(container(stop_timeout=121), **FARGATE),
            "Granular stop timeout on container 'main' must be at most 120 seconds.",
        ),
        (
            app(requires_compatibilities=["EXTERNAL"], network_mode="awsvpc"),
            "Task definition does not support launch_type EXTERNAL.",
        ),
    ],
)
def test_a_definition_that_breaks_a_rule_is_refused(
    request_: shapes.RegisterTaskDefinitionRequest, message: str
) -> None:
    assert Story().refusal(task_definition.register, request_) == ("ClientException", message)


def test_a_long_expression_is_refused() -> None:
    long = shapes.TaskDefinitionPlacementConstraint(type="memberOf", expression="a" * 2001)
    code, message = Story().refusal(task_definition.register, app(placement_constraints=[long]))
    assert code == "ClientException"
    assert message.startswith("constraint.expression 'aaaa")


@pytest.mark.parametrize(
    ("cpu", "memory"), [("256", "2048"), ("512", "4096"), ("1 vCPU", "8 GB"), ("8192", "20480"), ("16384", "122880")]
)
def test_sizes_of_fargate_are_accepted_where_it_is_required(cpu: str, memory: str) -> None:
    found = registered(app(**{**FARGATE, "cpu": cpu, "memory": memory}))
    assert found.compatibilities == ["EC2", "FARGATE"]


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        (app(), ["EXTERNAL", "EC2"]),
        (app(mounting(), volumes=[efs()]), ["EC2"]),
        (app(network_mode="awsvpc"), ["EC2", "FARGATE"]),
        (app(container(privileged=True), network_mode="awsvpc"), ["EC2"]),
        (app(network_mode="awsvpc", pid_mode="host"), ["EC2"]),
        (
            app(network_mode="awsvpc", requires_compatibilities=["MANAGED_INSTANCES"]),
            ["EC2", "FARGATE", "MANAGED_INSTANCES"],
        ),
    ],
)
def test_where_a_definition_can_run_follows_from_what_it_holds(
    request_: shapes.RegisterTaskDefinitionRequest, found: list[str]
) -> None:
    assert registered(request_).compatibilities == found


@pytest.mark.parametrize(
    ("request_", "names"),
    [
        (app(mounting(), volumes=[efs()]), {"ecs.capability.efs"}),
        (
            app(mounting(), volumes=[efs(authorization_config=shapes.EFSAuthorizationConfig(access_point_id="a"))]),
            {"ecs.capability.efs", "ecs.capability.efsAuth"},
        ),
        (
            app(container(image="000000000000.dkr.ecr.us-east-1.amazonaws.com/web:1"), execution_role_arn=ROLE),
            {
                "com.amazonaws.ecs.capability.ecr-auth",
                "com.amazonaws.ecs.capability.docker-remote-api.1.19",
                "ecs.capability.execution-role-ecr-pull",
            },
        ),
        (app(enable_fault_injection=True), {"ecs.capability.fault-injection"}),
        (app(inference_accelerators=[shapes.InferenceAccelerator(device_name="a")]), {"ecs.capability.task-eia"}),
        (app(container(credential_specs=["credentialspec:arn"])), {"ecs.capability.gmsa"}),
        (app(mounting(), volumes=[volume(configured_at_launch=True)]), {EBS}),
        (app(mounting(), volumes=[volume(s3files_volume_configuration=S3)]), {"ecs.capability.storage.s3-files"}),
        (
            app(container(port_mappings=[shapes.PortMapping(container_port_range="80-81")])),
            {"ecs.capability.network.container-port-range"},
        ),
    ],
)
def test_what_a_definition_is_given_from_outside_is_required_of_instances(
    request_: shapes.RegisterTaskDefinitionRequest, names: set[str]
) -> None:
    assert {each.name for each in registered(request_).requires_attributes or []} == names


def test_a_restart_policy_gets_its_period() -> None:
    (main,) = (
        registered(app(container(restart_policy=shapes.ContainerRestartPolicy(enabled=True)))).container_definitions
        or []
    )
    assert main.restart_policy == shapes.ContainerRestartPolicy(enabled=True, restart_attempt_period=300)


def test_a_range_of_ports_is_kept_without_a_host_port() -> None:
    (main,) = (
        registered(
            app(container(port_mappings=[shapes.PortMapping(container_port_range="80-90")]))
        ).container_definitions
        or []
    )
    assert main.port_mappings == [shapes.PortMapping(container_port_range="80-90", protocol="tcp")]


def test_a_platform_is_asked_of_the_instance() -> None:
    story = given(joined("a1", attributes={"ecs.cpu-architecture": "x86_64"}))
    story.when(task_definition.register, app(runtime_platform=shapes.RuntimePlatform(cpu_architecture="ARM64")))
    story.when(task.run, shapes.RunTaskRequest(task_definition="app"))
    assert [each.reason for each in story.answer] == ["ATTRIBUTE"]


def test_constraints_of_a_definition_bind_its_tasks_wherever_they_come_from() -> None:
    story = given(joined("a1"), joined("b1", attributes={"stack": "prod"}))
    story.when(task_definition.register, app(placement_constraints=[MEMBER_OF]))
    assert story.state.families["app"].revisions[1].definition.placement_constraints == [MEMBER_OF]
    story.when(task.run, shapes.RunTaskRequest(task_definition="app", count=2))
    story.when(service.create, shapes.CreateServiceRequest(service_name="web", task_definition="app", desired_count=2))
    story.run_service()
    assert (len(story.on("a1")), len(story.on("b1"))) == (0, 4)
    story.when(task.start, shapes.StartTaskRequest(task_definition="app", container_instances=["a1"]))
    assert len(story.on("a1")) == 1, "StartTask names the place itself"


def inactive(*revisions: int) -> Story:
    story = given([defined(f"app:{revision}") for revision in (1, 2, 3)])
    return story.given(TaskDefinitionDeregistered(family="app", revision=revision) for revision in revisions)


def test_inactive_revisions_are_deleted_and_the_others_are_failures() -> None:
    story = inactive(1)
    events = story.when(
        task_definition.delete, DELETE(task_definitions=["app:1", "app:2", "app:9", ARN + "task-definition/app:1"])
    )
    assert events == [TaskDefinitionDeletionRequested(family="app", revision=1)]
    assert [(each.arn, each.reason) for each in story.answer] == [
        (
            ARN + "task-definition/app:2",
            "The specified task definition is still in ACTIVE status. Please deregister the target and try again.",
        ),
        (
            ARN + "task-definition/app:9",
            "The specified task definition does not exist. Specify a valid account, family, revision and try again.",
        ),
    ]
    assert story.when(task_definition.delete, DELETE(task_definitions=["app:1"])) == [], "it is asked for already"


@pytest.mark.parametrize(
    ("references", "code", "message"),
    [
        ([], "InvalidParameterException", "size of TaskDefinition references list must be greater than 0"),
        (["app:1"] * 11, "InvalidParameterException", "Size of TaskDefinition references list cannot exceed 10"),
        (["app:1", "app"], "ClientException", "Revision is missing."),
        (["app:x"], "InvalidParameterException", "Invalid revision number. Number: x"),
    ],
)
def test_a_deletion_that_can_not_be_is_refused(references: list[str], code: str, message: str) -> None:
    assert inactive(1).refusal(task_definition.delete, DELETE(task_definitions=references)) == (code, message)


def test_a_revision_goes_an_hour_after_its_last_task_stopped_also_where_no_other_task_stops() -> None:
    """Tasks that STOPPED are let go of as others stop: in a cluster that is idle, or deleted, they stay."""
    story = inactive(1).given(joined("a1"), placed("t1", "a1", definition="app:1"), stopped("t1"))
    story.when(task_definition.delete, DELETE(task_definitions=["app:1"]))
    assert story.after(3600).when(task_definition.purge) == []
    assert story.after(1).when(task_definition.purge) == [TaskDefinitionDeleted(family="app", revision=1)]


def test_a_revision_to_delete_starts_nothing_and_goes_when_nothing_has_it() -> None:
    story = inactive(1, 2, 3).given(joined("a1"), created(definition="app:1"), placed("t1", "a1", definition="app:2"))
    story.when(task_definition.delete, DELETE(task_definitions=["app:1", "app:2", "app:3"]))
    assert story.refusal(task.run, shapes.RunTaskRequest(task_definition="app:3")) == (
        "InvalidParameterException",
        "TaskDefinition is inactive",
    )
    assert story.when(task_definition.purge) == [TaskDefinitionDeleted(family="app", revision=3)]
    story.given(
        stopped("t1"),
        ServiceDeleted(cluster="default", service="web", force=True),
        ServiceDrained(cluster="default", service="web"),
    )
    assert story.when(task_definition.purge) == [TaskDefinitionDeleted(family="app", revision=1)]
    story.after(3601).given(placed("t2", "a1", definition="app:2"), stopped("t2"))
    assert story.when(task_definition.purge) == [], "a stopped task is described for an hour"
    (event,) = story.when(task_definition.register, app())
    assert isinstance(event, TaskDefinitionRegistered)
    assert event.revision == 4, "a number is never used again"
