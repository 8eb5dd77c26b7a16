"""Container options: what ECS refuses of a container beside its size and ports (spec §5.3, §5.6)."""

from collections.abc import Iterator

from quarterdeck.engine.core.errors import ClientException
from quarterdeck.events import shapes

TIMEOUT_SECONDS_MIN = 2
RESTART_PERIOD_SECONDS_MIN, RESTART_PERIOD_SECONDS_MAX = 60, 1800
AWSLOGS_OPTIONS = ("awslogs-region", "awslogs-group")
AWSVPC_REFUSES = {
    "hostname": "hostname",
    "disable_networking": "Disable Networking",
    "links": "links",
    "dns_servers": "dnsServers",
    "dns_search_domains": "dnsSearchDomains",
    "extra_hosts": "extraHosts",
}
CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")


def check_options(definition: shapes.TaskDefinition) -> None:
    """Check each container, then what containers say of one another."""
    containers = {each.name or "": each for each in definition.container_definitions or []}
    for each in containers.values():
        _check_times(each)
        _check_network(each, definition)
        _check_log(each, definition)
        if each.secrets and not definition.execution_role_arn:
            raise ClientException(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        for dependency in each.depends_on or []:
            _check_dependency(containers, dependency)
    _check_firelens(containers)
    _check_order(containers)


def _check_times(container: shapes.ContainerDefinition) -> None:
    for seconds, which in ((container.stop_timeout, "stop"), (container.start_timeout, "start")):
        if seconds is not None and seconds < TIMEOUT_SECONDS_MIN:
            raise ClientException(
                f"Granular {which} timeout on container '{container.name}' "
                f"must be at least {TIMEOUT_SECONDS_MIN} seconds."
            )
    period = container.restart_policy.restart_attempt_period if container.restart_policy else None
    if period is not None and not RESTART_PERIOD_SECONDS_MIN <= period <= RESTART_PERIOD_SECONDS_MAX:
        raise ClientException(
            f"the 'restartAttemptPeriod' setting for container '{container.name}' "
            f"must be between {RESTART_PERIOD_SECONDS_MIN} and {RESTART_PERIOD_SECONDS_MAX}"
        )


def _check_network(container: shapes.ContainerDefinition, definition: shapes.TaskDefinition) -> None:
    if definition.network_mode != "awsvpc":
        return
    for member, words in AWSVPC_REFUSES.items():
        if getattr(container, member):
            raise ClientException(f"{words} is not supported on container when networkMode=awsvpc.")


def _check_log(container: shapes.ContainerDefinition, definition: shapes.TaskDefinition) -> None:
    log = container.log_configuration
    if log is None:
        return
    if log.log_driver == "awslogs" and not all((log.options or {}).get(name) for name in AWSLOGS_OPTIONS):
        raise ClientException(f"Log driver awslogs requires options: {', '.join(AWSLOGS_OPTIONS)}")
    if log.secret_options and not definition.execution_role_arn:
        raise ClientException(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
        )


def _check_firelens(containers: dict[str, shapes.ContainerDefinition]) -> None:
    logs = [each.log_configuration for each in containers.values() if each.log_configuration]
    logging = any(each.log_driver == "awsfirelens" for each in logs)
    routing = any(each.firelens_configuration for each in containers.values())
    if logging and not routing:
        raise ClientException(
            "When awsfirelens log driver is specified in log configuration, "
            "a firelens configuration object must be specified."
        )
    if routing and not logging:
        raise ClientException(
            "When a firelensConfiguration object is specified, at least one container has to be configured "
            "with the awsfirelens log driver"
        )


def _check_dependency(
    containers: dict[str, shapes.ContainerDefinition], dependency: shapes.ContainerDependency
) -> None:
    other = containers.get(dependency.container_name or "")
    if other is None:
        raise ClientException(f"Cannot depend on container + '{dependency.container_name}' because it does not exist")
    if dependency.condition not in CONDITIONS:
        raise ClientException(f"Container dependsOn condition should be one of [{','.join(CONDITIONS)}]")
    if dependency.condition in {"SUCCESS", "COMPLETE"} and other.essential:
        raise ClientException(
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
        )
    if dependency.condition == "HEALTHY" and other.health_check is None:
        raise ClientException("A dependency container with HEALTHY condition must have health check configured")


def _check_order(containers: dict[str, shapes.ContainerDefinition]) -> None:
    """Take away, again and again, the containers that wait for none of those left: a cycle stays."""
    waiting = {name: set(_dependencies(each)) & set(containers) for name, each in containers.items()}
    while ready := {name for name, others in waiting.items() if not others}:
        waiting = {name: others - ready for name, others in waiting.items() if name not in ready}
    if waiting:
        raise ClientException("Container dependsOn contains a cycle")


def _dependencies(container: shapes.ContainerDefinition) -> Iterator[str]:
    """Links and volumesFrom order the start as ``dependsOn START`` does."""
    yield from (each.container_name or "" for each in container.depends_on or [])
    yield from (each.partition(":")[0] for each in container.links or [])
    yield from (each.source_container or "" for each in container.volumes_from or [])
