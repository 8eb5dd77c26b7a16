"""Container definition: the defaults ECS writes into it, and what it refuses (spec §5.3)."""

import re
from collections.abc import Iterator

import msgspec

from quarterdeck.engine.core import port_mapping
from quarterdeck.engine.core.errors import ClientException
from quarterdeck.engine.core.turn import valid_name, whole_number
from quarterdeck.events import shapes

MEMORY_MIB_MIN = 6
TIMEOUT_SECONDS_MIN = 2
ENVIRONMENT_FILES_MAX = 10
IGNORED_EXIT_CODES_MAX = 50
CREDENTIAL_SPECS_MAX = 1
SWAPPINESS_MAX = 100
RESTART_PERIOD_SECONDS_DEFAULT = 300
ULIMITS = (
    *("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc"),
    *("rss", "rtprio", "rttime", "sigpending", "stack"),
)
NOT_IN_AWSVPC = {
    "hostname": "hostname",
    "disable_networking": "Disable Networking",
    "links": "links",
    "dns_servers": "dnsServers",
    "dns_search_domains": "dnsSearchDomains",
    "extra_hosts": "extraHosts",
}
"""Members that a task with its own network interface can't have, as ECS's text calls them."""

_SEARCH_DOMAIN = re.compile(r"[a-zA-Z0-9-.]{0,253}[a-zA-Z0-9]")
_IPC_CONTROL = re.compile(r"kernel\.(msg|sem|shm).*|fs\.mqueue\..*")


def complete(container: shapes.ContainerDefinition, network_mode: str | None) -> shapes.ContainerDefinition:
    """Check a container by itself and fill in the defaults that descriptions show."""
    if not container.name:
        raise ClientException("Container.name should not be null or empty.")
    if not valid_name(container.name):
        raise ClientException(f"Container name '{container.name}' contains invalid characters.")
    if not container.image:
        raise ClientException("Container.image should not be null or empty.")
    _check_amounts(container)
    _check_network(container, network_mode)
    _check_limits(container)
    _check_inputs(container)
    return msgspec.structs.replace(
        container,
        cpu=container.cpu or 0,
        essential=True if container.essential is None else container.essential,
        environment=container.environment or [],
        mount_points=container.mount_points or [],
        volumes_from=container.volumes_from or [],
        port_mappings=port_mapping.complete(container, network_mode),
        system_controls=container.system_controls or [],
        health_check=_health_check(container),
        restart_policy=_restart_policy(container),
    )


def check_sizes(definition: shapes.TaskDefinition) -> None:
    """Check each container's size against the task's."""
    containers = definition.container_definitions or []
    if definition.cpu and sum(each.cpu or 0 for each in containers) > int(definition.cpu):
        raise ClientException(
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'."
        )
    for each in containers:
        _check_memory(each, int(definition.memory) if definition.memory else None)


def check_roles(definition: shapes.TaskDefinition) -> None:
    """Check that what is fetched for a container comes with the role to fetch it with."""
    for container in definition.container_definitions or []:
        log = container.log_configuration
        if container.secrets or (log is not None and log.secret_options):
            _need_execution_role(definition, "container secrets")
        if container.repository_credentials is not None:
            _need_execution_role(definition, "repository credentials")


def check_system_controls(definition: shapes.TaskDefinition) -> None:
    """Check that no kernel parameter is set that the task shares with its host."""
    for container in definition.container_definitions or []:
        for control in container.system_controls or []:
            name = control.namespace or ""
            if name.startswith("net.") and definition.network_mode == "host":
                raise ClientException(f"The system control '{name}' is not supported when networkMode=host.")
            if definition.ipc_mode == "host" and _IPC_CONTROL.fullmatch(name):
                raise ClientException(f"The system control '{name}' is not supported when ipcMode=host.")


def out_of_range(member: str, container: str | None, low: int, high: int) -> ClientException:
    """Say that a number is not one it may be."""
    return ClientException(f"the '{member}' setting for container '{container}' must be between {low} and {high}")


def _need_execution_role(definition: shapes.TaskDefinition, what: str) -> None:
    if not definition.execution_role_arn:
        raise ClientException(f"When you are specifying {what}, you must also specify a value for 'executionRoleArn'.")


def _check_amounts(container: shapes.ContainerDefinition) -> None:
    if (container.cpu or 0) < 0:
        raise ClientException(f"Invalid 'cpu' setting for container '{container.name}'.")
    for amount, member in ((container.memory, "memory"), (container.memory_reservation, "memoryReservation")):
        if amount is not None and amount < MEMORY_MIB_MIN:
            raise ClientException(
                f"Invalid '{member}' setting for container '{container.name}'. "
                f"'{member}' must be at least {MEMORY_MIB_MIN}."
            )


def _check_memory(container: shapes.ContainerDefinition, task_memory: int | None) -> None:
    hard, soft = container.memory, container.memory_reservation
    if hard is not None and soft is not None and hard < soft:
        raise ClientException(
            f"Invalid setting for container '{container.name}'. "
            "'memory' must be greater than or equal to 'memoryReservation'."
        )
    if task_memory is None and hard is None and soft is None:
        raise ClientException(
            f"Invalid setting for container '{container.name}'. "
            "At least one of 'memory' or 'memoryReservation' must be specified."
        )
    if task_memory is not None and hard is not None and hard > task_memory:
        raise ClientException(f"The 'memory' setting for container '{container.name}' is greater than for the task.")


