"""Service deployment: stopping one that is under way, which goes back to what worked (spec §9.7)."""

from typing import NamedTuple

from quarterdeck.engine.core.errors import (
    ConflictException,
    InvalidParameterException,
    ServiceDeploymentNotFoundException,
)
from quarterdeck.engine.core.rollback import fail, go_back
from quarterdeck.engine.core.service_step import Site
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.names import Arn, parse_arn, service_deployment_id
from quarterdeck.events.service import DeploymentFailed, DeploymentHookEnded, DeploymentStopRequested
from quarterdeck.projections.live.states import ClusterState, DeploymentState, ServiceState

STOP_TYPES = ("ROLLBACK", "ABORT")
ACTIONS = ("CONTINUE", "ROLLBACK")
ARN_PARTS = 3
REASON_CHARACTERS_MAX = 1024
NAME = "ECS deployment stopped"


def stop(turn: Turn, request: shapes.StopServiceDeploymentRequest) -> None:
    """Have a deployment stopped: to go back to the last one that completed, or with ABORT leave everything as it is.

    Between the request and what the scheduler makes of it, the deployment is ROLLBACK_REQUESTED or STOP_REQUESTED.
    """
    if request.stop_type not in {None, *STOP_TYPES}:
        raise InvalidParameterException(f"stopType should be one of [{','.join(STOP_TYPES)}]")
    cluster, service, primary = _under_way(turn, request.service_deployment_arn)
    if service.status != "ACTIVE" or primary.completed or primary.failure:
        raise ConflictException("The service deployment is finished: there is nothing to stop.")
    kind = request.stop_type or "ROLLBACK"
    if primary.stopping:
        raise ConflictException("The service deployment is being stopped already.")
    if kind == "ROLLBACK" and primary.rolls_back:
        raise ConflictException("The service deployment is being rolled back already.")
    if kind == "ROLLBACK" and service.proven is None:
        raise ConflictException("There is no earlier deployment that completed, so nothing to roll back to.")
    turn.emit(
        DeploymentStopRequested(cluster=cluster.name, service=service.name, deployment=primary.id, stop_type=kind)
    )


def obeys(site: Site) -> bool:
    """Do what a caller wants of the PRIMARY deployment, if one wants it stopped: go back, or give it up."""
    turn, cluster, service, primary = site
    if not primary.stopping or primary.failure:
        return False
    if primary.stopping == "ROLLBACK" and service.proven is not None:
        go_back(turn, cluster, service, service.proven, NAME)
        return True
    stopped = DeploymentFailed(
        cluster=cluster.name,
        service=service.name,
        deployment=primary.id,
        cause="STOPPED",
        reason=f"{NAME}: it was aborted by a caller.",
    )
    fail(turn, stopped, back="")
    return True


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
