"""Checkers: what must hold of every commit, each in a rule of its own; they look at the ledger and at the log's fold.

capacity   no instance holds tasks that need more CPU or memory than it has, or a port that is taken on its host
forward    a task's statuses only go on: PENDING, RUNNING, STOPPING, STOPPED; desired STOPPED is never taken back
one place  a task is placed once, and its containers are created on no other machine
fewest     (minimum healthy percent) a commit of the scheduler that stops healthy tasks of an ACTIVE service leaves
           at least ceil(desired * minimum) of them wanted and healthy. Health is lost without the scheduler, too
           (containers die, instances are lost): that is no breach, but then it may stop none that count.
most       (maximum percent) while tasks of an older deployment, or on DRAINING instances, are being replaced, a commit
           that places tasks of the service leaves at most floor(desired * maximum) not STOPPED; those whose agent is
           lost are not counted. Placing never makes more tasks of the PRIMARY deployment wanted than are desired,
           but for those that move to another zone, within the same maximum, and one more for
           each that is unhealthy. Where old and new tasks run side by
           side, as many of each may be wanted as are desired, beside those on DRAINING instances.
balance    a task of a service without strategies goes to a zone that has the fewest of the service's wanted tasks of
           all zones in which an instance could take it. So skew ≤ 1 holds whenever there is room in the emptiest zone.
constraints a task is placed where its memberOf holds and, with distinctInstance, no other of its service or group is
fold       a task, in the fold of the log, has the statuses and place that the events say, and an instance has left
           what it has less what its tasks need; their versions only rise
`duties` has those of daemons, task sets, tasks that wait, deployments, and of what is final.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import ContainerInstanceEvent
from quarterdeck.events.task import TaskEvent, TaskPlaced, TaskStarted, TaskStopped, TaskStopping, TaskStopRequested
from quarterdeck.projections.live.states import NamespaceState
from tests.simulation.duties import Daemons, Final, Primary, Queue, Sets
from tests.simulation.ledger import Ledger
from tests.simulation.records import Held, Place, Wish
from tests.simulation.rule import Checker


class Capacity(Checker):
    """No instance is over-committed."""

    name = "capacity"

    def before(self, event: AnyEvent) -> None:
        """Look for what the instance lacks."""
        if isinstance(event, TaskPlaced):
            place, need = self.ledger.places[event.container_instance], self.ledger.tasks[event.task].need
            if lack := self.ledger.lacks(place, need):
                self.fail(f"task {event.task} on {place.id}: {lack}")


class Forward(Checker):
    """No status goes back."""

    name = "forward"

    def before(self, event: AnyEvent) -> None:
        """Compare with how far the task is."""
        if not isinstance(event, TaskStarted | TaskStopping | TaskStopped | TaskStopRequested):
            return
        task = self.ledger.tasks[event.task]
        if task.last == "STOPPED" or (isinstance(event, TaskStarted) and task.last != "PENDING"):
            self.fail(f"{type(event).__name__} of task {task.id}, which is {task.last}")
        if isinstance(event, TaskStopping) and (task.last, task.desired) != ("RUNNING", "RUNNING"):
            self.fail(f"task {task.id} is STOPPING by itself, and was {task.last}, wanted {task.desired}")
        if isinstance(event, TaskStopRequested) and task.desired == "STOPPED":
            self.fail(f"task {task.id} is asked to stop twice")


class OnePlace(Checker):
    """No task is in two places."""

    name = "one place"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.created: dict[str, str] = {}

    def before(self, event: AnyEvent) -> None:
        """Look where the task is."""
        if isinstance(event, TaskPlaced) and self.ledger.tasks[event.task].instance:
            self.fail(f"task {event.task} is placed again")

    def container(self, machine: str, task: str) -> None:
        """Hear that a machine creates a container of a task."""
        held = self.ledger.tasks.get(task)
        place = self.ledger.places.get(held.instance) if held is not None else None
        if place is None or place.host != machine or self.created.setdefault(task, machine) != machine:
            self.fail(f"{machine} creates a container of task {task}, which is not placed there")


class Fewest(Checker):
    """The scheduler leaves enough healthy tasks."""

    name = "fewest"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._stopped: dict[str, int] = {}

    def begin(self, commit: Commit) -> None:
        """Forget the last commit."""
        self._stopped.clear()

    def before(self, event: AnyEvent) -> None:
        """Count the healthy ones that are stopped."""
        if isinstance(event, TaskStopRequested):
            task = self.ledger.tasks[event.task]
            wish = self.ledger.wish_of(task)
            if wish is not None and _is_replica(wish) and wish.status == "ACTIVE" and self.ledger.is_healthy(task):
                self._stopped[wish.name] = self._stopped.get(wish.name, 0) + 1

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Count those that are left."""
        if commit.actor != "scheduler":
            return
        for name, stopped in self._stopped.items():
            wish = self.ledger.wishes[name]
            left = sum(1 for each in wish.tasks.values() if each.desired == "RUNNING" and self.ledger.is_healthy(each))
            if left < wish.lower:
                self.fail(f"service {name}: {stopped} healthy tasks stopped, {left} left, {wish.lower} must remain")


