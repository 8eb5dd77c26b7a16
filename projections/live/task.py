"""Task: how its events change the live view, with the counts of its service, instance and group."""

from collections.abc import Sequence

from quarterdeck.events.task import (
    ContainerReport,
    ContainerStateChanged,
    ExecuteCommandRequested,
    TaskHealthChanged,
    TaskPlaced,
    TaskPlacementFailed,
    TaskQueued,
    TaskRequested,
    TaskStarted,
    TaskStopped,
    TaskStopping,
    TaskStopRequested,
)
from quarterdeck.projections.live import reserve
from quarterdeck.projections.live.demand import demand
from quarterdeck.projections.live.deployment import clear
from quarterdeck.projections.live.states import (
    ClusterState,
    DeploymentState,
    NamespaceState,
    QueuedState,
    ServiceState,
    TaskSetState,
    TaskState,
)
from quarterdeck.projections.live.task_definition import find

STOPPED_KEPT_SECONDS = 3600.0
STOPPED_KEPT_MAX = 100_000
SERVICE_GROUP = "service:"


def requested(namespace: NamespaceState, event: TaskRequested, at: float) -> None:
    """Add a task that has no place yet."""
    cluster = namespace.clusters[event.cluster]
    definition = find(namespace, event.task_definition)
    overrides = event.overrides
    task = TaskState(
        id=event.task,
        definition=definition.name,
        group=event.group,
        deployment=event.deployment,
        demand=definition.demand if overrides is None else demand(definition.definition, overrides),
        created_at=at,
        started_by=event.started_by,
        tags=event.tags or (),
        overrides=overrides,
        executes=event.enable_execute_command,
        network=event.network_configuration,
        checks=dict.fromkeys(definition.checked, "UNKNOWN") if definition.checked else None,
    )
    cluster.tasks[task.id] = task
    service, deployment = owners(cluster, task)
    if service is not None and deployment is not None:
        deployment.tasks[task.id] = None
        if deployment.owed:
            _pay(service, deployment, task)
        service.wanted += 1
        service.alive += 1
        service.steady = False
        service.unplaced.pop(deployment.id, None)
        if isinstance(deployment, TaskSetState):
            deployment.steady = False


def queued(namespace: NamespaceState, event: TaskQueued, _at: float) -> None:
    """Let a task wait for room."""
    cluster = namespace.clusters[event.cluster]
    cluster.queued[event.task] = QueuedState(event.until, event.placement_constraints, event.placement_strategy)
    cluster.tasks[event.task].version += 1


def placed(namespace: NamespaceState, event: TaskPlaced, _at: float) -> None:
    """Bind a task to an instance and reserve what it needs there."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    instance = cluster.instances[event.container_instance]
    cluster.queued.pop(task.id, None)
    task.instance, task.zone, task.last_status = instance.id, instance.zone, "PENDING"
    task.version += 1
    instance.version += 1
    instance.tasks[task.id] = task.group
    instance.reserves.pop(task.group, None)
    cluster.room.take(instance, task.demand)
    cluster.room.count(task.group, instance, 1)


def placement_failed(_namespace: NamespaceState, _event: TaskPlacementFailed, _at: float) -> None:
    """Change nothing: no task was made."""


def started(namespace: NamespaceState, event: TaskStarted, at: float) -> None:
    """Note RUNNING."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    task.last_status, task.started_at = "RUNNING", at
    task.version += 1
    task.unstarted = ()
    _note_containers(task, event.containers)
    instance = cluster.instances[task.instance]
    instance.running += 1
    if cluster.room.changing:
        cluster.room.gain(instance)
    service, deployment = owners(cluster, task)
    if service is not None and deployment is not None and task.desired_status == "RUNNING":
        service.running += 1
        service.ill += _is_ill(task)
        service.sick += _is_sick(task)
        deployment.running += 1
        deployment.failed, deployment.impaired = 0, False
        deployment.ran = True
        _note_healthy(service, deployment, task)


def container_changed(namespace: NamespaceState, event: ContainerStateChanged, _at: float) -> None:
    """Count the version, note health and restarts; what else containers are is in the read models."""
    task = namespace.clusters[event.cluster].tasks[event.task]
    task.version += 1
    _note_containers(task, [event.container])


def health_changed(namespace: NamespaceState, event: TaskHealthChanged, _at: float) -> None:
    """Note the health of a task."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    before = (_is_ill(task), _is_sick(task))
    task.health = event.health_status
    task.version += 1
    service, deployment = owners(cluster, task)
    if service is not None and deployment is not None and task.desired_status == "RUNNING":
        service.ill += _is_ill(task) - before[0]
        service.sick += _is_sick(task) - before[1]
        _note_healthy(service, deployment, task)
        service.steady = service.steady and task.healthy


def command_requested(_namespace: NamespaceState, _event: ExecuteCommandRequested, _at: float) -> None:
    """Change nothing: a command in a container does not change its task."""


def stop_requested(namespace: NamespaceState, event: TaskStopRequested, _at: float) -> None:
    """Note that a task must end: it counts for nothing any more but the room it has."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    task.version += 1
    task.stop_code, task.stop_reason = event.stop_code, event.reason
    _unwant(cluster, task)
    service, deployment = owners(cluster, task)
    if service is not None and deployment is not None:
        deployment.failures += event.unhealthy
        deployment.owed += event.unhealthy
        service.moving.pop(event.superseded_by, None)


