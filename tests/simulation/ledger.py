"""Ledger: what the log says, told again in the simplest way, apart from the code that is checked.

It knows no indexes, adds up from the definitions what tasks need, and believes every event; the checkers look at what
an event is about to change, and at what it has changed.
"""

from __future__ import annotations

from math import ceil, floor

import msgspec

from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.container_instance import (
    AgentConnected,
    AgentDisconnected,
    AgentLost,
    ContainerInstanceDeregistered,
    ContainerInstanceRegistered,
    ContainerInstanceStatusChanged,
)
from quarterdeck.events.service import (
    DeploymentCompleted,
    DeploymentFailed,
    DeploymentStageEntered,
    DeploymentStarted,
    ServiceCreated,
    ServiceDeleted,
    ServiceDrained,
    ServiceRebalancingCompleted,
    ServiceRebalancingStopped,
    ServiceRebalancingTaskStarted,
    ServiceSettings,
    ServiceUpdated,
)
from quarterdeck.events.task import (
    TaskHealthChanged,
    TaskPlaced,
    TaskProtectionDisabled,
    TaskProtectionEnabled,
    TaskRequested,
    TaskStarted,
    TaskStopped,
    TaskStopRequested,
)
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from tests.simulation.need import Need, Port, need_of


class Held(msgspec.Struct):
    """A task."""

    id: str
    need: Need
    definition: str
    group: str
    deployment: str
    instance: str = ""
    last: str = "PROVISIONING"
    desired: str = "RUNNING"
    protected: bool = False
    health: str = ""

    @property
    def alive(self) -> bool:
        """Whether it holds anything."""
        return self.last != "STOPPED"


class Place(msgspec.Struct):
    """A container instance; `tasks` are those that are not STOPPED."""

    id: str
    zone: str
    host: str
    cpu: int
    memory: int
    kept: frozenset[Port]
    status: str = "ACTIVE"
    connected: bool = False
    lost: bool = False
    tasks: dict[str, Held] = {}


class Wish(msgspec.Struct):
    """A service: what is wanted of it, and its tasks that are not STOPPED. The last deployment is the PRIMARY.

    ``moving`` are tasks started to rebalance zones for which no other was stopped yet.
    """

    name: str
    desired: int
    settings: ServiceSettings
    status: str = "ACTIVE"
    deployments: list[DeploymentStarted] = []
    completed: set[str] = set()
    failed: set[str] = set()
    stages: set[str] = set()
    tasks: dict[str, Held] = {}
    moving: set[str] = set()

    @property
    def primary(self) -> str:
        """The newest deployment."""
        return self.deployments[-1].deployment if self.deployments else ""

    @property
    def staged(self) -> bool:
        """Whether the newest deployment goes from stage to stage: old and new tasks run side by side."""
        return self.primary in self.stages and self.primary not in self.completed | self.failed

    @property
    def lower(self) -> int:
        """How many healthy tasks must remain (spec §9.3)."""
        percent = self.settings.deployment_configuration.minimum_healthy_percent
        return ceil(self.desired * (100 if percent is None else percent) / 100)

    @property
    def upper(self) -> int:
        """How many tasks may be there at once: all twice while old and new run side by side."""
        if self.staged and self.primary not in self.completed:
            return 2 * self.desired
        percent = self.settings.deployment_configuration.maximum_percent
        return floor(self.desired * (200 if percent is None else percent) / 100)


