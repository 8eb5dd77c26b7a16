"""Translate: from a wanted task to the containers a runtime is to run. Pure (spec §5.2 to §5.6)."""

from collections.abc import Iterator
from typing import NamedTuple

from quarterdeck.agents import labels
from quarterdeck.agents.naming import unique_name
from quarterdeck.agents.options import Family, anchor, needed, options
from quarterdeck.agents.pause import with_pause
from quarterdeck.agents.plan import Condition, ContainerPlan, Dependency, Needs, RestartPolicy, TaskPlan
from quarterdeck.agents.runtimes.health import HealthCheck
from quarterdeck.agents.runtimes.port import ContainerSpec, NetworkMode, PortMapping, TaskBounds
from quarterdeck.agents.untranslatable import Untranslatable
from quarterdeck.agents.volumes import Held, mounts, volumes
from quarterdeck.events import shapes
from quarterdeck.events.names import short_name
from quarterdeck.events.wanted import WantedTask

CPU_SHARES_MIN = 2
CPU_UNITS_PER_CPU = 1024
HEALTH_INTERVAL_SECONDS, HEALTH_TIMEOUT_SECONDS, HEALTH_RETRIES = 30, 5, 3

NETWORK_MODES: dict[str, NetworkMode] = {"bridge": "bridge", "host": "host", "none": "none", "awsvpc": "bridge"}
"""Containers of awsvpc are then put into the network of their task."""
CONDITIONS: dict[str, Condition] = {
    "START": "START",
    "COMPLETE": "COMPLETE",
    "SUCCESS": "SUCCESS",
    "HEALTHY": "HEALTHY",
}

# Members that would change what a container is and do, and that no runtime here carries out.
UNSUPPORTED = (
    "resource_requirements",
    "firelens_configuration",
    "credential_specs",
)


def translate(wanted: WantedTask, arn: str, cluster: str, container_instance: str) -> TaskPlan:
    """Plan a task's containers, in the order of the definition. Raises Untranslatable."""
    definition = wanted.definition or shapes.TaskDefinition()
    _check_task(definition)
    task = short_name(arn)
    held = volumes(definition, task)
    common = {
        labels.CLUSTER: cluster,
        labels.TASK_ARN: arn,
        labels.FAMILY: definition.family or "",
        labels.REVISION: str(definition.revision or ""),
        labels.CONTAINER_INSTANCE: container_instance,
        # Also where there are none: an image, or dockerLabels, could name others' volumes.
        labels.TASK_VOLUMES: ",".join(each.mount.source for each in held.values() if each.of_task),
    }
    site = Site(definition, _bounds(wanted, task), _family(definition, task), common, held)
    overrides = wanted.overrides or shapes.TaskOverride()
    by_name = {each.name: each for each in overrides.container_overrides or []}
    containers = definition.container_definitions or []
    plans = tuple(_container(site, _override(each, by_name.get(each.name))) for each in containers)
    if definition.network_mode == "awsvpc":
        plans = with_pause(plans, task, common, wanted.network_configuration)
    return TaskPlan(containers=plans)


class Site(NamedTuple):
    """The task that containers are planned for."""

    definition: shapes.TaskDefinition
    bounds: TaskBounds | None
    family: Family
    common: dict[str, str]
    volumes: dict[str, Held]

    @property
    def shares_namespaces(self) -> bool:
        """Whether its containers live in the namespaces of one of them."""
        return "task" in {self.definition.pid_mode, self.definition.ipc_mode}


def _check_task(definition: shapes.TaskDefinition) -> None:
    if (definition.network_mode or "bridge") not in NETWORK_MODES:
        raise Untranslatable(f"HostConfigError: network mode {definition.network_mode} is not supported here")
    if "task" in {definition.pid_mode, definition.ipc_mode} and anchor(definition) is None:
        raise Untranslatable(
            "HostConfigError: pidMode and ipcMode task need an essential container that depends on no other"
        )


def _family(definition: shapes.TaskDefinition, task: str) -> Family:
    containers = enumerate(definition.container_definitions or [])
    names = {each.name or "": unique_name(definition, each.name or "", index, task) for index, each in containers}
    return Family(names, anchor(definition) or "")


