"""Settle: what is said of a service once it has what it wants: deployment completed, steady state (spec §9.3)."""

from quarterdeck.engine.core.deployment_strategy import is_staged
from quarterdeck.engine.core.service_health import trials
from quarterdeck.engine.core.service_step import REPEAT_SECONDS, Next, Site
from quarterdeck.engine.core.zone_balance import balance
from quarterdeck.events.service import DeploymentBaking, DeploymentCompleted, ServiceSteadyStateReached

MINUTE_SECONDS = 60.0


def settle(site: Site) -> Next:
    """Complete the PRIMARY deployment if all its tasks are healthy, then tell the steady state, and again at times."""
    turn, cluster, service, primary = site
    if primary.failure:
        return Next()
    if service.running != service.desired_count or service.ill:
        return complete(site) if is_early_success(site, replaced=True) else Next()
    following = complete(site)
    if not primary.completed:
        return following
    if not (service.steady and turn.now - service.steady_at < REPEAT_SECONDS):
        turn.emit(ServiceSteadyStateReached(cluster=cluster.name, service=service.name))
    return balance(site)


def complete(site: Site) -> Next:
    """Complete the PRIMARY deployment, after its bake time if there is something to go back to."""
    turn, cluster, service, primary = site
    if primary.completed:
        return Next()
    configuration = service.settings.deployment_configuration
    minutes = 0 if is_staged(configuration) else configuration.bake_time_in_minutes
    if minutes and service.proven is not None and not primary.rolls_back:
        if not primary.baked_at:
            until = turn.now + minutes * MINUTE_SECONDS
            turn.emit(DeploymentBaking(cluster=cluster.name, service=service.name, deployment=primary.id, until=until))
        if turn.now < primary.baked_at:
            return Next(at=primary.baked_at)
    turn.emit(DeploymentCompleted(cluster=cluster.name, service=service.name, deployment=primary.id))
    return Next()


def is_early_success(site: Site, *, replaced: bool) -> bool:
    """Tell whether enough of the PRIMARY's tasks are healthy, and old ones gone unless they may go later."""
    criteria = site.service.settings.deployment_configuration.early_success_criteria
    primary = site.deployment
    if criteria is None or not criteria.enable or criteria.healthy_percent is None or primary.completed:
        return False
    if not replaced and criteria.source_service_revision_cleanup != "DEFERRED":
        return False
    tasks = (site.cluster.tasks[name] for name in primary.tasks)
    healthy = [each for each in tasks if each.desired_status == "RUNNING" and each.healthy]
    on_trial = [] if replaced else trials(site, healthy)
    return len(healthy) - len(on_trial) >= -(-site.service.desired_count * criteria.healthy_percent // 100)
