"""Task set: how its events change the live view."""

from quarterdeck.events.task_set import (
    PrimaryTaskSetChanged,
    TaskSetCreated,
    TaskSetDeleted,
    TaskSetDrained,
    TaskSetEvent,
    TaskSetScaled,
    TaskSetSteadyStateReached,
)
from quarterdeck.projections.live.states import NamespaceState, ServiceState, TaskSetState


def created(namespace: NamespaceState, event: TaskSetCreated, at: float) -> None:
    """Add a task set."""
    service = _service(namespace, event)
    service.unplaced.clear()
    service.task_sets.append(
        TaskSetState(
            id=event.task_set,
            definition=event.task_definition,
            created_at=at,
            scale=event.scale,
            network_configuration=event.network_configuration,
            token=event.token,
            request=event.request,
            tags=event.tags,
        )
    )


def scaled(namespace: NamespaceState, event: TaskSetScaled, _at: float) -> None:
    """Change a task set's share; start failures are forgiven."""
    found = _find(namespace, event)
    found.scale, found.steady = event.scale, False
    found.failed, found.impaired = 0, False
    service = _service(namespace, event)
    service.unplaced.clear()
    service.scale_in_blocked = False


def primary_changed(namespace: NamespaceState, event: PrimaryTaskSetChanged, _at: float) -> None:
    """Make a task set the PRIMARY."""
    _service(namespace, event).primary_task_set = event.task_set


def steady(namespace: NamespaceState, event: TaskSetSteadyStateReached, _at: float) -> None:
    """Remember that it was told."""
    _find(namespace, event).steady = True


def deleted(namespace: NamespaceState, event: TaskSetDeleted, _at: float) -> None:
    """Begin DRAINING."""
    _find(namespace, event).status = "DRAINING"


def drained(namespace: NamespaceState, event: TaskSetDrained, _at: float) -> None:
    """Let a task set go."""
    service = _service(namespace, event)
    service.task_sets.remove(_find(namespace, event))
    if service.primary_task_set == event.task_set:
        service.primary_task_set = ""


def _service(namespace: NamespaceState, event: TaskSetEvent) -> ServiceState:
    return namespace.clusters[event.cluster].services[event.service]


def _find(namespace: NamespaceState, event: TaskSetEvent) -> TaskSetState:
    return next(each for each in _service(namespace, event).task_sets if each.id == event.task_set)
