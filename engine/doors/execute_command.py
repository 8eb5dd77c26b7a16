"""Execute command: a session with a container, which the client takes up with the container's agent.

``streamUrl`` is ``nats:`` and the subject to open it on (`quarterdeck.events.session`): AWS's session-manager-plugin
speaks SSM's protocol and can't, `quarterdeck exec` and the client's `execute` can.
"""

from quarterdeck.engine.core import execute_command as core
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.doors.operation import Context, Operation, Write
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events import shapes
from quarterdeck.events.names import container_uuid
from quarterdeck.events.session import OPEN, Grant, subject
from quarterdeck.events.task import ExecuteCommandRequested
from quarterdeck.projections.live.task_definition import find

SCHEME = "nats:"


async def _opened(
    context: Context, request: shapes.ExecuteCommandRequest, outcome: Outcome
) -> shapes.ExecuteCommandResponse:
    (event,) = (each for each in outcome.events if isinstance(each, ExecuteCommandRequested))
    namespace, cluster, task = context.namespace, event.cluster, event.task
    state = context.view.namespaces[str(namespace)]
    known = state.clusters[cluster].tasks.get(task)
    if known is None:  # a command repeated after its task is forgotten
        raise InvalidParameterException("The referenced task was not found.")
    names = [each.name for each in find(state, known.definition).definition.container_definitions or []]
    instance = Instance(str(namespace), cluster, known.instance)
    grant = Grant(task=task, container=event.container, command=event.command)
    return shapes.ExecuteCommandResponse(
        cluster_arn=namespace.cluster_arn(cluster),
        container_arn=namespace.container_arn(cluster, task, container_uuid(task, names.index(event.container))),
        container_name=event.container,
        interactive=request.interactive,
        session=shapes.Session(
            session_id=event.session,
            stream_url=SCHEME + subject(namespace, cluster, known.instance, OPEN),
            token_value=context.sessions.grant(instance, event.session, grant, context.now),
        ),
        task_arn=namespace.task_arn(cluster, task),
    )


OPERATIONS: dict[str, Operation] = {"ExecuteCommand": Write(decide=core.execute, answer=_opened, at_once=True)}
