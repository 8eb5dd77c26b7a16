"""Translate: from a wanted task to the containers a runtime is to run. Pure (spec §5.2 to §5.6)."""

from collections.abc import Iterator

from quarterdeck.agents import labels
from quarterdeck.agents.plan import Condition, ContainerPlan, Dependency, RestartPolicy, TaskPlan
from quarterdeck.agents.runtimes.port import ContainerSpec, HealthCheck, Mount, NetworkMode, PortMapping
from quarterdeck.events import shapes
from quarterdeck.events.names import short_name
from quarterdeck.events.wanted import WantedTask

CPU_SHARES_MIN = 2
CPU_UNITS_PER_CPU = 1024
TASK_DIGITS = 12
HEALTH_INTERVAL_SECONDS, HEALTH_TIMEOUT_SECONDS, HEALTH_RETRIES = 30, 5, 3
NAME_CHARACTERS_MAX = 64
"""Of a family, and of a container, in the name of a container: a runtime may allow 200 in all."""

NETWORK_MODES: dict[str, NetworkMode] = {"bridge": "bridge", "host": "host", "none": "none"}
CONDITIONS: dict[str, Condition] = {
    "START": "START",
    "COMPLETE": "COMPLETE",
    "SUCCESS": "SUCCESS",
    "HEALTHY": "HEALTHY",
}

# Members that would change what a container is and do, and that no runtime here carries out.
UNSUPPORTED = (
    "links",
    "volumes_from",
    "environment_files",
    "secrets",
    "linux_parameters",
    "disable_networking",
    "privileged",
    "readonly_root_filesystem",
    "dns_servers",
    "dns_search_domains",
    "extra_hosts",
    "docker_security_options",
    "interactive",
    "pseudo_terminal",
    "ulimits",
    "system_controls",
    "resource_requirements",
    "firelens_configuration",
    "repository_credentials",
    "credential_specs",
)

UNSUPPORTED_VOLUMES = (
    "efs_volume_configuration",
    "fsx_windows_file_server_volume_configuration",
    "s3files_volume_configuration",
    "configured_at_launch",
)


class Untranslatable(Exception):
    """The definition asks for something that is not carried out here; the text is the task's stopped reason."""


def translate(wanted: WantedTask, arn: str, cluster: str, container_instance: str) -> TaskPlan:
    """Plan a task's containers, in the order of the definition. Raises Untranslatable."""
    definition = wanted.definition or shapes.TaskDefinition()
    _check_task(definition)
    volumes = dict(_volumes(definition, short_name(arn)))
    common = {
        labels.CLUSTER: cluster,
        labels.TASK_ARN: arn,
        labels.FAMILY: definition.family or "",
        labels.REVISION: str(definition.revision or ""),
        labels.CONTAINER_INSTANCE: container_instance,
    }
    if own := [volume.source for volume, of_task in volumes.values() if of_task]:
        common[labels.TASK_VOLUMES] = ",".join(own)
    mounts = {name: volume for name, (volume, _) in volumes.items()}
    overrides = wanted.overrides or shapes.TaskOverride()
    by_name = {each.name: each for each in overrides.container_overrides or []}
    containers = [
        _override(container, by_name.get(container.name)) for container in definition.container_definitions or []
    ]
    return TaskPlan(
        containers=tuple(
            _container(definition, overrides, container, index, common, mounts)
            for index, container in enumerate(containers)
        )
    )


def _check_task(definition: shapes.TaskDefinition) -> None:
    if (definition.network_mode or "bridge") not in NETWORK_MODES:
        raise Untranslatable(f"HostConfigError: network mode {definition.network_mode} is not supported here")
    if definition.pid_mode or definition.ipc_mode:
        raise Untranslatable("HostConfigError: pidMode and ipcMode are not supported here")


def _override(
    container: shapes.ContainerDefinition, override: shapes.ContainerOverride | None
) -> shapes.ContainerDefinition:
    if override is None:
        return container
    changes = {
        member: getattr(override, member)
        for member in ("command", "cpu", "memory", "memory_reservation", "environment_files", "resource_requirements")
        if getattr(override, member) is not None
    }
    environment = [*(container.environment or []), *(override.environment or [])]
    return _replaced(container, environment=environment, **changes)


def _replaced(container: shapes.ContainerDefinition, **changes: object) -> shapes.ContainerDefinition:
    values = {field: getattr(container, field) for field in container.__struct_fields__}
    return shapes.ContainerDefinition(**{**values, **changes})


def _container(
    definition: shapes.TaskDefinition,
    overrides: shapes.TaskOverride,
    container: shapes.ContainerDefinition,
    index: int,
    common: dict[str, str],
    mounts: dict[str, Mount],
) -> ContainerPlan:
    _check_container(container)
    return ContainerPlan(
        name=container.name or "",
        spec=_spec(definition, overrides, container, index, common, mounts),
        essential=container.essential is not False,
        after=tuple(_dependencies(container)),
        start_timeout_seconds=container.start_timeout,
        stop_timeout_seconds=container.stop_timeout,
        restart=_restart(container.restart_policy),
    )


def _restart(policy: shapes.ContainerRestartPolicy | None) -> RestartPolicy | None:
    if policy is None or not policy.enabled:
        return None
    return RestartPolicy(float(policy.restart_attempt_period or 0), frozenset(policy.ignored_exit_codes or ()))


