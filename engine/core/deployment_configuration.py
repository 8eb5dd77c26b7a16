"""Deployment configuration: its defaults, limits, and the arithmetic of rolling updates (spec §7.2, §9.3)."""

import msgspec

from quarterdeck.engine.core import deployment_strategy
from quarterdeck.engine.core.deployment_strategy import BAKE_MINUTES_MAX
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.events import shapes

PERCENT_FULL = 100

DEFAULT = shapes.DeploymentConfiguration(
    deployment_circuit_breaker=shapes.DeploymentCircuitBreaker(enable=False, rollback=False),
    maximum_percent=200,
    minimum_healthy_percent=100,
    strategy="ROLLING",
    bake_time_in_minutes=0,
)

DEFAULTS = {
    "REPLICA": DEFAULT,
    "DAEMON": msgspec.structs.replace(DEFAULT, maximum_percent=100, minimum_healthy_percent=0),
}
"""By scheduling strategy."""


def complete_configuration(
    given: shapes.DeploymentConfiguration | None, base: shapes.DeploymentConfiguration = DEFAULT
) -> shapes.DeploymentConfiguration:
    """Fill what is missing from `base`, as far as the strategy has it, and refuse what ECS refuses."""
    members = {name: value for name, value in msgspec.structs.asdict(given or base).items() if value is not None}
    full = msgspec.structs.replace(deployment_strategy.fitting(base, members.get("strategy")), **members)
    _check_percents(full.minimum_healthy_percent or 0, full.maximum_percent or 0)
    _check_members(full)
    return deployment_strategy.complete(full)


def bounds(configuration: shapes.DeploymentConfiguration, desired: int) -> tuple[int, int]:
    """Work out how many tasks must stay healthy, and how many there may be at once, during a deployment."""
    minimum = configuration.minimum_healthy_percent or 0
    maximum = configuration.maximum_percent or 0
    return -(-desired * minimum // 100), desired * maximum // 100


def _check_members(configuration: shapes.DeploymentConfiguration) -> None:
    """Check what only later stages of a deployment look at; it is kept and described."""
    if not 0 <= (configuration.bake_time_in_minutes or 0) <= BAKE_MINUTES_MAX:
        raise InvalidParameterException(f"bakeTimeInMinutes must be from 0 to {BAKE_MINUTES_MAX}")
    breaker, alarms = configuration.deployment_circuit_breaker, configuration.alarms
    threshold = breaker.threshold_configuration if breaker is not None else None
    if threshold is not None and (threshold.value or 0) < 1:
        raise InvalidParameterException("thresholdConfiguration value must be at least 1")
    if alarms is not None and alarms.enable and not alarms.alarm_names:
        raise InvalidParameterException("alarmNames can not be empty.")
    _check_early_success(configuration)


def _check_early_success(configuration: shapes.DeploymentConfiguration) -> None:
    criteria = configuration.early_success_criteria
    if criteria is None or criteria.healthy_percent is None:
        return
    least = configuration.minimum_healthy_percent or 0
    if not least <= criteria.healthy_percent <= PERCENT_FULL:
        raise InvalidParameterException(
            f"earlySuccessCriteria healthyPercent must be from minimumHealthyPercent ({least}) to {PERCENT_FULL}"
        )


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
