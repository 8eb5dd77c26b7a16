"""Task: its operations at the doors, those of agents included."""

from quarterdeck.engine.core import report
from quarterdeck.engine.core import task as core
from quarterdeck.engine.core.errors import InvalidParameterException, ServiceNotFoundException
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import cluster_name, included, limited, missing, name_in, names_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.names import DEFAULT_CLUSTER
from quarterdeck.events.task import TaskPlaced, TaskPlacementFailed, TaskRequested
from quarterdeck.projections.live.states import DefinitionState, NamespaceState
from quarterdeck.projections.models.task_document import Outline, outline, outlined_task

TASKS_DESCRIBED_MAX = 100
OUTLINES_KEPT_MAX = 1_000
STATUSES = ("RUNNING", "PENDING", "STOPPED")
ALONE = ("container_instance", "family", "service_name", "launch_type", "daemon_name")


async def _run(context: Context, _: shapes.RunTaskRequest, outcome: Outcome) -> shapes.RunTaskResponse:
    failures = outcome.result
    if outcome.repeat is not None:
        failures = [each for event in outcome.events for each in _failures(context, event)]
    return shapes.RunTaskResponse(tasks=_tasks(context, outcome), failures=failures or [])


async def _started(context: Context, _: shapes.StartTaskRequest, outcome: Outcome) -> shapes.StartTaskResponse:
    return shapes.StartTaskResponse(tasks=_tasks(context, outcome), failures=outcome.result or [])


def _tasks(context: Context, outcome: Outcome) -> list[shapes.Task]:
    """Describe what was just decided from the decision itself: each request with the place that follows it."""
    state = context.view.namespaces[str(context.namespace)]
    placed = {each.task: each for each in outcome.events if isinstance(each, TaskPlaced)}
    return [
        _new(context, state, outcome.at, each, placed.get(each.task))
        for each in outcome.events
        if isinstance(each, TaskRequested)
    ]


def _new(
    context: Context, state: NamespaceState, at: float, requested: TaskRequested, placed: TaskPlaced | None
) -> shapes.Task:
    instance = state.clusters[requested.cluster].instances.get(placed.container_instance) if placed else None
    architecture = instance.attributes.get("ecs.cpu-architecture", "") if instance is not None else ""
    common = _outline(context, state, requested)
    return outlined_task(common, context.namespace, at, requested, placed, architecture=architecture)


def _outline(context: Context, state: NamespaceState, requested: TaskRequested) -> Outline:
    key = (context.namespace, requested.task_definition)
    found = context.outlines.get(key) if requested.overrides is None else None
    if found is None:
        definition = _definition(state, requested.task_definition)
        if definition is None:
            return outline(context.namespace, requested, shapes.TaskDefinition())
        if requested.overrides is not None:
            return outline(context.namespace, requested, definition.definition)
        found = outline(context.namespace, requested, definition.definition, definition.demand)
        if len(context.outlines) >= OUTLINES_KEPT_MAX:
            context.outlines.clear()
        context.outlines[key] = found
    return found


def _definition(state: NamespaceState, name: str) -> DefinitionState | None:
    """Look a revision up, which may be gone when a command is repeated a day later."""
    family, _, revision = name.rpartition(":")
    return state.families[family].revisions.get(int(revision))


def _failures(context: Context, event: object) -> list[shapes.Failure]:
    if not isinstance(event, TaskPlacementFailed):
        return []
    arn = context.namespace.container_instance_arn
    return [
        shapes.Failure(arn=arn(event.cluster, each.container_instance), reason=each.reason, detail=each.detail or None)
        for each in event.failures
    ]


async def _stopped(context: Context, request: shapes.StopTaskRequest, _: Outcome) -> shapes.StopTaskResponse:
    cluster = name_in(context, "cluster", request.cluster or DEFAULT_CLUSTER)
    name = name_in(context, "task", request.task or "", cluster)
    return shapes.StopTaskResponse(
        task=(await context.models.tasks.describe(context.namespace, cluster, [name], ["TAGS"]))[name]
    )


