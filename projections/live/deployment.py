"""Deployment: which ones stay in the list of a service, beside the PRIMARY."""

from quarterdeck.projections.live.states import DeploymentState, ServiceState

ROLLING = "ROLLING"
LAST_STAGE = "CLEAN_UP"
"""Of deployments that go stage by stage; in it the old tasks go as in a rolling one."""
ALL_TRAFFIC = 100.0


def blue(service: ServiceState) -> DeploymentState | None:
    """Find what stays beside a PRIMARY that goes stage by stage, until CLEAN_UP; None if there is no such.

    It is what has all traffic already, else what last completed: that is kept also when it lost all its tasks, unless
    none are wanted.
    """
    if service.proven is None or service.settings.deployment_configuration.strategy in {None, ROLLING}:
        return None
    green, *others = service.deployments
    if green.completed or green.failure or green.rolls_back or green.stage == LAST_STAGE:
        return None
    ranked = [each for each in others if each.tasks and each.production >= ALL_TRAFFIC]
    lasting = service.desired_count > 0
    ranked += [each for each in others if each.id == service.proven.deployment and (each.tasks or lasting)]
    ranked += [each for each in others if each.tasks]
    return next(iter(ranked), None)


def clear(service: ServiceState) -> None:
    """Let older deployments without tasks leave the list, but for the one whose tasks are to be started anew."""
    kept = blue(service)
    older = [each for each in service.deployments[1:] if each.tasks or each is kept]
    service.deployments = [*service.deployments[:1], *older]
