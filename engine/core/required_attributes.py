"""Required attributes: what a task definition demands of an instance's capabilities (spec §5.7)."""

from collections.abc import Iterator

from quarterdeck.events import shapes

CAPABILITY = "com.amazonaws.ecs.capability."
ECS_CAPABILITY = "ecs.capability."


def required_attributes(definition: shapes.TaskDefinition) -> list[shapes.Attribute]:
    """List the attributes an instance must have, sorted, each once."""
    names = set(_of_task(definition))
    for container in definition.container_definitions or []:
        names.update(_of_container(container))
        names.update(_of_log(container.log_configuration, definition))
    return [shapes.Attribute(name=name) for name in sorted(names)]


def compatibilities(definition: shapes.TaskDefinition) -> list[str]:
    """Say where a definition can run."""
    return ["EC2", "FARGATE"] if definition.network_mode == "awsvpc" else ["EXTERNAL", "EC2"]


def _of_task(definition: shapes.TaskDefinition) -> Iterator[str]:
    if definition.network_mode == "awsvpc":
        yield ECS_CAPABILITY + "task-eni"
    if definition.task_role_arn:
        yield CAPABILITY + "task-iam-role"
        if definition.network_mode == "host":
            yield CAPABILITY + "task-iam-role-network-host"
    if definition.pid_mode or definition.ipc_mode:
        yield ECS_CAPABILITY + "pid-ipc-namespace-sharing"
    for volume in definition.volumes or []:
        docker = volume.docker_volume_configuration
        if docker is not None:
            yield f"{CAPABILITY}docker-plugin.{docker.driver or 'local'}"


def _of_container(container: shapes.ContainerDefinition) -> Iterator[str]:  # noqa: C901 - a table, row by row
    linux = container.linux_parameters
    if container.memory_reservation:
        yield _docker("1.21")
    if container.health_check:
        yield ECS_CAPABILITY + "container-health-check"
        yield _docker("1.29" if container.health_check.start_period else "1.24")
    if container.depends_on or container.start_timeout or container.stop_timeout:
        yield ECS_CAPABILITY + "container-ordering"
    if container.privileged:
        yield CAPABILITY + "privileged-container"
    if linux is not None and linux.init_process_enabled:
        yield _docker("1.25")
    if container.ulimits or container.docker_labels:
        yield _docker("1.18")
    if container.restart_policy and container.restart_policy.enabled:
        yield ECS_CAPABILITY + "container-restart-policy"
    if container.environment_files:
        yield ECS_CAPABILITY + "env-files.s3"
    for secret in container.secrets or []:
        store = "asm" if ":secretsmanager:" in (secret.value_from or "") else "ssm"
        yield f"{ECS_CAPABILITY}secrets.{store}.environment-variables"
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


def _docker(version: str) -> str:
    return f"{CAPABILITY}docker-remote-api.{version}"