class Ledger:
    """The tasks, places and wishes of the one cluster of a world."""

    def __init__(self) -> None:
        self.needs: dict[str, Need] = {}
        self.places: dict[str, Place] = {}
        self.wishes: dict[str, Wish] = {}
        self.tasks: dict[str, Held] = {}

    def apply(self, event: AnyEvent) -> None:  # noqa: C901, PLR0912 - a table of events, one line or two each
        """Believe an event."""
        match event:
            case TaskRequested():
                self._requested(event)
            case TaskPlaced():
                task = self.tasks[event.task]
                task.instance, task.last = event.container_instance, "PENDING"
                self.places[task.instance].tasks[task.id] = task
            case TaskStarted():
                self.tasks[event.task].last = "RUNNING"
            case TaskStopRequested():
                self._unwanted(event)
            case TaskStopped():
                self._stopped(event)
            case TaskHealthChanged():
                self.tasks[event.task].health = event.health_status
            case TaskProtectionEnabled() | TaskProtectionDisabled():
                self.tasks[event.task].protected = isinstance(event, TaskProtectionEnabled)
            case ContainerInstanceRegistered():
                self._registered(event)
            case ContainerInstanceStatusChanged():
                self.places[event.container_instance].status = event.status
            case ContainerInstanceDeregistered():
                place = self.places[event.container_instance]
                place.status, place.connected = "INACTIVE", False
            case AgentConnected():
                place = self.places[event.container_instance]
                place.connected, place.lost = True, False
            case AgentDisconnected():
                self.places[event.container_instance].connected = False
            case AgentLost():
                self.places[event.container_instance].lost = True
            case TaskDefinitionRegistered():
                self.needs[f"{event.family}:{event.revision}"] = need_of(event.definition)
            case _:
                self._about_service(event)

    def _about_service(self, event: AnyEvent) -> None:
        match event:
            case ServiceCreated():
                self.wishes[event.service] = Wish(event.service, event.desired_count, event.settings)
            case ServiceUpdated():
                wish = self.wishes[event.service]
                wish.desired = wish.desired if event.desired_count is None else event.desired_count
                wish.settings = event.settings or wish.settings
            case ServiceDeleted():
                wish = self.wishes[event.service]
                wish.status, wish.desired = "DRAINING", 0
            case ServiceDrained():
                self.wishes[event.service].status = "INACTIVE"
            case DeploymentStarted():
                self.wishes[event.service].deployments.append(event)
                self.wishes[event.service].failed.discard(event.deployment)
            case DeploymentCompleted():
                self.wishes[event.service].completed.add(event.deployment)
            case DeploymentFailed():
                self.wishes[event.service].failed.add(event.deployment)
            case _:
                self._about_balance(event)

    def _about_balance(self, event: AnyEvent) -> None:
        match event:
            case DeploymentStageEntered():
                self.wishes[event.service].stages.add(event.deployment)
            case ServiceRebalancingTaskStarted():
                self.wishes[event.service].moving.add(event.task)
            case ServiceRebalancingCompleted() | ServiceRebalancingStopped():
                self.wishes[event.service].moving.clear()
            case _:
                pass

    def wish_of(self, task: Held) -> Wish | None:
        """Find the service a task is of."""
        return self.wishes.get(task.group.removeprefix("service:")) if task.deployment else None

    def lacks(self, place: Place, need: Need) -> str:
        """Say what an instance lacks to take a task, with the numbers; empty if nothing."""
        if place.status != "ACTIVE" or not place.connected:
            return f"{place.status}, connected {place.connected}"
        cpu = place.cpu - sum(each.need.cpu for each in place.tasks.values())
        memory = place.memory - sum(each.need.memory for each in place.tasks.values())
        if need.cpu > cpu or need.memory > memory:
            return f"needs {need.cpu} CPU and {need.memory} MiB, {cpu} and {memory} left"
        clash = need.ports & self.taken(place)
        return f"ports {sorted(clash)} are taken" if clash else ""

    def refuses(self, place: Place, wish: Wish) -> str:
        """Say which of a service's constraints keeps its tasks off an instance; worlds have these two forms."""
        for constraint in wish.settings.placement_constraints:
            if constraint.type == "distinctInstance":
                if any(each.instance == place.id for each in wish.tasks.values()):
                    return f"{place.id} has a task of {wish.name}"
            elif place.zone not in (constraint.expression or ""):
                return f"{place.id} is not: {constraint.expression}"
        return ""

    def taken(self, place: Place) -> frozenset[Port]:
        """List the ports that are taken on an instance's host."""
        sharers = (each for each in self.places.values() if each.host == place.host) if place.host else (place,)
        return place.kept.union(*(task.need.ports for each in sharers for task in each.tasks.values()))

    def is_healthy(self, task: Held) -> bool:
        """Tell whether a task counts: RUNNING, HEALTHY if it has health checks, on an instance that is not lost."""
        return task.last == "RUNNING" and self.is_well(task) and not self.places[task.instance].lost

    def is_well(self, task: Held) -> bool:
        """Tell whether nothing is known against a task's health."""
        return not task.need.checked or task.health == "HEALTHY"

    def _requested(self, event: TaskRequested) -> None:
        task = Held(event.task, self.needs[event.task_definition], event.task_definition, event.group, event.deployment)
        self.tasks[task.id] = task
        wish = self.wish_of(task)
        if wish is not None:
            wish.tasks[task.id] = task

    def _unwanted(self, event: TaskStopRequested) -> None:
        task = self.tasks[event.task]
        task.desired = "STOPPED"
        wish = self.wish_of(task)
        if wish is not None:
            wish.moving -= {event.task, event.superseded_by}

    def _stopped(self, event: TaskStopped) -> None:
        task = self.tasks[event.task]
        task.last, task.desired = "STOPPED", "STOPPED"
        wish = self.wish_of(task)
        if wish is not None:
            wish.tasks.pop(task.id, None)
            wish.moving.discard(task.id)
        if task.instance:
            self.places[task.instance].tasks.pop(task.id, None)

    def _registered(self, event: ContainerInstanceRegistered) -> None:
        capacity = event.capacity
        kept = {("tcp", port) for port in capacity.ports} | {("udp", port) for port in capacity.udp_ports}
        self.places[event.container_instance] = Place(
            event.container_instance, event.zone, event.host, capacity.cpu, capacity.memory, frozenset(kept)
        )