def stopping(namespace: NamespaceState, event: TaskStopping, at: float) -> None:
    """Note STOPPING and free what the task had: it counts for nothing any more."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    _end(cluster, task, event, at)
    task.last_status = "STOPPING"
    cluster.instances[task.instance].stopping[task.id] = None


def stopped(namespace: NamespaceState, event: TaskStopped, at: float) -> None:
    """Note STOPPED and free what the task had, if it had not let go of it before."""
    cluster = namespace.clusters[event.cluster]
    task = cluster.tasks[event.task]
    if task.last_status == "STOPPING":
        task.version += 1
        task.stop_code, task.stop_reason = event.stop_code, event.reason
        del cluster.instances[task.instance].stopping[task.id]
    else:
        _end(cluster, task, event, at)
    task.last_status, task.stopped_at = "STOPPED", at
    _retire(cluster, task, at)


def _end(cluster: ClusterState, task: TaskState, event: TaskStopping | TaskStopped, at: float) -> None:
    service, deployment = owners(cluster, task)
    if task.desired_status == "RUNNING":
        _unwant(cluster, task)
    task.version += 1
    if task.instance:
        _free(cluster, task)
    task.stop_code, task.stop_reason = event.stop_code, event.reason
    if service is not None and deployment is not None:
        _leave(service, deployment, task, at)


def _free(cluster: ClusterState, task: TaskState) -> None:
    instance = cluster.instances[task.instance]
    instance.version += 1
    instance.tasks.pop(task.id, None)
    instance.running -= 1 if task.last_status == "RUNNING" else 0
    cluster.room.count_stopping(task.group, instance, -1)
    cluster.room.give_back(instance, task.demand)
    if task.group in cluster.room.daemons:
        reserve.keep(cluster, task.group, instance)


def owners(cluster: ClusterState, task: TaskState) -> tuple[ServiceState | None, DeploymentState | None]:
    """Find a task's service and deployment; none for a standalone task or a service since replaced."""
    if not task.deployment:
        return None, None
    service = cluster.services.get(task.group.removeprefix(SERVICE_GROUP))
    deployment = service.deployment(task.deployment) if service is not None else None
    return (None, None) if deployment is None else (service, deployment)


def _note_healthy(service: ServiceState, deployment: DeploymentState, task: TaskState) -> None:
    """Have the circuit breaker count anew, unless told otherwise (spec §9.4)."""
    breaker = service.settings.deployment_configuration.deployment_circuit_breaker
    if task.healthy and (breaker is None or breaker.reset_on_healthy_task is not False):
        deployment.failures = 0


def _note_containers(task: TaskState, reports: Sequence[ContainerReport]) -> None:
    for each in reports:
        if each.health_status and task.checks is not None and each.name in task.checks:
            task.checks[each.name] = each.health_status
        if each.restart_count:
            task.restarts = {**(task.restarts or {}), each.name: each.restart_count}
        if (each.status == "PENDING") != (each.name in task.unstarted):
            others = tuple(name for name in task.unstarted if name != each.name)
            task.unstarted = (*others, each.name) if each.status == "PENDING" else others


def _is_ill(task: TaskState) -> bool:
    return task.last_status == "RUNNING" and not task.healthy


def _is_sick(task: TaskState) -> bool:
    return _is_ill(task) and task.health == "UNHEALTHY"


def _unwant(cluster: ClusterState, task: TaskState) -> None:
    task.desired_status = "STOPPED"
    cluster.protected.pop(task.id, None)
    cluster.queued.pop(task.id, None)
    if task.instance:
        instance = cluster.instances[task.instance]
        cluster.room.count_stopping(task.group, instance, 1)
        cluster.room.count(task.group, instance, -1)
        cluster.room.gain(instance)
    service, deployment = owners(cluster, task)
    if service is None or deployment is None:
        return
    service.wanted -= 1
    service.moving.pop(task.id, None)
    service.steady = False
    if task.last_status == "RUNNING":
        service.running -= 1
        service.ill -= _is_ill(task)
        service.sick -= _is_sick(task)
        deployment.running -= 1
    if task.instance and cluster.instances[task.instance].lost:
        service.away -= 1


def _leave(service: ServiceState, deployment: DeploymentState, task: TaskState, at: float) -> None:
    service.alive -= 1
    deployment.tasks.pop(task.id, None)
    deployment.restored.pop(task.id, None)
    if task.stop_code == "TaskFailedToStart":
        deployment.failed += 1
        deployment.failed_at = at
        deployment.failures += not deployment.ran
    if not deployment.tasks:
        clear(service)


def _pay(service: ServiceState, deployment: DeploymentState, task: TaskState) -> None:
    """Note that a task stands in for one that failed its health checks."""
    deployment.owed -= 1
    if service.deployments and deployment is not service.deployments[0]:
        deployment.restored[task.id] = None


def _retire(cluster: ClusterState, task: TaskState, at: float) -> None:
    cluster.stopped.append((at, task.id))
    while cluster.stopped[0][0] < at - STOPPED_KEPT_SECONDS or len(cluster.stopped) > STOPPED_KEPT_MAX:
        cluster.tasks.pop(cluster.stopped.popleft()[1], None)
