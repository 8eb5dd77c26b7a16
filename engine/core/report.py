"""Report: deciding what an agent's word about a task changes (spec §4.8, §6.7).

Observed status only moves forward: a task that STOPPED stays STOPPED, a report that comes late or
twice changes nothing.
"""

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.task import existing
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.task import (
    ContainerReport,
    ContainerStateChanged,
    NetworkAttachment,
    TaskHealthChanged,
    TaskStarted,
    TaskStopped,
    TaskStopping,
)
from quarterdeck.projections.live.states import ClusterState, TaskState

REASON_CHARACTERS_MAX = 1024
EXITED = "Essential container in task exited"
EXITED_CODE = "EssentialContainerExited"
NOT_STARTED = "Task failed to start"


def task(turn: Turn, request: shapes.SubmitTaskStateChangeRequest) -> None:
    """Take a report about a task and the containers that changed with it."""
    cluster = turn.cluster(request.cluster)
    found = _placed(turn, cluster, request.task)
    if found.last_status == "STOPPED":
        return
    containers = [_container(each) for each in request.containers or []]
    if request.status == "STOPPED":
        code, reason = _verdict(found, request, containers)
        turn.emit(
            TaskStopped(
                cluster=cluster.name,
                task=found.id,
                stop_code=code,
                reason=reason,
                containers=containers,
                pull_started_at=_milliseconds(request.pull_started_at),
                pull_stopped_at=_milliseconds(request.pull_stopped_at),
                execution_stopped_at=_milliseconds(request.execution_stopped_at),
            )
        )
    elif request.status == "STOPPING":
        _let_go(turn, cluster.name, found)
    elif request.status == "RUNNING" and found.last_status == "PENDING":
        turn.emit(
            TaskStarted(
                cluster=cluster.name,
                task=found.id,
                containers=containers,
                pull_started_at=_milliseconds(request.pull_started_at),
                pull_stopped_at=_milliseconds(request.pull_stopped_at),
                attachment=_attachment(request),
            )
        )
    else:
        for each in containers:
            turn.emit(ContainerStateChanged(cluster=cluster.name, task=found.id, container=each))
    _tell_health(turn, cluster.name, found)


def container(turn: Turn, request: shapes.SubmitContainerStateChangeRequest) -> None:
    """Take a report about one container."""
    cluster = turn.cluster(request.cluster)
    found = _placed(turn, cluster, request.task)
    if found.last_status == "STOPPED":
        return
    turn.emit(ContainerStateChanged(cluster=cluster.name, task=found.id, container=_container(request)))
    _tell_health(turn, cluster.name, found)


def attachments(turn: Turn, request: shapes.SubmitAttachmentStateChangesRequest) -> None:
    """Acknowledge reports about attachments; there are none here to change."""
    turn.cluster(request.cluster)
    if not request.attachments:
        raise InvalidParameterException("attachments can not be empty")


def _let_go(turn: Turn, cluster: str, found: TaskState) -> None:
    """Take an agent's word that nothing of a task runs any more, so that it can be replaced before it is STOPPED.

    What it has of its host's ports is free only then. One that is asked to stop is waited for as ECS does.
    """
    if found.last_status == found.desired_status == "RUNNING" and not (found.demand.tcp or found.demand.udp):
        turn.emit(TaskStopping(cluster=cluster, task=found.id, stop_code=EXITED_CODE, reason=EXITED))


def _placed(turn: Turn, cluster: ClusterState, reference: str | None) -> TaskState:
    """Find a task that an agent may speak of; if it waits for room as far as is known here, another engine placed it.

    To take that word and change nothing would lose it: the agent is to bring it again, to the engine that knows.
    """
    found = existing(turn, cluster, reference)
    if found.last_status != "STOPPED" and not found.instance:
        raise InvalidParameterException("The referenced task was not found on a container instance.")
    return found


def _container(change: shapes.ContainerStateChange | shapes.SubmitContainerStateChangeRequest) -> ContainerReport:
    if not change.container_name:
        raise InvalidParameterException("Container name can not be blank.")
    digest = change.image_digest if isinstance(change, shapes.ContainerStateChange) else None
    return ContainerReport(
        name=change.container_name,
        status=change.status or "PENDING",
        runtime_id=change.runtime_id or "",
        image_digest=digest or "",
        exit_code=change.exit_code,
        reason=(change.reason or "")[:REASON_CHARACTERS_MAX],
        network_bindings=change.network_bindings or [],
        health_status=_health(change.health_status),
        restart_count=change.restart_count or 0,
    )


def _attachment(request: shapes.SubmitTaskStateChangeRequest) -> NetworkAttachment | None:
    if not request.private_ipv4_address:
        return None
    return NetworkAttachment(
        subnet=request.subnet_id or "",
        private_ipv4_address=request.private_ipv4_address,
        mac_address=request.mac_address or "",
    )


def _health(told: str | None) -> str:
    if told not in {None, *shapes.ENUMS["HealthStatus"]}:
        raise InvalidParameterException(f"healthStatus should be one of [{','.join(shapes.ENUMS['HealthStatus'])}]")
    return told or ""


def _tell_health(turn: Turn, cluster: str, found: TaskState) -> None:
    """Judge a task that goes on by its essential containers that have a health check (spec §6.2)."""
    if found.checks is None or found.last_status == "STOPPED":
        return
    states = set(found.checks.values())
    health = next((each for each in ("UNHEALTHY", "UNKNOWN") if each in states), "HEALTHY")
    if health != found.health:
        turn.emit(TaskHealthChanged(cluster=cluster, task=found.id, health_status=health))


def _milliseconds(at: float | None) -> float | None:
    """Cut a time an agent reports to what ECS tells (spec §1.2)."""
    return None if at is None else round(at, 3)


def _verdict(
    found: TaskState, request: shapes.SubmitTaskStateChangeRequest, containers: list[ContainerReport]
) -> tuple[str, str]:
    if found.desired_status == "STOPPED":
        return found.stop_code, found.stop_reason
    if found.last_status == "RUNNING" and request.reason in {None, "", EXITED}:
        return EXITED_CODE, EXITED
    # Of a task that is RUNNING too: essential containers may wait for nobody, and others for what can't be.
    told = request.reason or next((each.reason for each in containers if each.reason), "")
    return "TaskFailedToStart", (told or NOT_STARTED)[:REASON_CHARACTERS_MAX]