class Most(Checker):
    """The scheduler starts no more than it may."""

    name = "most"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._placed: dict[str, bool] = {}

    def begin(self, commit: Commit) -> None:
        """Forget the last commit."""
        self._placed.clear()

    def before(self, event: AnyEvent) -> None:
        """Note which services get tasks, and whether tasks of theirs are being replaced."""
        if isinstance(event, TaskPlaced):
            wish = self.ledger.wish_of(self.ledger.tasks[event.task])
            if wish is not None and _is_replica(wish) and wish.name not in self._placed:
                self._placed[wish.name] = self._is_rolling(wish)

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Count what is there."""
        for name, rolling in self._placed.items():
            wish = self.ledger.wishes[name]
            present = [each for each in wish.tasks.values() if not self._is_lost(each.instance)]
            fresh = [each for each in present if each.deployment == wish.primary and each.desired == "RUNNING"]
            staying = [each for each in fresh if self.ledger.may_stay(each)]
            ill = sum(map(self._is_ill, staying))
            if len(staying) > wish.desired + len(wish.moving) + ill:
                self.fail(f"service {name}: {len(staying)} tasks wanted of {wish.primary}, {wish.desired} desired")
            if wish.staged:
                present = [each for each in present if each.desired == "RUNNING" and self.ledger.may_stay(each)]
            if (rolling or wish.moving) and len(present) > wish.upper:
                self.fail(f"service {name}: {len(present)} tasks while some are replaced, {wish.upper} may be there")

    def _is_rolling(self, wish: Wish) -> bool:
        return any(
            not self._is_lost(each.instance)
            and (each.deployment != wish.primary or self.ledger.places[each.instance].status == "DRAINING")
            for each in wish.tasks.values()
            if each.instance
        )

    def _is_ill(self, task: Held) -> bool:
        return task.last == "RUNNING" and not self.ledger.is_well(task)

    def _is_lost(self, instance: str) -> bool:
        return bool(instance) and self.ledger.places[instance].lost


class Balance(Checker):
    """A service's task goes to the emptiest zone that has room."""

    name = "balance"

    def before(self, event: AnyEvent) -> None:
        """Count the service's tasks in all zones that could have it."""
        if not isinstance(event, TaskPlaced):
            return
        ledger, task = self.ledger, self.ledger.tasks[event.task]
        wish = ledger.wish_of(task)
        if wish is None or wish.daemon or wish.settings.placement_strategy:
            return
        wanted = (each for each in wish.tasks.values() if each.desired == "RUNNING" and each.instance)
        counts = Counter(ledger.places[each.instance].zone for each in wanted)
        chosen = ledger.places[event.container_instance].zone
        emptier = {each.zone: each for each in ledger.places.values() if counts[each.zone] < counts[chosen]}
        if not emptier:
            return
        for place in ledger.places.values():
            if place.zone in emptier and not ledger.keeps_off(place, task):
                self.fail(f"task {task.id} of {wish.name} goes to {chosen}, {place.zone} has room: {dict(counts)}")


class Constraints(Checker):
    """A task goes where its constraints let it."""

    name = "constraints"

    def before(self, event: AnyEvent) -> None:
        """Look for one that does not hold; the task itself is nowhere yet."""
        if isinstance(event, TaskPlaced):
            refusal = self.ledger.bars(self.ledger.places[event.container_instance], self.ledger.tasks[event.task])
            if refusal:
                self.fail(f"task {event.task}: {refusal}")


class Fold(Checker):
    """The fold of the log says of a task, and of its instance, what its events say."""

    name = "fold"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._versions: dict[str, int] = {}

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Compare each task and instance the commit is about."""
        versions = (self._version(fold, event) for event in commit.events)
        for name, version in dict.fromkeys(each for each in versions if each is not None):
            if version <= self._versions.get(name, 0):
                self.fail(f"{name} has version {version} after {self._versions[name]}")
            self._versions[name] = version
        for event in commit.events:
            if isinstance(event, TaskEvent):
                held, found = self.ledger.tasks[event.task], fold.clusters[event.cluster].tasks.get(event.task)
                told = (held.last, held.desired, held.instance)
                if found is None or (found.last_status, found.desired_status, found.instance) != told:
                    self.fail(f"task {held.id} is {told}, not {found}")
                if held.instance:
                    self._left(fold, event.cluster, self.ledger.places[held.instance])

    def _version(self, fold: NamespaceState, event: AnyEvent) -> tuple[str, int] | None:
        """Find what an event was about, and its version now (§14.3)."""
        if isinstance(event, TaskEvent):
            task = fold.clusters[event.cluster].tasks.get(event.task)
            return (event.task, task.version) if task is not None else None
        if isinstance(event, ContainerInstanceEvent):
            return event.container_instance, fold.clusters[event.cluster].instances[event.container_instance].version
        return None

    def _left(self, fold: NamespaceState, cluster: str, place: Place) -> None:
        needs = [each.need for each in place.tasks.values()]
        left = (place.cpu - sum(each.cpu for each in needs), place.memory - sum(each.memory for each in needs))
        found = fold.clusters[cluster].instances[place.id]
        if (found.cpu_left, found.memory_left) != left:
            self.fail(f"{place.id} has {left} left, not {found.cpu_left, found.memory_left}")


def _is_replica(wish: Wish) -> bool:
    return not wish.daemon and not wish.external


CHECKERS: Sequence[type[Checker]] = (
    *(Capacity, Forward, OnePlace, Fewest, Most, Balance, Constraints, Fold),
    *(Daemons, Sets, Queue, Primary, Final),
)
