"""Ledger: what the log says, told again in the simplest way, apart from the code that is checked.

It knows no indexes, adds up from the definitions what tasks need, and believes every event; the checkers look at what
an event is about to change, and at what it has changed.
"""

from __future__ import annotations

from quarterdeck.events import shapes
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
    DeploymentHookEnded,
    DeploymentHookStarted,
    DeploymentStageEntered,
    DeploymentStarted,
    ServiceCreated,
    ServiceDeleted,
    ServiceDesiredCountChanged,
    ServiceDrained,
    ServiceRebalancingCompleted,
    ServiceRebalancingStopped,
    ServiceRebalancingTaskStarted,
    ServiceUpdated,
)
from quarterdeck.events.task import (
    TaskHealthChanged,
    TaskPlaced,
    TaskProtectionDisabled,
    TaskProtectionEnabled,
    TaskQueued,
    TaskRequested,
    TaskStarted,
    TaskStopped,
    TaskStopping,
    TaskStopRequested,
)
from quarterdeck.events.task_definition import TaskDefinitionRegistered
from quarterdeck.events.task_set import (
    PrimaryTaskSetChanged,
    TaskSetCreated,
    TaskSetDeleted,
    TaskSetDrained,
    TaskSetScaled,
)
from tests.simulation.need import NOTHING, Need, Port, need_of, subnets_of
from tests.simulation.records import Held, Place, Share, Wish

GROUP_APART = "not(task:group == batch)"