def _bounds(wanted: WantedTask, task: str) -> TaskBounds | None:
    definition, overrides = wanted.definition or shapes.TaskDefinition(), wanted.overrides or shapes.TaskOverride()
    cpu, memory = overrides.cpu or definition.cpu, overrides.memory or definition.memory
    if not (cpu or memory):
        return None
    return TaskBounds(task, int(cpu) / CPU_UNITS_PER_CPU if cpu else None, int(memory) if memory else None)


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


def _container(site: Site, container: shapes.ContainerDefinition) -> ContainerPlan:
    _check_container(container)
    return ContainerPlan(
        name=container.name or "",
        spec=_spec(site, container),
        essential=container.essential is not False,
        after=tuple(_dependencies(site, container)),
        start_timeout_seconds=container.start_timeout,
        stop_timeout_seconds=container.stop_timeout,
        needs=_needs(container),
        restart=_restart(container.restart_policy),
    )


def _needs(container: shapes.ContainerDefinition) -> Needs:
    log, registry = container.log_configuration, container.repository_credentials
    return Needs(
        secrets=_sources(container.secrets),
        log_options=_sources(log.secret_options if log is not None else None),
        environment_files=tuple(each.value for each in container.environment_files or [] if each.value),
        registry_credentials=(registry.credentials_parameter if registry is not None else None) or "",
    )


def _sources(secrets: list[shapes.Secret] | None) -> dict[str, str]:
    return {each.name: each.value_from or "" for each in secrets or [] if each.name}


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


def _spec(site: Site, container: shapes.ContainerDefinition) -> ContainerSpec:
    name, log = container.name or "", container.log_configuration
    return ContainerSpec(
        name=site.family.names[name],
        image=container.image or "",
        command=_texts(container.command),
        entry_point=_texts(container.entry_point),
        environment={each.name: each.value or "" for each in container.environment or [] if each.name},
        labels={**(container.docker_labels or {}), **site.common, labels.CONTAINER_NAME: name},
        cpu_shares=max(container.cpu or 0, CPU_SHARES_MIN),
        memory_mib=container.memory,
        bounds=site.bounds,
        memory_reservation_mib=container.memory_reservation,
        ports=tuple(_ports(site.definition, container)),
        mounts=tuple(mounts(container, site.volumes)),
        user=container.user,
        working_directory=container.working_directory,
        hostname=container.hostname or None,
        network_mode=NETWORK_MODES[site.definition.network_mode or "bridge"],
        log_driver=log.log_driver if log is not None else None,
        log_options=(log.options or {}) if log is not None else {},
        health_check=_health_check(container.health_check),
        options=options(site.definition, container, site.family),
    )


def _check_container(container: shapes.ContainerDefinition) -> None:
    asked = [member for member in UNSUPPORTED if getattr(container, member)]
    if asked:
        names = ", ".join(_camel(member) for member in asked)
        raise Untranslatable(
            f"HostConfigError: container {container.name} asks for what is not supported here: {names}"
        )


def _camel(member: str) -> str:
    head, *rest = member.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _dependencies(site: Site, container: shapes.ContainerDefinition) -> Iterator[Dependency]:
    for each in container.depends_on or []:
        condition = CONDITIONS.get(each.condition or "")
        if condition is None:
            raise Untranslatable(
                f"TaskDependencyError: container {container.name} depends on {each.container_name} "
                f"with condition {each.condition}, which is not supported here"
            )
        yield Dependency(each.container_name or "", condition)
    for name in needed(container):
        yield Dependency(name, "START")
    if site.shares_namespaces and container.name != site.family.anchor:
        yield Dependency(site.family.anchor, "START")


def _ports(definition: shapes.TaskDefinition, container: shapes.ContainerDefinition) -> Iterator[PortMapping]:
    for each in container.port_mappings or []:
        protocol = each.protocol or "tcp"
        if each.container_port_range is not None:
            first, _, last = each.container_port_range.partition("-")
            yield PortMapping(int(first), 0, protocol, count=int(last) - int(first) + 1)
            continue
        port = each.container_port or 0
        yield PortMapping(port, port if definition.network_mode == "host" else each.host_port or 0, protocol)


def _texts(texts: list[str] | None) -> tuple[str, ...] | None:
    return tuple(texts) if texts else None
