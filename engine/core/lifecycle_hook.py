"""Lifecycle hook: what a stage of a deployment waits for, and the way back too (spec §9.6)."""

import msgspec

from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.service import DeploymentHookEnded, DeploymentHookStarted
from quarterdeck.events.shapes import DeploymentLifecycleHook, DeploymentLifecycleHookTimeoutConfiguration
from quarterdeck.projections.live.states import ClusterState, DeploymentState, HookState, ServiceState

HOOK_MINUTES = 1440
MINUTE_SECONDS = 60.0
PENDING = ("IN_PROGRESS", "AWAITING_ACTION")


def begin(turn: Turn, cluster: ClusterState, service: ServiceState, deployment: str, stage: str) -> None:
    """Start the hooks that are configured for a stage."""
    for hook in service.settings.deployment_configuration.lifecycle_hooks or []:
        if stage in (hook.lifecycle_stages or []):
            turn.emit(_started(turn, cluster, service, deployment, stage, hook))


def expire(turn: Turn, cluster: ClusterState, service: ServiceState, deployment: DeploymentState) -> list[HookState]:
    """End a deployment's hooks whose time is over; gives those of its present stage."""
    for hook in list(deployment.hooks.values()):
        if hook.status in PENDING and hook.expires_at <= turn.now:
            turn.emit(
                DeploymentHookEnded(
                    cluster=cluster.name,
                    service=service.name,
                    deployment=deployment.id,
                    hook=hook.id,
                    status="TIMED_OUT",
                )
            )
    return list(deployment.hooks.values())


def awaited_until(deployment: DeploymentState) -> float | None:
    """Tell when the time of the first hook that is waited for is over; None if none is."""
    return min((each.expires_at for each in deployment.hooks.values() if each.status in PENDING), default=None)


def _started(
    turn: Turn,
    cluster: ClusterState,
    service: ServiceState,
    deployment: str,
    stage: str,
    hook: DeploymentLifecycleHook,
) -> DeploymentHookStarted:
    limit = hook.timeout_configuration or DeploymentLifecycleHookTimeoutConfiguration()
    minutes = limit.timeout_in_minutes or HOOK_MINUTES
    return DeploymentHookStarted(
        cluster=cluster.name,
        service=service.name,
        deployment=deployment,
        hook=turn.ids.hex(),
        stage=stage,
        target_type=hook.target_type or "AWS_LAMBDA",
        target=hook.hook_target_arn or "",
        details="" if hook.hook_details is None else msgspec.json.encode(hook.hook_details).decode(),
        expires_at=turn.now + minutes * MINUTE_SECONDS,
        timeout_action=limit.action or "ROLLBACK",
    )
