"""Task set: its operations at the doors."""

from collections.abc import Awaitable, Callable

import msgspec

from quarterdeck.engine.core import task_set as core
from quarterdeck.engine.core.errors import (
    InvalidParameterException,
    ServiceNotActiveException,
    ServiceNotFoundException,
)
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.references import cluster_name, included, missing, name_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.task_set import TaskSetEvent

Changed = (
    shapes.CreateTaskSetRequest
    | shapes.UpdateTaskSetRequest
    | shapes.UpdateServicePrimaryTaskSetRequest
    | shapes.DeleteTaskSetRequest
)


def _answer(response: type[msgspec.Struct]) -> Callable[[Context, Changed, Outcome], Awaitable[msgspec.Struct]]:
    """Answer with the task set that was decided on."""

    async def answer(context: Context, request: Changed, outcome: Outcome) -> msgspec.Struct:
        return response(task_set=await _one(context, request.cluster, request.service, outcome))

    return answer


async def _one(context: Context, cluster: str | None, service: str | None, outcome: Outcome) -> shapes.TaskSet | None:
    """Describe what was decided on; a set that was empty may be gone by now."""
    inside = name_in(context, "cluster", cluster or "")
    name = name_in(context, "service", service or "", inside)
    found = await context.models.task_sets.describe(context.namespace, inside, name, ["TAGS"])
    identity = outcome.result or next(each.task_set for each in outcome.events if isinstance(each, TaskSetEvent))
    arn = context.namespace.task_set_arn(inside, name, identity)
    return found.get(identity) or shapes.TaskSet(id=identity, task_set_arn=arn, status="DRAINING")


async def _describe(context: Context, request: shapes.DescribeTaskSetsRequest) -> shapes.DescribeTaskSetsResponse:
    if not request.cluster:
        raise InvalidParameterException("Cluster can not be blank.")
    cluster = await cluster_name(context, request.cluster)
    name = name_in(context, "service", request.service or "", cluster)
    service = (await context.models.services.describe(context.namespace, cluster, [name])).get(name)
    if service is None:
        raise ServiceNotFoundException("Service not found.")
    if service.status == "INACTIVE":
        raise ServiceNotActiveException("Service was not ACTIVE.")
    if service.task_sets is None:
        raise InvalidParameterException("Task sets are only supported with the deployment controller EXTERNAL.")
    found = await context.models.task_sets.describe(
        context.namespace, cluster, name, included(request.include, ("TAGS",))
    )
    names = list(dict.fromkeys(core.task_set_id(each) for each in request.task_sets or found))
    return shapes.DescribeTaskSetsResponse(
        task_sets=[found[each] for each in names if each in found],
        failures=missing(context.namespace.task_set_arn(cluster, name, each) for each in names if each not in found),
    )


OPERATIONS: dict[str, Operation] = {
    "CreateTaskSet": Write(decide=core.create, answer=_answer(shapes.CreateTaskSetResponse)),
    "UpdateTaskSet": Write(decide=core.update, answer=_answer(shapes.UpdateTaskSetResponse)),
    "UpdateServicePrimaryTaskSet": Write(
        decide=core.make_primary, answer=_answer(shapes.UpdateServicePrimaryTaskSetResponse)
    ),
    "DeleteTaskSet": Write(decide=core.delete, answer=_answer(shapes.DeleteTaskSetResponse)),
    "DescribeTaskSets": Read(read=_describe),
}
