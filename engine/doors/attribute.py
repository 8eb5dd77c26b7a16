"""Attribute: the operations about container instances' attributes at the doors."""

from quarterdeck.engine.core import attribute as core
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import cluster_name
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes


async def _put(
    _context: Context, _request: shapes.PutAttributesRequest, outcome: Outcome
) -> shapes.PutAttributesResponse:
    return shapes.PutAttributesResponse(attributes=outcome.result or [])


async def _deleted(
    _context: Context, _request: shapes.DeleteAttributesRequest, outcome: Outcome
) -> shapes.DeleteAttributesResponse:
    return shapes.DeleteAttributesResponse(attributes=outcome.result or [])


async def _list(context: Context, request: shapes.ListAttributesRequest) -> shapes.ListAttributesResponse:
    cluster = await cluster_name(context, request.cluster)
    if request.target_type != core.TARGET:
        raise InvalidParameterException(f"targetType must be {core.TARGET}")
    if request.attribute_value and not request.attribute_name:
        raise InvalidParameterException("attributeName must be specified when attributeValue is.")
    listed = await context.models.attributes.list(
        context.namespace,
        cluster,
        page(request),
        name=request.attribute_name or None,
        value=request.attribute_value or None,
    )
    return shapes.ListAttributesResponse(attributes=listed.items, next_token=next_token(request, listed))


OPERATIONS: dict[str, Operation] = {
    "PutAttributes": Write(decide=core.put, answer=_put),
    "DeleteAttributes": Write(decide=core.delete, answer=_deleted),
    "ListAttributes": Read(read=_list),
}
