"""Log configuration: which drivers there are, and what they need (spec §5.3)."""

from quarterdeck.engine.core.errors import ClientException
from quarterdeck.events import shapes

DRIVERS = ("json-file", "syslog", "journald", "gelf", "fluentd", "awslogs", "splunk", "awsfirelens")
AWSLOGS_NEEDS = ("awslogs-region", "awslogs-group")
ROUTERS_MAX = 1


def check(definition: shapes.TaskDefinition) -> None:
    """Check each container's driver, and that a log router and those who use it come together."""
    containers = definition.container_definitions or []
    for container in containers:
        if container.log_configuration is not None:
            _check_driver(container.log_configuration)
    used = any(each.log_configuration and each.log_configuration.log_driver == "awsfirelens" for each in containers)
    routers = [each for each in containers if each.firelens_configuration is not None]
    if used and not routers:
        raise ClientException(
            "When awsfirelens log driver is specified in log configuration, "
            "a firelens configuration object must be specified."
        )
    if routers and not used:
        raise ClientException(
            "When a firelensConfiguration object is specified, "
            "at least one container has to be configured with the awsfirelens log driver"
        )
    if len(routers) > ROUTERS_MAX:
        raise ClientException("Only one container can have a firelensConfiguration object.")


def _check_driver(log: shapes.LogConfiguration) -> None:
    if log.log_driver not in DRIVERS:
        raise ClientException(f"logDriver should be one of [{','.join(DRIVERS)}]")
    if log.log_driver == "awslogs" and not all((log.options or {}).get(name) for name in AWSLOGS_NEEDS):
        raise ClientException(f"Log driver awslogs requires options: {', '.join(AWSLOGS_NEEDS)}")