class Ledger:
    """The tasks, places and wishes of the one cluster of a world."""

    def __init__(self) -> None:
        self.needs: dict[str, Need] = {}
        self.places: dict[str, Place] = {}
        self.wishes: dict[str, Wish] = {}
        self.tasks: dict[str, Held] = {}
        self.pauses: dict[str, set[str]] = {}
        """The hooks that wait for a caller, by service."""

    def apply(self, event: AnyEvent) -> None:  # noqa: C901, PLR0912 - a table of events, one line or two each
        """Believe an event."""
        match event:
            case TaskRequested():
                self._requested(event)
            case TaskQueued():
                self.tasks[event.task].until = event.until
            case TaskPlaced():
                task = self.tasks[event.task]
                task.instance, task.last = event.container_instance, "PENDING"
                self.places[task.instance].tasks[task.id] = task
            case TaskStarted():
                self.tasks[event.task].last = "RUNNING"
            case TaskStopRequested():
                self._unwanted(event)
            case TaskStopping() | TaskStopped():
                self._over(event)
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
            case ServiceDesiredCountChanged():
                self.wishes[event.service].desired = event.desired_count
            case DeploymentStarted():
                self.wishes[event.service].deployments.append(event)
                self.wishes[event.service].failed.discard(event.deployment)
            case _:
                self._about_deployment(event)

    def _about_deployment(self, event: AnyEvent) -> None:
        match event:
            case DeploymentCompleted():
                self.wishes[event.service].completed.add(event.deployment)
            case DeploymentFailed():
                self.wishes[event.service].failed.add(event.deployment)
            case DeploymentStageEntered():
                self.pauses.pop(event.service, None)
                self.wishes[event.service].stages.add(event.deployment)
            case DeploymentHookStarted():
                if event.target_type == "PAUSE":
                    self.pauses.setdefault(event.service, set()).add(event.hook)
            case DeploymentHookEnded():
                self.pauses.get(event.service, set()).discard(event.hook)
            case _:
                self._about_balance(event)

    def _about_balance(self, event: AnyEvent) -> None:
        match event:
            case ServiceRebalancingTaskStarted():
                self.wishes[event.service].moving.add(event.task)
            case ServiceRebalancingCompleted() | ServiceRebalancingStopped():
                self.wishes[event.service].moving.clear()
            case _:
                self._about_sets(event)

    def _about_sets(self, event: AnyEvent) -> None:
        match event:
            case TaskSetCreated():
                share = Share(event.task_set, event.task_definition, event.scale)
                self.wishes[event.service].shares[share.id] = share
            case TaskSetScaled():
                self.wishes[event.service].shares[event.task_set].scale = event.scale
            case TaskSetDeleted():
                self.wishes[event.service].shares[event.task_set].status = "DRAINING"
            case TaskSetDrained():
                del self.wishes[event.service].shares[event.task_set]
            case PrimaryTaskSetChanged():
                self.wishes[event.service].primary_set = event.task_set
            case _:
                pass

    def wish_of(self, task: Held) -> Wish | None:
        """Find the service a task is of."""
        return self.wishes.get(task.group.removeprefix("service:")) if task.deployment else None

    def lacks(self, place: Place, need: Need, kept: Need = NOTHING) -> str:
        """Say what an instance lacks to take a task when some is kept for others, in numbers; empty if nothing."""
        if not place.open:
            return f"{place.status}, connected {place.connected}"
        cpu = place.cpu - kept.cpu - sum(each.need.cpu for each in place.tasks.values())
        memory = place.memory - kept.memory - sum(each.need.memory for each in place.tasks.values())
        if (need.cpu and need.cpu > cpu) or (need.memory and need.memory > memory):
            return f"needs {need.cpu} CPU and {need.memory} MiB, {cpu} and {memory} left"
        clash = need.ports & (self.taken(place) | kept.ports) if need.ports else need.ports
        return f"ports {sorted(clash)} are taken" if clash else ""

    def keeps_off(self, place: Place, task: Held) -> str:
        """Say what keeps a task that is nowhere yet off an instance: room, room for daemons, constraints."""
        wish = self.wish_of(task)
        first = wish is not None and wish.daemon
        return self.lacks(place, task.need, NOTHING if first else self.kept(place)) or self.bars(place, task)

    def next_of(self, wish: Wish, deployment: str, definition: str) -> Held:
        """Think of the next task of a service."""
        return Held("next", self.needs[definition], definition, f"service:{wish.name}", deployment)

    def kept(self, place: Place) -> Need:
        """Add up what daemons need that belong on an instance and have no task there (spec §8.5)."""
        kept = NOTHING
        for wish in self.wishes.values():
            if wish.daemon and wish.status == "ACTIVE" and wish.deployments:
                there = any(each.instance == place.id for each in wish.tasks.values())
                if not there and not self.bars(place, wish):
                    kept = kept.plus(self.needs[wish.definition])
        return kept

    def bars(self, place: Place, asked: Held | Wish) -> str:
        """Say which constraint keeps a task, or a service's next one, off an instance; worlds have three forms."""
        wish = asked if isinstance(asked, Wish) else self.wish_of(asked)
        if wish is not None:
            here = any(each.instance == place.id for each in wish.tasks.values())
            return _refusal(place, wish.settings.placement_constraints, here=here)
        assert isinstance(asked, Held)
        if not place.admits(asked):
            return f"{place.id} has not all of {sorted(asked.need.attributes)}, or is not in {asked.subnets}"
        here = any(each.group == asked.group for each in place.tasks.values())
        return _refusal(place, asked.constraints, here=here)

    def taken(self, place: Place) -> frozenset[Port]:
        """List the ports that are taken on an instance's host."""
        sharers = (each for each in self.places.values() if each.host == place.host) if place.host else (place,)
        return place.kept.union(*(task.need.ports for each in sharers for task in each.tasks.values()))

    def is_healthy(self, task: Held) -> bool:
        """Tell whether a task counts: RUNNING, HEALTHY if it has health checks, on an instance that is not lost."""
        return task.last == "RUNNING" and self.is_well(task) and not self.places[task.instance].lost

    def may_stay(self, task: Held) -> bool:
        """Tell whether a task's instance is not to be emptied."""
        return self.places[task.instance].status != "DRAINING"

    def is_well(self, task: Held) -> bool:
        """Tell whether nothing is known against a task's health."""
        return not task.need.checked or task.health == "HEALTHY"

    def _requested(self, event: TaskRequested) -> None:
        task = Held(
            event.task,
            self.needs[event.task_definition],
            event.task_definition,
            event.group,
            event.deployment,
            event.placement_constraints,
            subnets_of(event.network_configuration),
        )
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

    def _over(self, event: TaskStopping | TaskStopped) -> None:
        """Have a task hold nothing any more."""
        task = self.tasks[event.task]
        task.last, task.desired = "STOPPING" if isinstance(event, TaskStopping) else "STOPPED", "STOPPED"
        wish = self.wish_of(task)
        if wish is not None:
            wish.tasks.pop(task.id, None)
            wish.moving.discard(task.id)
        if task.instance:
            self.places[task.instance].tasks.pop(task.id, None)

    def _registered(self, event: ContainerInstanceRegistered) -> None:
        capacity = event.capacity
        kept = {("tcp", port) for port in capacity.ports} | {("udp", port) for port in capacity.udp_ports}
        attributes = {each.name or "": each.value or "" for each in event.attributes}
        self.places[event.container_instance] = Place(
            event.container_instance,
            event.zone,
            event.host,
            capacity.cpu,
            capacity.memory,
            frozenset(kept),
            frozenset(attributes),
            frozenset(attributes["quarterdeck.subnets"].split(",")),
        )


def _refusal(place: Place, constraints: list[shapes.PlacementConstraint], *, here: bool) -> str:
    for constraint in constraints:
        if constraint.type == "distinctInstance":
            if here:
                return f"{place.id} has a task of the group"
        elif constraint.expression == GROUP_APART:
            if any(each.group == "batch" for each in place.tasks.values()):
                return f"{place.id} is not: {constraint.expression}"
        elif place.zone not in (constraint.expression or ""):
            return f"{place.id} is not: {constraint.expression}"
    return ""
