"""Task document: a task in the shape of the ECS API, and how reports about it change that. Pure."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace, container_uuid
from quarterdeck.events.task import (
    ContainerReport,
    ContainerStateChanged,
    TaskPlaced,
    TaskRequested,
    TaskStarted,
    TaskStopped,
    TaskStopping,
    TaskStopRequested,
)
from quarterdeck.projections.live.demand import Demand, demand
from quarterdeck.projections.models import task_attachment

ARCHITECTURE = "ecs.cpu-architecture"
_NO_OVERRIDE = shapes.ContainerOverride()
MANAGED_AGENT = shapes.ManagedAgent(name="ExecuteCommandAgent", last_status="PENDING")
"""What runs commands in a container: here the agent of its instance, for as long as the container runs (spec §11.3)."""
T = TypeVar("T")


class Outline(msgspec.Struct, frozen=True, gc=False):
    """What all new tasks of one definition, with the same overrides, have in common."""

    task: shapes.Task


def requested_task(  # noqa: PLR0913 - what RunTask knows when it answers
    namespace: Namespace,
    at: float,
    requested: TaskRequested,
    placed: TaskPlaced | None,
    definition: shapes.TaskDefinition,
    *,
    needs: Demand | None = None,
    architecture: str = "",
) -> shapes.Task:
    """Describe a new task, as RunTask answers (spec Appendix B.1).

    `needs` is what `live.demand` works out of the definition and the overrides, for who has it at hand;
    `architecture` is the instance's attribute ``ecs.cpu-architecture``.
    """
    common = outline(namespace, requested, definition, needs)
    return outlined_task(common, namespace, at, requested, placed, architecture=architecture)


def outline(
    namespace: Namespace, requested: TaskRequested, definition: shapes.TaskDefinition, needs: Demand | None = None
) -> Outline:
    """Work out what a task shares with all others of its definition and overrides."""
    if needs is None:
        needs = demand(definition, requested.overrides)
    given, overrides = _overrides(requested.overrides, definition)
    task = shapes.Task(
        attachments=[],
        containers=[
            _container(each, given.get(each.name, _NO_OVERRIDE)) for each in definition.container_definitions or ()
        ],
        cpu=str(needs.cpu),
        desired_status="RUNNING",
        memory=str(needs.memory),
        overrides=overrides,
        task_definition_arn=namespace.task_definition_arn(requested.task_definition),
    )
    return Outline(task)


def outlined_task(
    common: Outline,
    namespace: Namespace,
    at: float,
    requested: TaskRequested,
    placed: TaskPlaced | None,
    *,
    architecture: str = "",
) -> shapes.Task:
    """Fill in what a task has for itself."""
    cluster, name = requested.cluster, requested.task
    arn = namespace.task_arn(cluster, name)
    return replace(
        common.task,
        attachments=task_attachment.wanted(requested),
        attributes=_attributes(architecture),
        availability_zone=placed.zone if placed is not None else None,
        cluster_arn=namespace.cluster_arn(cluster),
        container_instance_arn=namespace.container_instance_arn(cluster, placed.container_instance)
        if placed is not None
        else None,
        containers=[
            replace(
                each,
                container_arn=namespace.container_arn(cluster, name, container_uuid(name, index)),
                managed_agents=[MANAGED_AGENT] if requested.enable_execute_command else None,
                task_arn=arn,
            )
            for index, each in enumerate(common.task.containers or ())
        ],
        created_at=at,
        enable_execute_command=requested.enable_execute_command,
        group=requested.group,
        last_status="PENDING" if placed is not None else "PROVISIONING",
        launch_type=requested.launch_type,
        started_by=requested.started_by or requested.deployment or None,
        tags=requested.tags,
        task_arn=arn,
        version=2 if placed is not None else 1,
    )


def placed_task(namespace: Namespace, task: shapes.Task, event: TaskPlaced, architecture: str) -> shapes.Task:
    """Bind a task that was described without a place."""
    return replace(
        task,
        attributes=_attributes(architecture),
        availability_zone=event.zone,
        container_instance_arn=namespace.container_instance_arn(event.cluster, event.container_instance),
        last_status="PENDING",
        version=(task.version or 0) + 1,
    )


def started_task(task: shapes.Task, event: TaskStarted, at: float, definition: shapes.TaskDefinition) -> shapes.Task:
    """Note RUNNING; a container without a report shares the task's status."""
    merged = _merge(task.containers or [], event.containers, "RUNNING", at)
    containers = task_attachment.interfaces(merged, event.task, event.attachment)
    return replace(
        task,
        attachments=task_attachment.attached(event.task, event.attachment) or task.attachments,
        connectivity="CONNECTED",
        connectivity_at=task.connectivity_at or at,
        containers=containers,
        health_status=_health(containers, definition),
        last_status="RUNNING",
        pull_started_at=_first(event.pull_started_at, task.pull_started_at),
        pull_stopped_at=_first(event.pull_stopped_at, task.pull_stopped_at),
        started_at=at,
        version=(task.version or 0) + 1,
    )


