"""Story: what has happened so far, a decision, and what it decides: ``given(events).when(decision, request)``.

The clock stands still until it is moved, identifiers count up, and every decision is also kept as a
commit, so that a story can be told again from its log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.core.reconcile import reconcile
from quarterdeck.engine.core.service_step import Next
from quarterdeck.engine.core.turn import Settings, Turn
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.codec import GENESIS, encode_commit, seal, unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import AgentConnected, Capacity, ContainerInstanceRegistered
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceSettings
from quarterdeck.events.task import TaskHealthChanged, TaskPlaced, TaskRequested, TaskStarted, TaskStopped
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from quarterdeck.projections.live.states import ClusterState, NamespaceState, ServiceState, TaskState
from quarterdeck.projections.live.view import EVOLVE, LiveView

NAMESPACE = "us-east-1/000000000000"
ARN = "arn:aws:ecs:us-east-1:000000000000:"
NOON = 1_000_000.0
PASSES_MAX = 50
CHECK = shapes.HealthCheck(command=["CMD-SHELL", "true"])

Told = AnyEvent | Iterable[AnyEvent]


class CountingIds:
    """Identifiers that count up, so that a test can name them."""

    def __init__(self) -> None:
        self.count = 0

    def hex(self) -> str:
        """Make ``0…01``, ``0…02`` and so on."""
        self.count += 1
        return hexadecimal(self.count)

    def deployment(self) -> str:
        """Make ``ecs-svc/1``, counted with the others."""
        self.count += 1
        return f"ecs-svc/{self.count}"


class Story:
    """A namespace in the making."""

    def __init__(self, *, settings: Settings | None = None) -> None:
        self.view = LiveView()
        self.now = NOON
        self.ids = CountingIds()
        self.settings = settings or Settings()
        self.commits: list[Commit] = []
        self.answer: Any = None

    @property
    def state(self) -> NamespaceState:
        """The namespace."""
        return self.view.namespace(NAMESPACE)

    def given(self, *told: Told) -> Story:
        """Go on after these events."""
        events = flat(told)
        for event in events:
            EVOLVE[type(event)](self.state, event, self.now)
        self._keep(events)
        return self

    def after(self, seconds: float) -> Story:
        """Go on some time later."""
        self.now += seconds
        return self

    def when(self, decide: Callable[..., Any], *arguments: Any, digest: str = "") -> list[AnyEvent]:
        """Take a decision: the events it made; what it answered is in `answer`."""
        turn = self.turn(digest)
        self.answer = decide(turn, *arguments)
        self._keep(turn.events)
        return turn.events

    def refusal(self, decide: Callable[..., Any], *arguments: Any, digest: str = "") -> tuple[str, str]:
        """Take a decision that is refused: its code and text. A refusal leaves everything as it was."""
        before = self.view.fingerprint()
        turn = self.turn(digest)
        try:
            decide(turn, *arguments)
        except Refusal as refusal:
            assert turn.events == []
            assert self.view.fingerprint() == before
            return refusal.code, refusal.message
        raise AssertionError(f"not refused: {turn.events}")

    def turn(self, digest: str = "") -> Turn:
        """Begin a decision."""
        return Turn(self.state, self.now, "arn:aws:iam::000000000000:root", self.ids, self.settings, digest)

    def cluster(self, name: str = "default") -> ClusterState:
        """Look at a cluster."""
        return self.state.clusters[name]

    def service(self, name: str = "web") -> ServiceState:
        """Look at a service of the default cluster."""
        return self.cluster().services[name]

    def task(self, name: str) -> TaskState:
        """Look at a task of the default cluster."""
        return self.cluster().tasks[name]

    def reconcile(self, name: str = "web") -> list[AnyEvent]:
        """Make one pass over a service; `answer` says what is next."""
        return self.when(lambda turn: reconcile(turn, self.cluster(), self.service(name)))

    def settle(self, name: str = "web") -> Next:
        """Make passes over a service until nothing changes; gives what the last one waits for."""
        for _ in range(PASSES_MAX):
            if not self.reconcile(name):
                following: Next = self.answer
                assert not following.again
                return following
        raise AssertionError(f"{name} does not settle")

    def agents_start(self, limit: int = 1_000_000) -> int:
        """Have agents start what waits for them; says how many."""
        waiting = [each for each in self.live() if each.last_status == "PENDING" and self._is_heard(each)]
        chosen = [each for each in waiting if each.desired_status == "RUNNING"][:limit]
        self.given(TaskStarted(cluster="default", task=each.id) for each in chosen)
        return len(chosen)

    def agents_stop(self, limit: int = 1_000_000) -> int:
        """Have agents stop what should stop; says how many."""
        chosen = [each for each in self.live() if each.desired_status == "STOPPED" and self._is_heard(each)][:limit]
        self.given(stopped(each.id, each.stop_code, each.stop_reason) for each in chosen)
        return len(chosen)

    def checks_pass(self) -> list[str]:
        """All live tasks are HEALTHY from now on; their ids."""
        names = [each.id for each in self.live()]
        self.given(TaskHealthChanged(cluster="default", task=name, health_status="HEALTHY") for name in names)
        return names

    def run_service(self, name: str = "web", rounds: int = PASSES_MAX) -> Next:
        """Let scheduler and agents work until nothing is left to do; gives what the scheduler waits for."""
        for _ in range(rounds):
            following = self.settle(name)
            if not self.agents_start() + self.agents_stop():
                return following
        raise AssertionError(f"{name} does not come to rest")

    def live(self) -> list[TaskState]:
        """List the default cluster's tasks that are not STOPPED."""
        return [each for each in self.cluster().tasks.values() if each.last_status != "STOPPED"]

    def on(self, instance: str) -> list[TaskState]:
        """List the tasks on an instance that are wanted there."""
        return [each for each in self.live() if each.instance == instance and each.desired_status == "RUNNING"]

    def spread(self) -> dict[str, int]:
        """Count the tasks that are wanted, by zone, without the region's name."""
        found: dict[str, int] = {}
        for each in self.live():
            if each.desired_status == "RUNNING":
                zone = each.zone.removeprefix("us-east-1")
                found[zone] = found.get(zone, 0) + 1
        return dict(sorted(found.items()))

    def retold(self) -> LiveView:
        """Fold the story again from its sealed commits."""
        view, prev = LiveView(), GENESIS
        for sequence, commit in enumerate(self.commits, 1):
            payload, digest = seal([encode_commit(commit)], 1, prev)
            view.fold(unseal(payload, sequence, prev))
            prev = digest
        return view

    def _is_heard(self, task: TaskState) -> bool:
        return self.cluster().instances[task.instance].connected

    def _keep(self, events: list[AnyEvent]) -> None:
        if events:
            name = f"1.{len(self.commits)}"
            self.commits.append(
                Commit(id=name, at=self.now, namespace=NAMESPACE, actor="test", operation="Test", events=events)
            )


