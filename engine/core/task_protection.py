"""Task protection: which of a service's tasks may not be stopped to make way, and until when (spec §6.8)."""

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.task import TaskProtectionDisabled, TaskProtectionEnabled
from quarterdeck.projections.live.states import ClusterState, TaskState
from quarterdeck.projections.live.task import owners

TASKS_MAX = 10
MINUTES_DEFAULT = 120
MINUTES_MAX = 2880
MINUTE_SECONDS = 60.0
REASONS = {
    "MISSING": "",
    "TASK_NOT_VALID": "The task is not part of a service, or is on its way out.",
    "DEPLOYMENT_BLOCKED": "More tasks are protected than the service desires.",
}


def update(turn: Turn, request: shapes.UpdateTaskProtectionRequest) -> list[shapes.Failure]:
    """Protect tasks, or no longer; each that can't be becomes a failure. Protecting again begins the time anew."""
    if not request.cluster:
        raise InvalidParameterException("Cluster can not be blank.")
    cluster = turn.cluster(request.cluster)
    if not 1 <= len(request.tasks or []) <= TASKS_MAX:
        raise InvalidParameterException(f"Tasks must be from 1 to {TASKS_MAX}, not {len(request.tasks or [])}.")
    if request.protection_enabled is None:
        raise InvalidParameterException("protectionEnabled is missing")
    minutes = MINUTES_DEFAULT if request.expires_in_minutes is None else request.expires_in_minutes
    if not 1 <= minutes <= MINUTES_MAX:
        raise InvalidParameterException(f"expiresInMinutes must be from 1 to {MINUTES_MAX}, not {minutes}.")
    names = dict.fromkeys(turn.local("task", each, cluster.name) for each in request.tasks or [])
    expires_at = turn.now + minutes * MINUTE_SECONDS if request.protection_enabled else None
    failures = []
    for name in names:
        reason = _set(turn, cluster, name, expires_at)
        if reason:
            arn = turn.namespace.task_arn(cluster.name, name)
            failures.append(shapes.Failure(arn=arn, reason=reason, detail=REASONS[reason] or None))
    return failures


def expire(turn: Turn) -> None:
    """End the protections whose time is up."""
    for cluster in turn.state.clusters.values():
        for name in [name for name, until in cluster.protected.items() if until <= turn.now]:
            turn.emit(TaskProtectionDisabled(cluster=cluster.name, task=name, expired=True))


def _set(turn: Turn, cluster: ClusterState, name: str, expires_at: float | None) -> str:
    task = cluster.tasks.get(name)
    reason = _why_not(cluster, task, expires_at)
    if reason or task is None:
        return reason
    if expires_at is not None:
        turn.emit(TaskProtectionEnabled(cluster=cluster.name, task=name, expires_at=expires_at))
    elif name in cluster.protected:
        turn.emit(TaskProtectionDisabled(cluster=cluster.name, task=name))
    return ""


def _why_not(cluster: ClusterState, task: TaskState | None, expires_at: float | None) -> str:
    if task is None:
        return "MISSING"
    service, _ = owners(cluster, task)
    if service is None or task.desired_status == "STOPPED":
        return "TASK_NOT_VALID"
    return "DEPLOYMENT_BLOCKED" if expires_at is not None and service.scale_in_blocked else ""
