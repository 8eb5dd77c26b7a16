"""Task definition: its operations at the doors."""

from quarterdeck.engine.core import task_definition as core
from quarterdeck.engine.core.errors import ClientException, InvalidParameterException
from quarterdeck.engine.core.turn import revision_number
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import included, name_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.task_definition import TaskDefinitionRegistered

STATUSES = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS")
FAMILY_STATUSES = ("ACTIVE", "INACTIVE", "ALL")


async def _registered(
    _context: Context, _request: shapes.RegisterTaskDefinitionRequest, outcome: Outcome
) -> shapes.RegisterTaskDefinitionResponse:
    event = next(each for each in outcome.events if isinstance(each, TaskDefinitionRegistered))
    return shapes.RegisterTaskDefinitionResponse(task_definition=event.definition, tags=event.tags)


async def _deregistered(
    context: Context, request: shapes.DeregisterTaskDefinitionRequest, _: Outcome
) -> shapes.DeregisterTaskDefinitionResponse:
    definition, _tags = await _find(context, request.task_definition)
    return shapes.DeregisterTaskDefinitionResponse(task_definition=definition)


async def _deleted(
    context: Context, request: shapes.DeleteTaskDefinitionsRequest, outcome: Outcome
) -> shapes.DeleteTaskDefinitionsResponse:
    failures: list[shapes.Failure] = outcome.result or []
    refused = {each.arn for each in failures}
    found = [
        (await _find(context, each))[0]
        for each in dict.fromkeys(request.task_definitions or [])
        if context.namespace.task_definition_arn(name_in(context, "task-definition", each)) not in refused
    ]
    return shapes.DeleteTaskDefinitionsResponse(task_definitions=found, failures=failures)


async def _describe(
    context: Context, request: shapes.DescribeTaskDefinitionRequest
) -> shapes.DescribeTaskDefinitionResponse:
    include = included(request.include, ("TAGS",))
    if not request.task_definition:
        raise ClientException("TaskDefinition can not be blank.")
    definition, tags = await _find(context, request.task_definition)
    return shapes.DescribeTaskDefinitionResponse(task_definition=definition, tags=tags if include else [])


async def _find(context: Context, reference: str | None) -> tuple[shapes.TaskDefinition, list[shapes.Tag]]:
    family, _, revision = name_in(context, "task-definition", reference or "").partition(":")
    number = revision_number(revision) if revision else None
    found = await context.models.task_definitions.describe(context.namespace, family, number)
    if found is None:
        raise ClientException("Unable to describe task definition.")
    return found


async def _list(context: Context, request: shapes.ListTaskDefinitionsRequest) -> shapes.ListTaskDefinitionsResponse:
    status = _one_of("status", request.status or "ACTIVE", STATUSES)
    descending = _one_of("sort", request.sort or "ASC", ("ASC", "DESC")) == "DESC"
    listed = await context.models.task_definitions.list(
        context.namespace, page(request), family=request.family_prefix or None, status=status, descending=descending
    )
    return shapes.ListTaskDefinitionsResponse(task_definition_arns=listed.items, next_token=next_token(request, listed))


async def _families(
    context: Context, request: shapes.ListTaskDefinitionFamiliesRequest
) -> shapes.ListTaskDefinitionFamiliesResponse:
    status = _one_of("status", request.status or "ALL", FAMILY_STATUSES)
    listed = await context.models.task_definitions.families(
        context.namespace, page(request), prefix=request.family_prefix or "", status=status
    )
    return shapes.ListTaskDefinitionFamiliesResponse(families=listed.items, next_token=next_token(request, listed))


def _one_of(member: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidParameterException(f"{member} should be one of [{','.join(allowed)}]")
    return value


OPERATIONS: dict[str, Operation] = {
    "RegisterTaskDefinition": Write(decide=core.register, answer=_registered, at_once=True),
    "DeregisterTaskDefinition": Write(decide=core.deregister, answer=_deregistered),
    "DeleteTaskDefinitions": Write(decide=core.delete, answer=_deleted),
    "DescribeTaskDefinition": Read(read=_describe),
    "ListTaskDefinitions": Read(read=_list),
    "ListTaskDefinitionFamilies": Read(read=_families),
}
