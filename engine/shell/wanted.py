"""Wanted: tells each agent what its instance should run, from what is in the log.

Lists are taken at an envelope's boundary; changes go out after the ack. See `events.wanted`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

import msgspec

from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.shell.command import Command
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import ContainerInstanceDeregistered
from quarterdeck.events.shapes import TaskDefinition
from quarterdeck.events.task import TaskPlaced, TaskStopRequested
from quarterdeck.events.wanted import WantedChange, WantedList, WantedTask
from quarterdeck.projections.live.states import ClusterState, NamespaceState, TaskState
from quarterdeck.projections.live.task_definition import find


class Instance(NamedTuple):
    """A container instance, among all namespaces."""

    namespace: str
    cluster: str
    container_instance: str


Send = Callable[[Instance, WantedChange], None]
Tasks = dict[str, WantedTask]


class Wanted:
    """The agents' side of a keeper."""

    def __init__(self, keeper: Keeper) -> None:
        self.send: list[Send] = []
        self._keeper = keeper
        self._last: dict[Instance, int] = {}
        self._start = 0
        keeper.stored.append(self.tell)
        keeper.taken_over.append(self._forget)

    async def listing(self, instance: Instance) -> WantedList:
        """List what an instance should run now."""
        outcome = await self._keeper.submit(
            Command(
                namespace=instance.namespace,
                operation="ListWanted",
                actor=f"agent/{instance.container_instance}",
                decide=partial(_wanted, instance),
                boundary=True,
            )
        )
        found: WantedList = outcome.result
        definitions = self._definitions(instance, found.tasks)
        return msgspec.structs.replace(found, sequence=outcome.sequence, definitions=definitions)

    def position(self, instance: Instance) -> int:
        """Tell the position of the last change sent to an instance."""
        return self._last.get(instance, self._start)

    def tell(self, sequence: int, commits: list[Commit]) -> None:
        """Send what an envelope changed, one message for each instance concerned."""
        changes: dict[Instance, Tasks] = {}
        gone: list[Instance] = []
        for commit in commits:
            state = self._keeper.view.namespaces.get(commit.namespace)
            for event in commit.events:
                if state is not None and isinstance(event, TaskPlaced | TaskStopRequested):
                    _collect(changes, commit.namespace, state, event)
                elif isinstance(event, ContainerInstanceDeregistered):
                    gone.append(Instance(commit.namespace, event.cluster, event.container_instance))
                    changes.setdefault(gone[-1], {})
        for instance, tasks in changes.items():
            change = WantedChange(
                sequence=sequence,
                previous=self.position(instance),
                tasks=list(tasks.values()),
                definitions=self._definitions(instance, tasks.values()),
            )
            self._last[instance] = sequence
            for send in self.send:
                send(instance, change)
        for instance in gone:
            self._last.pop(instance, None)  # nothing is sent to it any more

    def _definitions(self, instance: Instance, tasks: Iterable[WantedTask]) -> dict[str, TaskDefinition]:
        state = self._keeper.view.namespaces.get(instance.namespace)
        names = {each.task_definition for each in tasks}
        return {name: find(state, name).definition for name in sorted(names)} if state is not None else {}

    def _forget(self) -> None:
        self._last.clear()
        self._start = self._keeper.sequence


def _collect(
    changes: dict[Instance, Tasks],
    namespace: str,
    state: NamespaceState,
    event: TaskPlaced | TaskStopRequested,
) -> None:
    cluster = state.clusters.get(event.cluster)
    task = cluster.tasks.get(event.task) if cluster is not None else None
    if task is None or not task.instance:
        return
    on_it = changes.setdefault(Instance(namespace, event.cluster, task.instance), {})
    on_it[task.id] = _task(task, "RUNNING" if isinstance(event, TaskPlaced) else "STOPPED")


def _wanted(instance: Instance, turn: Turn) -> WantedList:
    cluster: ClusterState | None = turn.state.clusters.get(instance.cluster)
    found = cluster.instances.get(instance.container_instance) if cluster is not None else None
    if cluster is None or found is None or found.status == "INACTIVE":
        return WantedList(sequence=0, status="INACTIVE", known=found is not None)
    held = [cluster.tasks[name] for name in (*found.tasks, *found.stopping)]
    tasks = [_task(each, each.desired_status) for each in held]
    return WantedList(sequence=0, status=found.status, tasks=tasks, session=found.session)


def _task(task: TaskState, desired_status: str) -> WantedTask:
    return WantedTask(
        task=task.id,
        desired_status=desired_status,
        last_status=task.last_status,
        task_definition=task.definition,
        overrides=task.overrides,
        group=task.group,
        network_configuration=task.network,
        restarts=task.restarts or {},
        unstarted=task.unstarted,
    )
