"""Service action: what one commit did to a service's tasks, which ECS tells in one message (spec §12.4). Pure."""

from collections.abc import Iterator

from quarterdeck.events.commit import Commit
from quarterdeck.events.service import ServiceEvent
from quarterdeck.events.task import TaskRequested, TaskStopRequested
from quarterdeck.projections.live.task import SERVICE_GROUP


class TasksActed(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """Tasks of one service, in their order; told to outsiders only, the log has an event for each."""

    tasks: list[str]


class TasksStarted(TasksActed, frozen=True, kw_only=True, gc=False):
    """The scheduler made tasks."""


class TasksStopped(TasksActed, frozen=True, kw_only=True, gc=False):
    """The scheduler wants tasks no more."""


ACTIONS: dict[type[TasksActed], str] = {TasksStarted: "TASKS_STARTED", TasksStopped: "TASKS_STOPPED"}


def acted(commit: Commit) -> Iterator[TasksActed]:
    """Sum up what a commit did: of each service what it stopped, then what it started."""
    done: dict[tuple[type[TasksActed], str, str], list[str]] = {}
    for event in commit.events:
        if isinstance(event, TaskStopRequested) and event.service:
            done.setdefault((TasksStopped, event.cluster, event.service), []).append(event.task)
        elif isinstance(event, TaskRequested) and event.deployment:
            service = event.group.removeprefix(SERVICE_GROUP)
            done.setdefault((TasksStarted, event.cluster, service), []).append(event.task)
    for (kind, cluster, service), tasks in done.items():
        yield kind(cluster=cluster, service=service, tasks=tasks)
