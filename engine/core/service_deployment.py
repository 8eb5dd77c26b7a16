"""Service deployment: stopping one that is under way, which goes back to what worked (spec §9.7)."""

import msgspec

from quarterdeck.engine.core.errors import (
    ConflictException,
    InvalidParameterException,
    ServiceDeploymentNotFoundException,
    UnsupportedFeatureException,
)
from quarterdeck.engine.core.service_settings import DEPLOYING
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.names import Arn, parse_arn, service_deployment_id
from quarterdeck.events.service import DeploymentStarted, ServiceUpdated
from quarterdeck.projections.live.states import ClusterState, DeploymentState, ServiceState

STOP_TYPES = ("ROLLBACK", "ABORT")
ACTIONS = ("CONTINUE", "ROLLBACK")
ARN_PARTS = 3


def stop(turn: Turn, request: shapes.StopServiceDeploymentRequest) -> None:
    """Begin to roll a service back to its last deployment that completed."""
    if request.stop_type not in {None, *STOP_TYPES}:
        raise InvalidParameterException(f"stopType should be one of [{','.join(STOP_TYPES)}]")
    cluster, service, primary = _under_way(turn, request.service_deployment_arn)
    if request.stop_type == "ABORT":
        raise UnsupportedFeatureException("stopType ABORT is not supported for deployments of services.")
    if service.status != "ACTIVE" or primary.completed:
        raise ConflictException("The service deployment is finished: there is nothing to stop.")
    if primary.rolls_back:
        raise ConflictException("The service deployment is being rolled back already.")
    proven = service.proven
    if proven is None:
        raise ConflictException("There is no earlier deployment that completed, so nothing to roll back to.")
    kept = {name: getattr(proven.settings, name) for name in DEPLOYING}
    settings = msgspec.structs.replace(service.settings, **kept)
    if settings != service.settings:
        turn.emit(ServiceUpdated(cluster=cluster.name, service=service.name, settings=settings))
    turn.emit(
        DeploymentStarted(
            cluster=cluster.name,
            service=service.name,
            deployment=turn.ids.deployment(),
            task_definition=proven.definition,
            reason=f"ECS deployment stopped: rolling back to deploymentId {proven.deployment}.",
            rolls_back=primary.id,
            revision=proven.deployment,
        )
    )


def go_on(turn: Turn, request: shapes.ContinueServiceDeploymentRequest) -> None:
    """Answer a hook that waits; there are none, because only other strategies than ROLLING have such."""
    if request.action not in {None, *ACTIONS}:
        raise InvalidParameterException(f"action should be one of [{','.join(ACTIONS)}]")
    _under_way(turn, request.service_deployment_arn)
    raise InvalidParameterException(f"The service deployment has no hook {request.hook_id or ''} that waits.")


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
