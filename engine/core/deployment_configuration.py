"""Deployment configuration: its defaults, limits, and the arithmetic of rolling updates (spec §7.2, §9.3)."""

import msgspec

from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.events import shapes

PERCENT_FULL = 100

DEFAULT = shapes.DeploymentConfiguration(
    deployment_circuit_breaker=shapes.DeploymentCircuitBreaker(enable=False, rollback=False),
    maximum_percent=200,
    minimum_healthy_percent=100,
    strategy="ROLLING",
    bake_time_in_minutes=0,
)


def complete_configuration(
    given: shapes.DeploymentConfiguration | None, base: shapes.DeploymentConfiguration = DEFAULT
) -> shapes.DeploymentConfiguration:
    """Fill what is missing from `base` and refuse what ECS refuses."""
    members = {name: value for name, value in msgspec.structs.asdict(given or base).items() if value is not None}
    full = msgspec.structs.replace(base, **members)
    _check_percents(full.minimum_healthy_percent or 0, full.maximum_percent or 0)
    breaker = full.deployment_circuit_breaker
    if full.strategy != "ROLLING" or (breaker is not None and breaker.enable) or (full.alarms and full.alarms.enable):
        raise UnsupportedFeatureException(
            "This version supports the deployment strategy ROLLING, without circuit breaker and alarms."
        )
    return full


def bounds(configuration: shapes.DeploymentConfiguration, desired: int) -> tuple[int, int]:
    """Work out how many tasks must stay healthy, and how many there may be at once, during a deployment."""
    minimum = configuration.minimum_healthy_percent or 0
    maximum = configuration.maximum_percent or 0
    return -(-desired * minimum // 100), desired * maximum // 100


def _check_percents(minimum: int, maximum: int) -> None:
    if minimum > PERCENT_FULL:
        raise InvalidParameterException("minimumHealthyPercent must be at most 100")
    if minimum < 0:
        raise InvalidParameterException("minimumHealthyPercent must be at least 0")
    if maximum < PERCENT_FULL:
        raise InvalidParameterException("maximumPercent must be at least 100")
    if minimum == maximum == PERCENT_FULL:
        raise InvalidParameterException(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments"
        )
