"""World: a cluster of any size without a log, for benchmarks of decisions and folds."""

from __future__ import annotations

from quarterdeck.engine.core.turn import Settings, Turn
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.container_instance import AgentConnected, Capacity, ContainerInstanceRegistered
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from quarterdeck.projections.live.states import ClusterState
from quarterdeck.projections.live.view import LiveView

NAMESPACE = "us-east-1/000000000000"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")


class CountingIds:
    """Identifiers that count up."""

    def __init__(self) -> None:
        self.count = 0

    def hex(self) -> str:
        """Make 32 hex digits, the last ones first, so that they differ early as real ones do."""
        self.count += 1
        return f"{self.count:032x}"[::-1]

    def deployment(self) -> str:
        """Make the name of a deployment."""
        self.count += 1
        return f"ecs-svc/{self.count:019}"


class World:
    """A namespace with one cluster, whose instances each have room for `tasks_each` tasks of `job:1`."""

    def __init__(self, instances: int, tasks_each: int) -> None:
        self.view = LiveView()
        self.state = self.view.namespace(NAMESPACE)
        self.ids = CountingIds()
        self.now = 1_700_000_000.0
        turn = self.turn()
        for event in beginning(instances, tasks_each, self.ids):
            turn.emit(event)
        self.events = turn.events

    @property
    def cluster(self) -> ClusterState:
        """The cluster."""
        return self.state.clusters["default"]

    def turn(self) -> Turn:
        """Begin a decision."""
        return Turn(self.state, self.now, "arn:aws:iam::000000000000:root", self.ids, Settings())


def beginning(instances: int, tasks_each: int, ids: CountingIds) -> list[AnyEvent]:
    """Tell of a cluster, a task definition, and instances in three zones whose agents are connected."""
    container = shapes.ContainerDefinition(name="main", image="busybox", cpu=10, memory=16, essential=True)
    definition = shapes.TaskDefinition(family="job", revision=1, container_definitions=[container])
    events: list[AnyEvent] = [
        ClusterCreated(cluster="default"),
        TaskDefinitionRegistered(family="job", revision=1, definition=definition),
    ]
    for number in range(instances):
        name = ids.hex()
        registered = ContainerInstanceRegistered(
            cluster="default",
            container_instance=name,
            zone=ZONES[number % len(ZONES)],
            capacity=Capacity(cpu=10 * tasks_each, memory=16 * tasks_each, ports=[22]),
        )
        events += [registered, AgentConnected(cluster="default", container_instance=name)]
    return events