async def _describe(context: Context, request: shapes.DescribeTasksRequest) -> shapes.DescribeTasksResponse:
    cluster = await cluster_name(context, request.cluster)
    asked = limited(request.tasks, "Tasks cannot be empty.", TASKS_DESCRIBED_MAX)
    names = names_in(context, "task", asked, cluster)
    include = included(request.include, ("TAGS",))
    found = await context.models.tasks.describe(context.namespace, cluster, names, include)
    return shapes.DescribeTasksResponse(
        tasks=[found[name] for name in names if name in found],
        failures=missing(context.namespace.task_arn(cluster, name) for name in names if name not in found),
    )


async def _list(context: Context, request: shapes.ListTasksRequest) -> shapes.ListTasksResponse:
    cluster = await cluster_name(context, request.cluster)
    desired = request.desired_status or "RUNNING"
    if desired not in STATUSES:
        raise InvalidParameterException(f"desiredStatus should be one of [{','.join(STATUSES)}]")
    if request.started_by and any(getattr(request, name) for name in ALONE):
        raise InvalidParameterException("startedBy must be the only filter.")
    service, instance = await _filters(context, request, cluster)
    if request.daemon_name:  # there are no daemons
        return shapes.ListTasksResponse(task_arns=[])
    listed = await context.models.tasks.list(
        context.namespace,
        cluster,
        page(request),
        now=context.now,
        container_instance=instance,
        family=request.family or None,
        service_name=service,
        started_by=request.started_by or None,
        desired_status=desired,
        launch_type=request.launch_type,
    )
    return shapes.ListTasksResponse(task_arns=listed.items, next_token=next_token(request, listed))


async def _filters(context: Context, request: shapes.ListTasksRequest, cluster: str) -> tuple[str | None, str | None]:
    service = instance = None
    if request.service_name:
        service = name_in(context, "service", request.service_name, cluster)
        if service not in await context.models.services.describe(context.namespace, cluster, [service]):
            raise ServiceNotFoundException("Service not found.")
    if request.container_instance:
        instance = name_in(context, "container-instance", request.container_instance, cluster)
        if instance not in await context.models.container_instances.describe(context.namespace, cluster, [instance]):
            raise InvalidParameterException("The referenced container instance was not found.")
    return service, instance


async def _task_change(
    _context: Context, request: shapes.SubmitTaskStateChangeRequest, _: Outcome
) -> shapes.SubmitTaskStateChangeResponse:
    return shapes.SubmitTaskStateChangeResponse(acknowledgment=request.task)


async def _container_change(
    _context: Context, request: shapes.SubmitContainerStateChangeRequest, _: Outcome
) -> shapes.SubmitContainerStateChangeResponse:
    return shapes.SubmitContainerStateChangeResponse(acknowledgment=request.task)


async def _attachment_changes(
    _context: Context, request: shapes.SubmitAttachmentStateChangesRequest, _: Outcome
) -> shapes.SubmitAttachmentStateChangesResponse:
    return shapes.SubmitAttachmentStateChangesResponse(acknowledgment=request.cluster or DEFAULT_CLUSTER)


OPERATIONS: dict[str, Operation] = {
    "RunTask": Write(decide=core.run, answer=_run, at_once=True),
    "StartTask": Write(decide=core.start, answer=_started, at_once=True),
    "StopTask": Write(decide=core.stop, answer=_stopped),
    "DescribeTasks": Read(read=_describe),
    "ListTasks": Read(read=_list),
    "SubmitTaskStateChange": Write(decide=report.task, answer=_task_change, at_once=True),
    "SubmitContainerStateChange": Write(decide=report.container, answer=_container_change, at_once=True),
    "SubmitAttachmentStateChanges": Write(decide=report.attachments, answer=_attachment_changes, at_once=True),
}
