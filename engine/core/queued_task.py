"""Queued task: one that waits in PROVISIONING for room, for as long as its caller said (ours; ECS fails it at once).

RunTask with the tag ``quarterdeck:queueTimeoutSeconds`` queues what it can't place. Tasks get a place
in the order they came, and the one that does not get one in time is STOPPED with the reason it waited for
(`queue_step`).
"""

import msgspec

from quarterdeck.engine.core.errors import ClientException, InvalidParameterException
from quarterdeck.engine.core.placement import Unplaceable
from quarterdeck.engine.core.turn import Turn, whole_number
from quarterdeck.events import shapes
from quarterdeck.events.task import TaskQueued, TaskRequested
from quarterdeck.projections.live.states import ClusterState

TAG = "quarterdeck:queueTimeoutSeconds"
QUEUE_SECONDS_MAX = 24 * 3600
QUEUED_MAX = 500
"""Tasks of a cluster that wait, as with ECS (spec §10.4)."""
REASONS = {"STATUS": "NO ACTIVE INSTANCES", "": "NO ACTIVE INSTANCES"}


def patience(tags: list[shapes.Tag]) -> int:
    """Read how many seconds a task may wait; 0 if its caller did not say. Raises InvalidParameterException."""
    value = next((each.value or "" for each in tags if each.key == TAG), None)
    if value is None:
        return 0
    seconds = whole_number(value)
    if seconds is None or not 1 <= seconds <= QUEUE_SECONDS_MAX:
        raise InvalidParameterException(
            f"Invalid value '{value}' of the tag {TAG}: seconds, from 1 to {QUEUE_SECONDS_MAX}."
        )
    return seconds


def check_queue(cluster: ClusterState, count: int) -> None:
    """Refuse more tasks than may wait. Raises ClientException."""
    if not may_wait(cluster, count):
        raise ClientException(
            f"The tasks provisioning capacity limit was exceeded: up to {QUEUED_MAX} tasks of cluster {cluster.name} "
            f"may wait for room, {len(cluster.queued)} do. Try again when there is room, or without the tag {TAG}."
        )


def may_wait(cluster: ClusterState, count: int) -> bool:
    """Tell whether so many more tasks may wait."""
    return len(cluster.queued) + count <= QUEUED_MAX


def enqueue(turn: Turn, template: TaskRequested, seconds: int, found: Unplaceable) -> None:
    """Make a task that waits."""
    name = turn.ids.hex()
    turn.emit(msgspec.structs.replace(template, task=name))
    turn.emit(
        TaskQueued(
            cluster=template.cluster,
            task=name,
            until=turn.now + seconds,
            reason=shortage_named(found),
            explanation=found.explanation,
            placement_constraints=template.placement_constraints,
            placement_strategy=template.placement_strategy,
        )
    )


def waiting(cluster: ClusterState, name: str) -> TaskRequested:
    """Say again what a task that waits asks for."""
    task, queued = cluster.tasks[name], cluster.queued[name]
    return TaskRequested(
        cluster=cluster.name,
        task=name,
        task_definition=task.definition,
        group=task.group,
        overrides=task.overrides,
        placement_constraints=queued.constraints,
        placement_strategy=queued.strategies,
        network_configuration=task.network,
    )


def shortage_named(found: Unplaceable) -> str:
    """Name a shortage as ECS does in a stopped task (spec §6.7)."""
    return REASONS.get(found.reason, found.reason).removesuffix(".")
