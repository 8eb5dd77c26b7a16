"""Task protection: its operations at the doors."""

from quarterdeck.engine.core import task_protection as core
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.references import cluster_name, name_in, names_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.task import TaskProtectionEnabled

TASKS_MAX = 100


async def _updated(
    context: Context, request: shapes.UpdateTaskProtectionRequest, outcome: Outcome
) -> shapes.UpdateTaskProtectionResponse:
    failures: list[shapes.Failure] = outcome.result or []
    failed = {each.arn for each in failures}
    until = {each.task: each.expires_at for each in outcome.events if isinstance(each, TaskProtectionEnabled)}
    cluster = name_in(context, "cluster", request.cluster or "")
    protected = [
        shapes.ProtectedTask(task_arn=arn, protection_enabled=name in until, expiration_date=until.get(name))
        for name in names_in(context, "task", request.tasks or [], cluster)
        if (arn := context.namespace.task_arn(cluster, name)) not in failed
    ]
    return shapes.UpdateTaskProtectionResponse(protected_tasks=protected, failures=failures)


async def _get(context: Context, request: shapes.GetTaskProtectionRequest) -> shapes.GetTaskProtectionResponse:
    if not request.cluster:
        raise InvalidParameterException("Cluster can not be blank.")
    cluster = await cluster_name(context, request.cluster)
    if len(request.tasks or []) > TASKS_MAX:
        raise InvalidParameterException(f"Tasks can be at most {TASKS_MAX}, not {len(request.tasks or [])}.")
    names = names_in(context, "task", request.tasks, cluster) if request.tasks else None
    found = await context.models.task_protections.describe(context.namespace, cluster, names)
    failures = [
        shapes.Failure(
            arn=context.namespace.task_arn(cluster, name),
            reason="TASK_NOT_VALID" if name in found else "MISSING",
            detail=core.REASONS["TASK_NOT_VALID"] if name in found else None,
        )
        for name in names or []
        if found.get(name) is None
    ]
    return shapes.GetTaskProtectionResponse(
        protected_tasks=[each for each in found.values() if each is not None], failures=failures
    )


OPERATIONS: dict[str, Operation] = {
    "UpdateTaskProtection": Write(decide=core.update, answer=_updated, at_once=True),
    "GetTaskProtection": Read(read=_get),
}
