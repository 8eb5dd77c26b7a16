"""Service deployment: stopping one that is under way, which goes back to what worked (spec §9.7)."""

from typing import NamedTuple

from quarterdeck.engine.core.errors import (
    ConflictException,
    InvalidParameterException,
    ServiceDeploymentNotFoundException,
)
from quarterdeck.engine.core.rollback import fail, go_back
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.names import Arn, parse_arn, service_deployment_id
from quarterdeck.events.service import DeploymentFailed, DeploymentHookEnded
from quarterdeck.projections.live.states import ClusterState, DeploymentState, ServiceState

STOP_TYPES = ("ROLLBACK", "ABORT")
ACTIONS = ("CONTINUE", "ROLLBACK")
ARN_PARTS = 3
REASON_CHARACTERS_MAX = 1024
NAME = "ECS deployment stopped"


def stop(turn: Turn, request: shapes.StopServiceDeploymentRequest) -> None:
    """Stop a deployment: go back to the last one that completed, or with ABORT leave everything as it is."""
    if request.stop_type not in {None, *STOP_TYPES}:
        raise InvalidParameterException(f"stopType should be one of [{','.join(STOP_TYPES)}]")
    cluster, service, primary = _under_way(turn, request.service_deployment_arn)
    if service.status != "ACTIVE" or primary.completed or primary.failure:
        raise ConflictException("The service deployment is finished: there is nothing to stop.")
    if request.stop_type == "ABORT":
        stopped = DeploymentFailed(
            cluster=cluster.name,
            service=service.name,
            deployment=primary.id,
            cause="STOPPED",
            reason=f"{NAME}: it was aborted by a caller.",
        )
        fail(turn, stopped, back="")
        return
    if primary.rolls_back:
        raise ConflictException("The service deployment is being rolled back already.")
    proven = service.proven
    if proven is None:
        raise ConflictException("There is no earlier deployment that completed, so nothing to roll back to.")
    go_back(turn, cluster, service, proven, NAME)


def go_on(turn: Turn, request: shapes.ContinueServiceDeploymentRequest) -> None:
    """Answer a hook that waits for a caller: go on, or back."""
    if request.action not in {None, *ACTIONS}:
        raise InvalidParameterException(f"action should be one of [{','.join(ACTIONS)}]")
    cluster, service, primary = _under_way(turn, request.service_deployment_arn)
    hook = primary.hooks.get(request.hook_id or "")
    if hook is None or hook.status != "AWAITING_ACTION":
        raise InvalidParameterException(f"The service deployment has no hook {request.hook_id or ''} that waits.")
    goes_back = request.action == "ROLLBACK"
    turn.emit(
        DeploymentHookEnded(
            cluster=cluster.name,
            service=service.name,
            deployment=primary.id,
            hook=hook.id,
            status="FAILED" if goes_back else "SUCCEEDED",
            reason="a caller chose ROLLBACK" if goes_back else "",
        )
    )


class HookPlace(NamedTuple):
    """Where a hook is waited for."""

    cluster: str
    service: str
    deployment: str
    hook: str


def end_hook(turn: Turn, place: HookPlace, status: str, reason: str) -> None:
    """Note what the target of a hook answered; if nobody waits for it any more, nothing."""
    cluster = turn.state.clusters.get(place.cluster)
    service = cluster.services.get(place.service) if cluster is not None else None
    deployment = service.deployment(place.deployment) if service is not None else None
    hook = deployment.hooks.get(place.hook) if deployment is not None else None
    if hook is not None and hook.status == "IN_PROGRESS":
        said = reason[:REASON_CHARACTERS_MAX]
        turn.emit(DeploymentHookEnded(**place._asdict(), status=status, reason=said))


def named(turn: Turn, reference: str | None) -> Arn:
    """Take apart the ARN of a service deployment of this namespace."""
    turn.local("service-deployment", reference or "arn:")
    arn = parse_arn(reference or "")
    if arn is None or len(arn.path) != ARN_PARTS:
        raise InvalidParameterException(f"Invalid identifier: {reference} is not the ARN of a service-deployment.")
    return arn


def _under_way(turn: Turn, reference: str | None) -> tuple[ClusterState, ServiceState, DeploymentState]:
    inside, name, wanted = named(turn, reference).path
    cluster = turn.state.clusters.get(inside)
    service = cluster.services.get(name) if cluster is not None else None
    if cluster is not None and service is not None and service.deployments:
        primary = service.deployments[0]
        if wanted == service_deployment_id(primary.rolls_back or primary.id):
            return cluster, service, primary
        if wanted in map(service_deployment_id, service.past):
            raise ConflictException("The service deployment is finished: there is nothing to stop.")
    raise ServiceDeploymentNotFoundException("Service deployment not found.")
