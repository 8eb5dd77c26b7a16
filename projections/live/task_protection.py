"""Task protection: how its events change the live view."""

from quarterdeck.events.task import TaskProtectionDisabled, TaskProtectionEnabled
from quarterdeck.projections.live.states import NamespaceState
from quarterdeck.projections.live.task import owners


def enabled(namespace: NamespaceState, event: TaskProtectionEnabled, _at: float) -> None:
    """Keep a task from scale-in and deployments until a time."""
    cluster = namespace.clusters[event.cluster]
    cluster.tasks[event.task].version += 1
    cluster.protected[event.task] = event.expires_at


def disabled(namespace: NamespaceState, event: TaskProtectionDisabled, _at: float) -> None:
    """Let a task be stopped again; a scale-in that was blocked may go on."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    task.version += 1
    cluster.protected.pop(task.id, None)
    service, _ = owners(cluster, task)
    if service is not None:
        service.scale_in_blocked = False
