"""Deployment strategy: what a configuration may say of BLUE_GREEN, LINEAR, CANARY, and of their hooks (spec §9.6)."""

from typing import TypeVar

import msgspec

from quarterdeck.engine.core import hook_target
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.events import shapes
from quarterdeck.projections.live.deployment import ROLLING

STRATEGIES = (ROLLING, "BLUE_GREEN", "LINEAR", "CANARY")
BAKE_MINUTES_MAX = 1440
LINEAR_PERCENTS = (3.0, 100.0)
CANARY_PERCENTS = (0.1, 100.0)
LINEAR = shapes.LinearConfiguration(step_percent=10.0, step_bake_time_in_minutes=6)
CANARY = shapes.CanaryConfiguration(canary_percent=5.0, canary_bake_time_in_minutes=10)
HOOK_STAGES = shapes.ENUMS["DeploymentLifecycleHookStage"]
HOOK_TYPES = ("AWS_LAMBDA", "PAUSE")
NOT_PAUSED = ("TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT")
HOOKS_MAX = 50
MEMBERS = {
    "lifecycle_hooks": ("lifecycleHooks", ("BLUE_GREEN", "LINEAR", "CANARY")),
    "linear_configuration": ("linearConfiguration", ("LINEAR",)),
    "canary_configuration": ("canaryConfiguration", ("CANARY",)),
    "early_success_criteria": ("earlySuccessCriteria", (ROLLING,)),
}
"""What a configuration may have with some strategies only."""

Part = TypeVar("Part", bound=msgspec.Struct)


def is_staged(configuration: shapes.DeploymentConfiguration) -> bool:
    """Tell whether deployments go stage by stage, old and new tasks side by side."""
    return configuration.strategy not in {None, ROLLING}


def fitting(base: shapes.DeploymentConfiguration, strategy: str | None) -> shapes.DeploymentConfiguration:
    """Leave out what was set before and another strategy has no use for; who changes to it needs not clear it."""
    wanted = strategy or base.strategy or ROLLING
    gone = {name: None for name, (_, strategies) in MEMBERS.items() if wanted not in strategies}
    return msgspec.structs.replace(base, **gone)


def complete(configuration: shapes.DeploymentConfiguration) -> shapes.DeploymentConfiguration:
    """Fill in what a strategy needs, and refuse what does not go with it."""
    if configuration.strategy not in STRATEGIES:
        raise InvalidParameterException(f"strategy should be one of [{','.join(STRATEGIES)}]")
    for name, (member, strategies) in MEMBERS.items():
        if getattr(configuration, name) and configuration.strategy not in strategies:
            raise InvalidParameterException(f"{member} can not be used with the strategy {configuration.strategy}.")
    breaker = configuration.deployment_circuit_breaker
    if is_staged(configuration) and breaker is not None and breaker.enable:
        raise InvalidParameterException(
            f"deploymentCircuitBreaker can not be enabled with the strategy {configuration.strategy}."
        )
    _check_hooks(configuration.lifecycle_hooks or [])
    if configuration.strategy == "LINEAR":
        linear = _filled(LINEAR, configuration.linear_configuration)
        _check_step("stepPercent", linear.step_percent, LINEAR_PERCENTS)
        _check_bake("stepBakeTimeInMinutes", linear.step_bake_time_in_minutes)
        return msgspec.structs.replace(configuration, linear_configuration=linear)
    if configuration.strategy == "CANARY":
        canary = _filled(CANARY, configuration.canary_configuration)
        _check_step("canaryPercent", canary.canary_percent, CANARY_PERCENTS)
        _check_bake("canaryBakeTimeInMinutes", canary.canary_bake_time_in_minutes)
        return msgspec.structs.replace(configuration, canary_configuration=canary)
    return configuration


def steps(configuration: shapes.DeploymentConfiguration) -> tuple[float, int]:
    """Tell by how many percent production traffic shifts at first, and how many minutes it stays there."""
    if configuration.strategy == "LINEAR":
        linear = _filled(LINEAR, configuration.linear_configuration)
        return linear.step_percent or 0.0, linear.step_bake_time_in_minutes or 0
    if configuration.strategy == "CANARY":
        canary = _filled(CANARY, configuration.canary_configuration)
        return canary.canary_percent or 0.0, canary.canary_bake_time_in_minutes or 0
    return 100.0, 0


def _filled(base: Part, given: Part | None) -> Part:
    members = {name: value for name, value in msgspec.structs.asdict(given or base).items() if value is not None}
    return msgspec.structs.replace(base, **members)


def _check_step(member: str, percent: float | None, limits: tuple[float, float]) -> None:
    low, high = limits
    if not low <= (percent or 0.0) <= high:
        raise InvalidParameterException(f"{member} must be from {low:g} to {high:g}")


def _check_bake(member: str, minutes: int | None) -> None:
    if not 0 <= (minutes or 0) <= BAKE_MINUTES_MAX:
        raise InvalidParameterException(f"{member} must be from 0 to {BAKE_MINUTES_MAX}")


def _check_hooks(hooks: list[shapes.DeploymentLifecycleHook]) -> None:
    if len(hooks) > HOOKS_MAX:
        raise InvalidParameterException(f"A deployment can have at most {HOOKS_MAX} lifecycle hooks.")
    for hook in hooks:
        stages = hook.lifecycle_stages or []
        wrong = [each for each in stages if each not in HOOK_STAGES]
        if not stages or wrong:
            raise InvalidParameterException(f"lifecycleStages should be some of [{','.join(HOOK_STAGES)}]")
        if hook.target_type not in {None, *HOOK_TYPES}:
            raise InvalidParameterException(f"targetType should be one of [{','.join(HOOK_TYPES)}]")
        if hook.target_type == "PAUSE":
            paused = [each for each in stages if each in NOT_PAUSED]
            if paused:
                raise InvalidParameterException(f"A PAUSE hook can not be in the stage {paused[0]}.")
        else:
            hook_target.check(hook.hook_target_arn or "")
