"""React: which services an event concerns, so that only those are reconciled."""

from collections.abc import Iterator

from quarterdeck.events.alarm import AlarmStateChanged
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import (
    AgentConnected,
    AttributesDeleted,
    AttributesPut,
    ContainerInstanceEvent,
    ContainerInstanceReregistered,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.service import (
    DeploymentHookEnded,
    DeploymentStarted,
    DeploymentStopRequested,
    ServiceCreated,
    ServiceDeleted,
    ServiceUpdated,
)
from quarterdeck.events.task import (
    TaskEvent,
    TaskHealthChanged,
    TaskPlaced,
    TaskProtectionDisabled,
    TaskQueued,
    TaskRequested,
    TaskStarted,
    TaskStopped,
    TaskStopping,
    TaskStopRequested,
)
from quarterdeck.events.task_set import TaskSetCreated, TaskSetDeleted, TaskSetScaled
from quarterdeck.projections.live.states import ClusterState, NamespaceState
from quarterdeck.projections.live.task import SERVICE_GROUP

QUIET: frozenset[type] = frozenset({TaskRequested, TaskPlaced})
"""Events that concern no service and make no room: most of all events."""

QUEUE = ""
"""In the place of a service's name: the tasks of a cluster that wait for room."""


def concerned(state: NamespaceState, event: AnyEvent) -> Iterator[tuple[str, str]]:
    """Name (cluster, service) of each service whose tasks, wishes or instances the event changed."""
    match event:
        case ServiceCreated() | ServiceUpdated() | ServiceDeleted() | DeploymentStarted() | DeploymentHookEnded():
            yield event.cluster, event.service
        case DeploymentStopRequested() | TaskSetCreated() | TaskSetScaled() | TaskSetDeleted():
            yield event.cluster, event.service
        case TaskStopping() | TaskStopped() | TaskStopRequested():
            yield from _on_task(state.clusters[event.cluster], event)
        case TaskStarted() | TaskHealthChanged() | TaskProtectionDisabled():
            yield from _on_task(state.clusters[event.cluster], event)
        case TaskQueued():
            yield event.cluster, QUEUE
        case ContainerInstanceEvent():
            yield from _daemons(state.clusters[event.cluster])
            yield from _on_instance(state.clusters[event.cluster], event.container_instance)
        case AlarmStateChanged():
            yield from _on_alarm(state, event.alarm)
        case _:
            pass


def makes_room(state: NamespaceState, event: AnyEvent) -> bool:
    """Tell whether work that waits for room should look again; less may be kept for a DAEMON service that changes."""
    match event:
        case TaskStopping() | TaskStopped() | AgentConnected() | ContainerInstanceReregistered():
            return True
        case AttributesPut() | AttributesDeleted():
            return True
        case ContainerInstanceStatusChanged():
            return event.status == "ACTIVE"
        case ServiceDeleted() | ServiceUpdated() | DeploymentStarted():
            service = state.clusters[event.cluster].services[event.service]
            return service.settings.scheduling_strategy == "DAEMON"
        case _:
            return False


def _on_task(cluster: ClusterState, event: TaskEvent) -> Iterator[tuple[str, str]]:
    """Where a task of a service stops on an instance that drains, the daemons there may be the next to stop."""
    task = cluster.tasks.get(event.task)
    if task is not None and task.deployment:
        yield cluster.name, task.group.removeprefix(SERVICE_GROUP)
        if isinstance(event, TaskStopping | TaskStopped) and task.instance in cluster.draining:
            yield from _daemons(cluster)


def _daemons(cluster: ClusterState) -> Iterator[tuple[str, str]]:
    """Name the services that run on every instance: they come before all that choose one."""
    for group in cluster.room.daemons:
        yield cluster.name, group.removeprefix(SERVICE_GROUP)


def _on_alarm(state: NamespaceState, name: str) -> Iterator[tuple[str, str]]:
    for cluster in state.clusters.values():
        for service in cluster.services.values():
            alarms = service.settings.deployment_configuration.alarms
            if service.status == "ACTIVE" and alarms is not None and name in (alarms.alarm_names or ()):
                yield cluster.name, service.name


def _on_instance(cluster: ClusterState, name: str) -> Iterator[tuple[str, str]]:
    instance = cluster.instances.get(name)
    for task_name in instance.tasks if instance is not None else ():
        task = cluster.tasks[task_name]
        if task.deployment:
            yield cluster.name, task.group.removeprefix(SERVICE_GROUP)
