"""Execute command: refused, in ECS's words, until there is something in containers to open a session with."""

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.doors.operation import Context, Operation, Read
from quarterdeck.engine.doors.references import cluster_name, name_in
from quarterdeck.events import shapes

NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn’t running. Wait and try again or run a new task with execute command enabled and try again."  # noqa: RUF001 - ECS's apostrophe
)


async def _refuse(context: Context, request: shapes.ExecuteCommandRequest) -> shapes.ExecuteCommandResponse:
    cluster = await cluster_name(context, request.cluster)
    if not request.interactive:
        raise InvalidParameterException("Interactive is the only mode supported currently.")
    if not request.command:
        raise InvalidParameterException("Command can not be blank.")
    name = name_in(context, "task", request.task or "", cluster)
    task = (await context.models.tasks.describe(context.namespace, cluster, [name])).get(name)
    if task is None:
        raise InvalidParameterException("The referenced task was not found.")
    _check_container([each.name or "" for each in task.containers or []], request.container)
    raise InvalidParameterException(NOT_ENABLED)


def _check_container(names: list[str], asked: str | None) -> None:
    if not asked and len(names) > 1:
        raise InvalidParameterException(
            f"The task has several containers: {', '.join(names)}. Specify in which one to run the command."
        )
    if asked and asked not in names:
        raise InvalidParameterException(f"The container {asked} was not found in the task.")


OPERATIONS: dict[str, Operation] = {"ExecuteCommand": Read(read=_refuse)}
