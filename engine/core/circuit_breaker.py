"""Circuit breaker: gives a deployment up whose tasks keep failing (spec §9.4).

Until a task of it was RUNNING each one that fails to start counts; from then on each one stopped because
it failed its health checks. The threshold follows the desired count.
"""

from quarterdeck.engine.core.rollback import fail
from quarterdeck.engine.core.service_step import Site
from quarterdeck.events import shapes
from quarterdeck.events.service import DeploymentFailed, DeploymentFailuresCounted

THRESHOLD_TYPES = ("COUNT", "BOUNDED_PERCENT", "UNBOUNDED_PERCENT")
PERCENT_DEFAULT = 50
FAILURES_MIN = 3
FAILURES_MAX = 200
NAME = "ECS deployment circuit breaker"
REASON = f"{NAME}: tasks failed to start."


def threshold(breaker: shapes.DeploymentCircuitBreaker, desired: int) -> int:
    """Work out how many failures there may be: half the desired count, from 3 to 200, or as configured."""
    configured = breaker.threshold_configuration
    kind = configured.type if configured is not None else None
    value = PERCENT_DEFAULT if configured is None or configured.value is None else configured.value
    if kind == "COUNT":
        return value
    share = -(-desired * value // 100)
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(max(share, FAILURES_MIN), FAILURES_MAX)


def trips(site: Site) -> bool:
    """Tell the count if it changed; give the PRIMARY deployment up if it has reached the threshold."""
    turn, cluster, service, primary = site
    configuration = service.settings.deployment_configuration
    breaker = configuration.deployment_circuit_breaker
    if breaker is None or not breaker.enable or configuration.strategy not in {None, "ROLLING"}:
        return False
    if primary.completed or primary.failure:
        return False
    count = DeploymentFailuresCounted(
        cluster=cluster.name,
        service=service.name,
        deployment=primary.id,
        failures=primary.failures,
        threshold=threshold(breaker, service.desired_count),
    )
    if primary.counted != (count.failures, count.threshold):
        turn.emit(count)
    if count.failures < count.threshold:
        return False
    fail(turn, _failed(count), back=NAME if breaker.rollback else "")
    return True


def _failed(count: DeploymentFailuresCounted) -> DeploymentFailed:
    return DeploymentFailed(
        cluster=count.cluster,
        service=count.service,
        deployment=count.deployment,
        cause="CIRCUIT_BREAKER",
        reason=REASON,
        failures=count.failures,
        threshold=count.threshold,
    )