def flat(told: Iterable[Told]) -> list[AnyEvent]:
    """Lay events and lists of events in a row."""
    events: list[AnyEvent] = []
    for each in told:
        if isinstance(each, Iterable):
            events.extend(each)
        else:
            events.append(each)
    return events


def given(*told: Told, lost_after: float = 60.0) -> Story:
    """Begin a story in which the cluster ``default`` exists."""
    return Story(settings=Settings(lost_after=lost_after)).given(ClusterCreated(cluster="default"), *told)


def hexadecimal(number: int) -> str:
    """Write a number as an identifier."""
    return f"{number:032x}"


def joined(
    name: str,
    zone: str = "a",
    *,
    cpu: int = 4096,
    memory: int = 8192,
    host: str = "",
    attributes: dict[str, str] | None = None,
    ports: tuple[int, ...] = (22,),
    udp_ports: tuple[int, ...] = (),
    instance_type: str = "m5.large",
    connected: bool = True,
) -> list[AnyEvent]:
    """Tell that an instance joined the default cluster; its zone is given by its letter."""
    events: list[AnyEvent] = [
        ContainerInstanceRegistered(
            cluster="default",
            container_instance=name,
            zone=f"us-east-1{zone}",
            host=host,
            instance_type=instance_type,
            capacity=Capacity(cpu=cpu, memory=memory, ports=list(ports), udp_ports=list(udp_ports)),
            attributes=[shapes.Attribute(name=key, value=value or None) for key, value in (attributes or {}).items()],
        )
    ]
    return [*events, AgentConnected(cluster="default", container_instance=name)] if connected else events


