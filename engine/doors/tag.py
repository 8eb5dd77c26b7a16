"""Tag: the operations about tags at the doors."""

from quarterdeck.engine.core import tag as core
from quarterdeck.engine.core.errors import ClusterNotFoundException, InvalidParameterException
from quarterdeck.engine.core.turn import whole_number
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.names import Arn

TAGS = ("TAGS",)

Tagged = (
    shapes.Cluster | shapes.CapacityProvider | shapes.ContainerInstance | shapes.Service | shapes.Task | shapes.TaskSet
)


async def _tagged(_context: Context, _request: shapes.TagResourceRequest, _: Outcome) -> shapes.TagResourceResponse:
    return shapes.TagResourceResponse()


async def _untagged(
    _context: Context, _request: shapes.UntagResourceRequest, _: Outcome
) -> shapes.UntagResourceResponse:
    return shapes.UntagResourceResponse()


async def _list(context: Context, request: shapes.ListTagsForResourceRequest) -> shapes.ListTagsForResourceResponse:
    arn = core.checked_arn(context.namespace, request.resource_arn)
    if arn.kind == "task-definition":
        return shapes.ListTagsForResourceResponse(tags=await _of_definition(context, arn))
    found = await (_inside(context, arn) if len(arn.path) > 1 else _outside(context, arn))
    if found is None:
        raise InvalidParameterException(core.not_found(arn))
    if not isinstance(found, shapes.Task) and found.status == "INACTIVE":
        raise core.inactive(arn)
    return shapes.ListTagsForResourceResponse(tags=found.tags or [])


async def _of_definition(context: Context, arn: Arn) -> list[shapes.Tag]:
    family, _, revision = arn.path[0].partition(":")
    number = whole_number(revision) or 0
    found = await context.models.task_definitions.describe(context.namespace, family, number)
    if found is None:
        raise InvalidParameterException(core.not_found(arn))
    return found[1]


async def _outside(context: Context, arn: Arn) -> Tagged | None:
    (name,) = arn.path
    if arn.kind == "capacity-provider":
        return (await context.models.capacity_providers.describe(context.namespace, [name], TAGS)).get(name)
    found = (await context.models.clusters.describe(context.namespace, [name], TAGS)).get(name)
    if found is None:
        raise ClusterNotFoundException("Cluster not found.")
    return found


async def _inside(context: Context, arn: Arn) -> Tagged | None:
    cluster, name, *rest = arn.path
    if cluster not in await context.models.clusters.describe(context.namespace, [cluster]):
        raise ClusterNotFoundException("Cluster not found.")
    models, namespace = context.models, context.namespace
    if arn.kind == "task-set":
        return (await models.task_sets.describe(namespace, cluster, name, TAGS)).get("/".join(rest))
    if arn.kind == "container-instance":
        return (await models.container_instances.describe(namespace, cluster, [name], TAGS)).get(name)
    if arn.kind == "service":
        return (await models.services.describe(namespace, cluster, [name], TAGS)).get(name)
    return (await models.tasks.describe(namespace, cluster, [name], TAGS)).get(name)


OPERATIONS: dict[str, Operation] = {
    "TagResource": Write(decide=core.tag, answer=_tagged),
    "UntagResource": Write(decide=core.untag, answer=_untagged),
    "ListTagsForResource": Read(read=_list),
}
