"""Fargate: what a task definition must be to run there; nothing runs there here, but definitions say so (spec §5.2)."""

from collections.abc import Iterator

from quarterdeck.events import shapes

STOP_TIMEOUT_SECONDS_MAX = 120
STORAGE_GIB_MIN, STORAGE_GIB_MAX = 21, 200
MEMORY_MIB: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}
"""By CPU units, the sizes a task may have."""


def objections(definition: shapes.TaskDefinition) -> Iterator[str]:
    """Say in ECS's words what keeps a definition from running on Fargate, its size aside."""
    if definition.network_mode != "awsvpc":
        yield "Fargate only supports network mode ‘awsvpc’."  # noqa: RUF001 - as ECS writes it
    if definition.pid_mode == "host" or definition.ipc_mode:
        yield "Fargate compatible task definitions do not support sharing namespaces with the host."
    for volume in definition.volumes or []:
        if (volume.host is not None and volume.host.source_path) or volume.docker_volume_configuration is not None:
            yield f"Fargate compatible task definitions do not support volume '{volume.name}': host.sourcePath."
    for container in definition.container_definitions or []:
        yield from _of_container(container)


def size_objections(definition: shapes.TaskDefinition) -> Iterator[str]:
    """Say in ECS's words what is wrong with a task's size for Fargate."""
    for amount, member in ((definition.cpu, "cpu"), (definition.memory, "memory")):
        if not amount:
            yield f"Fargate requires that '{member}' be defined at the task level."
    if definition.cpu and definition.memory and int(definition.memory) not in MEMORY_MIB.get(int(definition.cpu), ()):
        yield (
            f"No Fargate configuration exists for given values: {definition.cpu} CPU, {definition.memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )


def _of_container(container: shapes.ContainerDefinition) -> Iterator[str]:
    if container.privileged:
        yield "Fargate requires that the 'privileged' setting be 'false'"
    if container.links:
        yield "Fargate compatible task definitions do not support links"
    linux = container.linux_parameters
    if linux is not None and linux.devices:
        yield "Fargate compatible task definitions do not support devices"
    if linux is not None and (linux.shared_memory_size or linux.tmpfs or linux.max_swap is not None):
        yield "Fargate compatible task definitions do not support sharedMemorySize, tmpfs or maxSwap"
    if container.docker_security_options:
        yield "Fargate compatible task definitions do not support dockerSecurityOptions"
    if (container.stop_timeout or 0) > STOP_TIMEOUT_SECONDS_MAX:
        name, most = container.name, STOP_TIMEOUT_SECONDS_MAX
        yield f"Granular stop timeout on container '{name}' must be at most {most} seconds."
    if any(each.type == "GPU" for each in container.resource_requirements or []):
        yield "Fargate compatible task definitions do not support GPU"
