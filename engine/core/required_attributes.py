"""Required attributes: what a task definition demands of an instance's capabilities (spec §5.7)."""

import re
from collections.abc import Iterator

from quarterdeck.engine.core import fargate
from quarterdeck.events import shapes

CAPABILITY = "com.amazonaws.ecs.capability."
ECS_CAPABILITY = "ecs.capability."
_ECR = re.compile(r"\d{12}\.dkr\.ecr(-fips)?\.[\w-]+\.amazonaws\.com(\.cn)?/.+")


def required_attributes(definition: shapes.TaskDefinition) -> list[shapes.Attribute]:
    """List the attributes an instance must have, sorted, each once."""
    names = set(_of_task(definition))
    for container in definition.container_definitions or []:
        names.update(_of_container(container))
        names.update(_of_host(container))
        names.update(_of_sources(container, definition))
        names.update(_of_log(container.log_configuration, definition))
    return [shapes.Attribute(name=name) for name in sorted(names)]


def compatibilities(definition: shapes.TaskDefinition) -> list[str]:
    """Say where a definition can run, by what it holds."""
    if definition.network_mode != "awsvpc":
        return ["EC2"] if _needs_ec2(definition) else ["EXTERNAL", "EC2"]
    found = ["EC2"]
    if next(fargate.objections(definition), None) is None:
        found.append("FARGATE")
    if "MANAGED_INSTANCES" in (definition.requires_compatibilities or []):
        found.append("MANAGED_INSTANCES")
    return found


def _needs_ec2(definition: shapes.TaskDefinition) -> bool:
    return any(
        volume.efs_volume_configuration is not None or volume.configured_at_launch
        for volume in definition.volumes or []
    ) or any(
        requirement.sharing_strategy is not None
        for container in definition.container_definitions or []
        for requirement in container.resource_requirements or []
    )


def _of_task(definition: shapes.TaskDefinition) -> Iterator[str]:
    if definition.network_mode == "awsvpc":
        yield ECS_CAPABILITY + "task-eni"
    if definition.task_role_arn:
        yield CAPABILITY + "task-iam-role"
        if definition.network_mode == "host":
            yield CAPABILITY + "task-iam-role-network-host"
    if definition.pid_mode or definition.ipc_mode:
        yield ECS_CAPABILITY + "pid-ipc-namespace-sharing"
    yield from _of_extras(definition)
    for volume in definition.volumes or []:
        yield from _of_volume(volume)


def _of_extras(definition: shapes.TaskDefinition) -> Iterator[str]:
    if definition.proxy_configuration is not None:
        yield ECS_CAPABILITY + "aws-appmesh"
    if definition.inference_accelerators:
        yield ECS_CAPABILITY + "task-eia"
    if definition.enable_fault_injection:
        yield ECS_CAPABILITY + "fault-injection"


def _of_volume(volume: shapes.Volume) -> Iterator[str]:
    docker, efs = volume.docker_volume_configuration, volume.efs_volume_configuration
    if docker is not None:
        yield f"{CAPABILITY}docker-plugin.{docker.driver or 'local'}"
    if efs is not None:
        yield ECS_CAPABILITY + "efs"
        if efs.authorization_config is not None:
            yield ECS_CAPABILITY + "efsAuth"
    if volume.fsx_windows_file_server_volume_configuration is not None:
        yield ECS_CAPABILITY + "fsxWindowsFileServer"
    if volume.s3files_volume_configuration is not None:
        yield ECS_CAPABILITY + "storage.s3-files"
    if volume.configured_at_launch:
        yield ECS_CAPABILITY + "storage.ebs-task-volume-attach"


def _of_container(container: shapes.ContainerDefinition) -> Iterator[str]:
    if container.health_check:
        yield ECS_CAPABILITY + "container-health-check"
        yield _docker("1.29" if container.health_check.start_period else "1.24")
    if container.depends_on or container.start_timeout or container.stop_timeout:
        yield ECS_CAPABILITY + "container-ordering"
    if container.restart_policy and container.restart_policy.enabled:
        yield ECS_CAPABILITY + "container-restart-policy"
    if container.credential_specs:
        yield ECS_CAPABILITY + "gmsa"


def _of_host(container: shapes.ContainerDefinition) -> Iterator[str]:
    """What a container takes of its host."""
    linux = container.linux_parameters
    if container.memory_reservation:
        yield _docker("1.21")
    if container.privileged:
        yield CAPABILITY + "privileged-container"
    if linux is not None and linux.init_process_enabled:
        yield _docker("1.25")
    if container.ulimits or container.docker_labels:
        yield _docker("1.18")
    if any(each.container_port_range for each in container.port_mappings or []):
        yield ECS_CAPABILITY + "network.container-port-range"


def _of_sources(container: shapes.ContainerDefinition, definition: shapes.TaskDefinition) -> Iterator[str]:
    """What is needed to fetch the image and what the container is given."""
    if _ECR.fullmatch(container.image or ""):
        yield CAPABILITY + "ecr-auth"
        yield _docker("1.19")
        if definition.execution_role_arn:
            yield ECS_CAPABILITY + "execution-role-ecr-pull"
    if container.repository_credentials is not None:
        yield ECS_CAPABILITY + "private-registry-authentication.secretsmanager"
    if container.environment_files:
        yield ECS_CAPABILITY + "env-files.s3"
    for secret in container.secrets or []:
        yield f"{ECS_CAPABILITY}secrets.{_store(secret)}.environment-variables"
    if container.firelens_configuration:
        yield f"{ECS_CAPABILITY}firelens.{container.firelens_configuration.type}"


def _of_log(log: shapes.LogConfiguration | None, definition: shapes.TaskDefinition) -> Iterator[str]:
    if log is None:
        return
    yield f"{CAPABILITY}logging-driver.{log.log_driver}"
    yield _docker("1.18")
    if log.options or log.log_driver == "awslogs":
        yield _docker("1.19")
    if log.log_driver == "awslogs" and definition.execution_role_arn:
        yield ECS_CAPABILITY + "execution-role-awslogs"
    for secret in log.secret_options or []:
        yield f"{ECS_CAPABILITY}secrets.{_store(secret)}.bootstrap.log-driver"


def _store(secret: shapes.Secret) -> str:
    return "asm" if ":secretsmanager:" in (secret.value_from or "") else "ssm"


def _docker(version: str) -> str:
    return f"{CAPABILITY}docker-remote-api.{version}"