def reported_task(
    task: shapes.Task, event: ContainerStateChanged, at: float, definition: shapes.TaskDefinition
) -> shapes.Task:
    """Note a change of one container."""
    containers = _merge(task.containers or [], [event.container], "", at)
    return replace(
        task,
        connectivity="CONNECTED",
        connectivity_at=task.connectivity_at or at,
        containers=containers,
        health_status=_health(containers, definition),
        version=(task.version or 0) + 1,
    )


def stopping_task(task: shapes.Task, event: TaskStopRequested | TaskStopping, at: float) -> shapes.Task:
    """Note the desired status STOPPED; what the agent reports is untouched."""
    return replace(
        task,
        desired_status="STOPPED",
        stop_code=event.stop_code,
        stopped_reason=event.reason,
        stopping_at=at,
        version=(task.version or 0) + 1,
    )


def stopped_task(task: shapes.Task, event: TaskStopped, at: float) -> shapes.Task:
    """Note STOPPED, of the task and of every container."""
    return replace(
        task,
        attachments=task_attachment.deleted(task.attachments),
        containers=_merge(task.containers or [], event.containers, "STOPPED", at),
        desired_status="STOPPED",
        execution_stopped_at=event.execution_stopped_at,
        last_status="STOPPED",
        pull_started_at=_first(event.pull_started_at, task.pull_started_at),
        pull_stopped_at=_first(event.pull_stopped_at, task.pull_stopped_at),
        stop_code=event.stop_code,
        stopped_at=at,
        stopped_reason=event.reason,
        stopping_at=_first(task.stopping_at, at),
        version=(task.version or 0) + 1,
    )


def _attributes(architecture: str) -> list[shapes.Attribute]:
    return [shapes.Attribute(name=ARCHITECTURE, value=architecture)] if architecture else []


def _overrides(
    given: shapes.TaskOverride | None, definition: shapes.TaskDefinition
) -> tuple[dict[str | None, shapes.ContainerOverride], shapes.TaskOverride]:
    containers = definition.container_definitions or ()
    if given is None:
        named = [shapes.ContainerOverride(name=each.name) for each in containers]
        return {}, shapes.TaskOverride(container_overrides=named, inference_accelerator_overrides=[])
    by_name: dict[str | None, shapes.ContainerOverride] = {each.name: each for each in given.container_overrides or ()}
    named = [by_name.get(each.name) or shapes.ContainerOverride(name=each.name) for each in containers]
    accelerators = given.inference_accelerator_overrides or []
    return by_name, replace(given, container_overrides=named, inference_accelerator_overrides=accelerators)


def _container(definition: shapes.ContainerDefinition, override: shapes.ContainerOverride) -> shapes.Container:
    memory = _first(override.memory, definition.memory)
    reservation = _first(override.memory_reservation, definition.memory_reservation)
    return shapes.Container(
        name=definition.name,
        image=definition.image,
        last_status="PENDING",
        network_interfaces=[],
        cpu=str(_first(override.cpu, definition.cpu) or 0),
        memory=None if memory is None else str(memory),
        memory_reservation=None if reservation is None else str(reservation),
    )


def _merge(
    containers: Sequence[shapes.Container], reports: Sequence[ContainerReport], status: str, at: float
) -> list[shapes.Container]:
    said = {each.name: each for each in reports}
    return [_report(each, said.get(each.name or ""), status, at) for each in containers]


def _report(container: shapes.Container, report: ContainerReport | None, status: str, at: float) -> shapes.Container:
    if report is None:
        if not status or container.last_status == "STOPPED":
            return container
        report = ContainerReport(name=container.name or "", status=status)
    return replace(
        container,
        last_status=report.status,
        managed_agents=_managed(container, report.status, at),
        runtime_id=report.runtime_id or container.runtime_id,
        image_digest=report.image_digest or container.image_digest,
        exit_code=_first(report.exit_code, container.exit_code),
        reason=_reason(container, report),
        network_bindings=report.network_bindings or container.network_bindings or [],
        health_status=report.health_status or container.health_status or "UNKNOWN",
    )


def _reason(container: shapes.Container, report: ContainerReport) -> str | None:
    """Of an end the first word stands; a reason to be PENDING (how far its image is) is none for what comes after."""
    if container.last_status == report.status == "STOPPED" and container.reason:
        return container.reason
    return report.reason or (None if container.last_status == "PENDING" else container.reason)


def _managed(container: shapes.Container, status: str, at: float) -> list[shapes.ManagedAgent] | None:
    """Let the managed agents share their container's status."""
    if not container.managed_agents or status not in {"RUNNING", "STOPPED"}:
        return container.managed_agents
    return [
        replace(
            each, last_status=status, last_started_at=_first(each.last_started_at, at if status == "RUNNING" else None)
        )
        for each in container.managed_agents
    ]


def _health(containers: Sequence[shapes.Container], definition: shapes.TaskDefinition) -> str:
    """Judge by the essential containers that have a health check (spec §6.1)."""
    counted = {
        each.name
        for each in definition.container_definitions or ()
        if each.health_check is not None and each.essential is not False
    }
    states = {each.health_status for each in containers if each.name in counted}
    if "UNHEALTHY" in states:
        return "UNHEALTHY"
    return "HEALTHY" if states == {"HEALTHY"} else "UNKNOWN"


def _first(first: T | None, second: T | None) -> T | None:
    return second if first is None else first