def container(name: str = "main", **members: Any) -> shapes.ContainerDefinition:
    """Define a container with what a definition needs."""
    return shapes.ContainerDefinition(**{"name": name, "image": "busybox", "memory": 128, **members})


def defined(
    name: str = "app:1",
    *,
    cpu: int = 256,
    memory: int = 512,
    port: int = 0,
    needs: tuple[str, ...] = (),
    only: str = "",
    checked: bool = False,
    **members: Any,
) -> TaskDefinitionRegistered:
    """Tell that a revision was registered whose one container takes so much, only where an expression says so."""
    family, _, revision = name.partition(":")
    ports = [shapes.PortMapping(container_port=80, host_port=port, protocol="tcp")] if port else []
    definition = shapes.TaskDefinition(
        family=family,
        revision=int(revision),
        container_definitions=[
            container(cpu=cpu, memory=memory, port_mappings=ports, health_check=CHECK if checked else None)
        ],
        requires_attributes=[shapes.Attribute(name=each) for each in needs] or None,
        placement_constraints=[shapes.TaskDefinitionPlacementConstraint(type="memberOf", expression=only)]
        if only
        else [],
    )
    members = {"definition": definition, **members}
    return TaskDefinitionRegistered(family=family, revision=int(revision), **members)


def networked(definition: TaskDefinitionRegistered) -> TaskDefinitionRegistered:
    """Tell the same of a revision whose tasks have networks of their own."""
    own = msgspec.structs.replace(definition.definition, network_mode="awsvpc")
    return msgspec.structs.replace(definition, definition=own)


def subnets(*names: str) -> shapes.NetworkConfiguration:
    """Ask for a network in one of these subnets."""
    return shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=list(names)))


def chain(*strategies: str) -> list[shapes.PlacementStrategy]:
    """Write placement strategies as ``spread instanceId``, ``binpack cpu`` or ``random``."""
    pairs = (each.partition(" ") for each in strategies)
    return [shapes.PlacementStrategy(type=kind, field=field or None) for kind, _, field in pairs]


def created(
    name: str = "web",
    count: int = 2,
    *,
    definition: str = "app:1",
    deployment: str = "ecs-svc/900",
    minimum: int = 100,
    maximum: int = 200,
    tags: list[shapes.Tag] | None = None,
    rules: dict[str, Any] | None = None,
    **settings: Any,
) -> list[AnyEvent]:
    """Tell that a service of the default cluster was created; ``rules`` are more of its deployment configuration."""
    configuration = shapes.DeploymentConfiguration(
        minimum_healthy_percent=minimum, maximum_percent=maximum, **(rules or {})
    )
    full = ServiceSettings(deployment_configuration=configuration, **settings)
    return [
        ServiceCreated(cluster="default", service=name, desired_count=count, settings=full, tags=tags or []),
        DeploymentStarted(cluster="default", service=name, deployment=deployment, task_definition=definition),
    ]


def deployed(definition: str, deployment: str, name: str = "web") -> DeploymentStarted:
    """Tell that a service began to run another revision."""
    return DeploymentStarted(cluster="default", service=name, deployment=deployment, task_definition=definition)


def placed(
    name: str,
    instance: str,
    zone: str = "a",
    *,
    definition: str = "app:1",
    service: str = "",
    deployment: str = "ecs-svc/900",
    **members: Any,
) -> list[AnyEvent]:
    """Tell that a task was requested and placed; with `service`, one of its PRIMARY deployment's."""
    group = f"service:{service}" if service else "family:app"
    return [
        TaskRequested(
            cluster="default",
            task=name,
            task_definition=definition,
            group=members.pop("group", group),
            deployment=deployment if service else "",
            **members,
        ),
        TaskPlaced(cluster="default", task=name, container_instance=instance, zone=f"us-east-1{zone}"),
    ]


def started(*names: str) -> list[AnyEvent]:
    """Tell that agents reported tasks RUNNING."""
    return [TaskStarted(cluster="default", task=name) for name in names]


def stopped(name: str, code: str = "EssentialContainerExited", reason: str = "") -> TaskStopped:
    """Tell that an agent reported a task STOPPED."""
    return TaskStopped(cluster="default", task=name, stop_code=code, reason=reason)
