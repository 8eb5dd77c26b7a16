"""Rollback: giving a deployment up, and going back to the one that last completed (spec §9.4, §9.7).

That one becomes PRIMARY again under its own id, with what it was made from; tasks it still has stay. Where traffic had
shifted, the hooks of these stages are asked again, with the weights reversed.
"""

import msgspec

from quarterdeck.engine.core.lifecycle_hook import begin
from quarterdeck.engine.core.service_settings import DEPLOYING
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.service import DeploymentFailed, DeploymentStarted, DeploymentTrafficShifted, ServiceUpdated
from quarterdeck.projections.live.states import ClusterState, DeploymentState, RevisionState, ServiceState


def fail(turn: Turn, failed: DeploymentFailed, back: str) -> None:
    """Mark the PRIMARY deployment FAILED and go back, in the words of ``back``; empty: stay where it is.

    A deployment that goes back itself, or has nothing before it that completed, stays FAILED.
    """
    cluster = turn.state.clusters[failed.cluster]
    service = cluster.services[failed.service]
    turn.emit(failed)
    proven = service.proven
    if back and proven is not None and not service.deployments[0].rolls_back:
        go_back(turn, cluster, service, proven, back)


def go_back(turn: Turn, cluster: ClusterState, service: ServiceState, proven: RevisionState, words: str) -> None:
    """Make the deployment that last completed PRIMARY again."""
    replaced = service.deployments[0]
    shifted_back = [stage for stage, percent in _traffic(replaced) if percent]
    if shifted_back:
        shifted = DeploymentTrafficShifted(
            cluster=cluster.name, service=service.name, deployment=replaced.id, test=0.0, production=0.0
        )
        turn.emit(shifted)
    kept = {name: getattr(proven.settings, name) for name in DEPLOYING}
    settings = msgspec.structs.replace(service.settings, **kept)
    if settings != service.settings:
        turn.emit(ServiceUpdated(cluster=cluster.name, service=service.name, settings=settings))
    turn.emit(
        DeploymentStarted(
            cluster=cluster.name,
            service=service.name,
            deployment=proven.deployment,
            task_definition=proven.definition,
            reason=f"{words}: rolling back to deploymentId {proven.deployment}.",
            rolls_back=replaced.id,
            revision=proven.revision,
        )
    )
    for stage in shifted_back:
        begin(turn, cluster, service, proven.deployment, stage)


def _traffic(replaced: DeploymentState) -> tuple[tuple[str, float], ...]:
    """Name the stages in which a deployment got its traffic, the last first: the hooks of these are asked again."""
    return ("PRODUCTION_TRAFFIC_SHIFT", replaced.production), ("TEST_TRAFFIC_SHIFT", replaced.test)