def _health_check(check: shapes.HealthCheck | None) -> HealthCheck | None:
    if check is None:
        return None
    return HealthCheck(
        command=tuple(check.command or ()),
        interval_seconds=float(check.interval or HEALTH_INTERVAL_SECONDS),
        timeout_seconds=float(check.timeout or HEALTH_TIMEOUT_SECONDS),
        retries=check.retries or HEALTH_RETRIES,
        start_period_seconds=float(check.start_period or 0),
    )


def _spec(
    definition: shapes.TaskDefinition,
    overrides: shapes.TaskOverride,
    container: shapes.ContainerDefinition,
    index: int,
    common: dict[str, str],
    mounts: dict[str, Mount],
) -> ContainerSpec:
    cpu, memory = overrides.cpu or definition.cpu, overrides.memory or definition.memory
    log = container.log_configuration
    return ContainerSpec(
        name=unique_name(definition, container.name or "", index, short_name(common[labels.TASK_ARN])),
        image=container.image or "",
        command=_texts(container.command),
        entry_point=_texts(container.entry_point),
        environment={each.name: each.value or "" for each in container.environment or [] if each.name},
        labels={**(container.docker_labels or {}), **common, labels.CONTAINER_NAME: container.name or ""},
        cpu_shares=max(container.cpu or 0, CPU_SHARES_MIN),
        # A task's size bounds all its containers together; here it bounds each, and the sum is not watched.
        cpu_limit=int(cpu) / CPU_UNITS_PER_CPU if cpu else None,
        memory_mib=container.memory or (int(memory) if memory else None),
        memory_reservation_mib=container.memory_reservation,
        ports=tuple(_ports(definition, container)),
        mounts=tuple(_mounts(container, mounts)),
        user=container.user,
        working_directory=container.working_directory,
        hostname=container.hostname or None,
        network_mode=NETWORK_MODES[definition.network_mode or "bridge"],
        log_driver=log.log_driver if log is not None else None,
        log_options=(log.options or {}) if log is not None else {},
        health_check=_health_check(container.health_check),
    )


def unique_name(definition: shapes.TaskDefinition, name: str, index: int, task: str) -> str:
    """Name a container or volume of a task so that people recognize it, and no two have the same."""
    short = name[:NAME_CHARACTERS_MAX] + (f"-{index}" if len(name) > NAME_CHARACTERS_MAX else "")
    family = (definition.family or "")[:NAME_CHARACTERS_MAX]
    return f"ecs-{family}-{definition.revision}-{short}-{task[:TASK_DIGITS]}"


def _check_container(container: shapes.ContainerDefinition) -> None:
    asked = [member for member in UNSUPPORTED if getattr(container, member)]
    if container.log_configuration is not None and container.log_configuration.secret_options:
        asked.append("secret_options")
    if asked:
        names = ", ".join(_camel(member) for member in asked)
        raise Untranslatable(
            f"HostConfigError: container {container.name} asks for what is not supported here: {names}"
        )


def _camel(member: str) -> str:
    head, *rest = member.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _dependencies(container: shapes.ContainerDefinition) -> Iterator[Dependency]:
    for each in container.depends_on or []:
        condition = CONDITIONS.get(each.condition or "")
        if condition is None:
            raise Untranslatable(
                f"TaskDependencyError: container {container.name} depends on {each.container_name} "
                f"with condition {each.condition}, which is not supported here"
            )
        yield Dependency(each.container_name or "", condition)


def _ports(definition: shapes.TaskDefinition, container: shapes.ContainerDefinition) -> Iterator[PortMapping]:
    for each in container.port_mappings or []:
        if each.container_port_range is not None:
            raise Untranslatable(f"HostConfigError: container {container.name}: port ranges are not supported here")
        port = each.container_port or 0
        host = port if definition.network_mode == "host" else each.host_port or 0
        yield PortMapping(port, host, each.protocol or "tcp")


def _mounts(container: shapes.ContainerDefinition, mounts: dict[str, Mount]) -> Iterator[Mount]:
    for each in container.mount_points or []:
        volume = mounts[each.source_volume or ""]
        yield Mount(volume.source, each.container_path or "", bool(each.read_only), volume.kind)


def _volumes(definition: shapes.TaskDefinition, task: str) -> Iterator[tuple[str, tuple[Mount, bool]]]:
    """The volumes by name, each as a mount without target, and whether it ends with the task."""
    for index, volume in enumerate(definition.volumes or []):
        name = volume.name or ""
        docker = volume.docker_volume_configuration
        if any(getattr(volume, member) for member in UNSUPPORTED_VOLUMES):
            raise Untranslatable(f"HostConfigError: volume {name} is of a kind that is not supported here")
        if docker is not None and (docker.driver not in {None, "local"} or docker.driver_opts or docker.labels):
            raise Untranslatable(f"CannotCreateVolumeError: volume {name}: only plain local volumes are supported here")
        if volume.host is not None and volume.host.source_path:
            yield name, (Mount(volume.host.source_path, "", kind="bind"), False)
        elif docker is not None and docker.scope == "shared":
            yield name, (Mount(name, "", kind="volume"), False)
        else:
            yield name, (Mount(unique_name(definition, name, index, task), "", kind="volume"), True)


def _texts(texts: list[str] | None) -> tuple[str, ...] | None:
    return tuple(texts) if texts else None