def _check_network(container: shapes.ContainerDefinition, network_mode: str | None) -> None:
    if network_mode == "awsvpc":
        for member, words in NOT_IN_AWSVPC.items():
            if getattr(container, member):
                raise ClientException(f"{words} is not supported on container when networkMode=awsvpc.")
    if container.links and network_mode not in {None, "bridge"}:
        raise ClientException(f"links is not supported on container when networkMode={network_mode}.")
    for domain in container.dns_search_domains or []:
        if not _SEARCH_DOMAIN.fullmatch(domain):
            raise ClientException(f"Invalid 'dnsSearchDomains' setting for container '{container.name}': '{domain}'.")


def _check_limits(container: shapes.ContainerDefinition) -> None:
    for limit in container.ulimits or []:
        if limit.name not in ULIMITS:
            raise ClientException(f"ulimit name should be one of [{','.join(ULIMITS)}], not '{limit.name}'.")
        soft, hard = limit.soft_limit or 0, limit.hard_limit or 0
        if hard >= 0 and (soft < 0 or soft > hard):
            raise ClientException(
                f"Invalid 'ulimits' setting for container '{container.name}': "
                f"the soft limit of {limit.name} is greater than the hard limit."
            )
    for seconds, word in ((container.start_timeout, "start"), (container.stop_timeout, "stop")):
        if seconds is not None and seconds < TIMEOUT_SECONDS_MIN:
            raise ClientException(
                f"Granular {word} timeout on container '{container.name}' "
                f"must be at least {TIMEOUT_SECONDS_MIN} seconds."
            )
    _check_linux_sizes(container, container.linux_parameters or shapes.LinuxParameters())


def _check_linux_sizes(container: shapes.ContainerDefinition, linux: shapes.LinuxParameters) -> None:
    if linux.swappiness is not None and not 0 <= linux.swappiness <= SWAPPINESS_MAX:
        raise out_of_range("swappiness", container.name, 0, SWAPPINESS_MAX)
    sizes = [("maxSwap", linux.max_swap, 0), ("sharedMemorySize", linux.shared_memory_size, 1)]
    for member, size, least in (*sizes, *(("tmpfs", each.size, 1) for each in linux.tmpfs or [])):
        if size is not None and size < least:
            raise ClientException(
                f"Invalid '{member}' setting for container '{container.name}': it must be at least {least} MiB."
            )


def _check_inputs(container: shapes.ContainerDefinition) -> None:
    for need in container.resource_requirements or []:
        if need.type == "GPU" and not whole_number(need.value or ""):
            raise ClientException(
                f"Invalid 'resourceRequirements' setting for container '{container.name}': GPU must be at least 1."
            )
    for said, most, member in (
        (container.environment_files, ENVIRONMENT_FILES_MAX, "environmentFiles"),
        (container.credential_specs, CREDENTIAL_SPECS_MAX, "credentialSpecs"),
    ):
        if len(said or []) > most:
            raise ClientException(f"Too many {member} for container '{container.name}': at most {most} are allowed.")
    for file in container.environment_files or []:
        if file.type != "s3":
            raise ClientException(f"Invalid 'environmentFiles' setting for container '{container.name}': type is s3.")
    if container.version_consistency not in {None, "enabled", "disabled"}:
        raise ClientException("versionConsistency should be one of [enabled,disabled]")


def _health_check(container: shapes.ContainerDefinition) -> shapes.HealthCheck | None:
    check = container.health_check
    if check is None:
        return None
    if not check.command or check.command[0] not in {"CMD", "CMD-SHELL"}:
        raise ClientException(
            f"Invalid 'healthCheck' setting for container '{container.name}': "
            "the command must start with CMD or CMD-SHELL."
        )
    full = msgspec.structs.replace(
        check,
        interval=30 if check.interval is None else check.interval,
        timeout=5 if check.timeout is None else check.timeout,
        retries=3 if check.retries is None else check.retries,
    )
    for member, value, low, high in _health_ranges(full):
        if not low <= value <= high:
            raise out_of_range(member, container.name, low, high)
    return full


def _health_ranges(check: shapes.HealthCheck) -> Iterator[tuple[str, int, int, int]]:
    yield "interval", check.interval or 0, 5, 300
    yield "timeout", check.timeout or 0, 2, 60
    yield "retries", check.retries or 0, 1, 10
    yield "startPeriod", check.start_period or 0, 0, 300


def _restart_policy(container: shapes.ContainerDefinition) -> shapes.ContainerRestartPolicy | None:
    policy = container.restart_policy
    if policy is None:
        return None
    period = policy.restart_attempt_period
    period = RESTART_PERIOD_SECONDS_DEFAULT if period is None and policy.enabled else period
    if period is not None and not 60 <= period <= 1800:
        raise out_of_range("restartAttemptPeriod", container.name, 60, 1800)
    if len(policy.ignored_exit_codes or []) > IGNORED_EXIT_CODES_MAX:
        raise ClientException(
            f"Too many ignoredExitCodes for container '{container.name}': at most {IGNORED_EXIT_CODES_MAX} are allowed."
        )
    return msgspec.structs.replace(policy, restart_attempt_period=period)
