"""Execute command: who may be given a session with a container, and that it is remembered (spec §11.3)."""

from quarterdeck.engine.core.errors import InvalidParameterException, TargetNotConnectedException
from quarterdeck.engine.core.task import existing
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.task import ExecuteCommandRequested
from quarterdeck.projections.live.states import ClusterState, TaskState
from quarterdeck.projections.live.task_definition import find

NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn’t running. Wait and try again or run a new task with execute command enabled and try again."  # noqa: RUF001 - ECS's apostrophe
)
SESSION_DIGITS = 17


def execute(turn: Turn, request: shapes.ExecuteCommandRequest) -> TaskState:
    """Give a session; gives the task it is with."""
    cluster = turn.cluster(request.cluster)
    if not request.interactive:
        raise InvalidParameterException("Interactive is the only mode supported currently.")
    if not (request.command or "").strip():
        raise InvalidParameterException("Command can not be blank.")
    task = existing(turn, cluster, request.task)
    definition = find(turn.state, task.definition).definition
    container = _container([each.name or "" for each in definition.container_definitions or []], request.container)
    if not task.executes or task.last_status != "RUNNING" or task.desired_status != "RUNNING":
        raise InvalidParameterException(NOT_ENABLED)
    _check_connected(cluster, task)
    turn.emit(
        ExecuteCommandRequested(
            cluster=cluster.name,
            task=task.id,
            container=container,
            command=request.command or "",
            session=f"ecs-execute-command-{turn.ids.hex()[:SESSION_DIGITS]}",
        )
    )
    return task


def _container(names: list[str], asked: str | None) -> str:
    if not asked and len(names) > 1:
        raise InvalidParameterException(
            f"The task has several containers: {', '.join(names)}. Specify in which one to run the command."
        )
    if asked and asked not in names:
        raise InvalidParameterException(f"The container {asked} was not found in the task.")
    return asked or names[0]


def _check_connected(cluster: ClusterState, task: TaskState) -> None:
    instance = cluster.instances.get(task.instance)
    if instance is None or not instance.connected:
        raise TargetNotConnectedException(
            "The execute command failed due to an internal error. Try again later. "
            f"(The agent of container instance {task.instance} is not connected.)"
        )
