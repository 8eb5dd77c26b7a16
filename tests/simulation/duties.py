"""Duties: checkers of daemons, task sets, tasks that wait, deployments, and of what is final (spec §14).

daemons    a DAEMON service has at most one task that is not STOPPED on an instance, where its constraints let it and
           the agent is there; no other task takes the room that one still needs; of the healthy ones that older
           deployments leave, ceil(instances * minimum) remain
sets       placing never makes more tasks of a task set wanted than its share, beside those on instances that are
           DRAINING or lost, and one more for each that is unhealthy; while healthy tasks of one are stopped, its share
           of healthy ones remains; one that is DRAINING gets none
queue      a task that waits gets a place, no later than one that came after it and asks for the same, or is
           STOPPED, with a reason, when its time is over, not before
primary    exactly one deployment is PRIMARY: the last that was started; of task sets at most one, and it exists
final      nothing happens any more to an INACTIVE instance or service, nor to a task that is STOPPED
"""

from __future__ import annotations

from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from quarterdeck.events.container_instance import ContainerInstanceEvent, ContainerInstanceRegistered
from quarterdeck.events.service import ServiceCreated, ServiceEvent
from quarterdeck.events.task import TaskEvent, TaskPlaced, TaskRequested, TaskStopped, TaskStopRequested
from quarterdeck.projections.live.states import NamespaceState
from tests.simulation.ledger import Ledger
from tests.simulation.records import Held, Wish
from tests.simulation.rule import Checker


class Daemons(Checker):
    """Daemons come first, and one on each instance."""

    name = "daemons"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._stopped: set[str] = set()

    def begin(self, commit: Commit) -> None:
        """Forget the last commit."""
        self._stopped.clear()

    def before(self, event: AnyEvent) -> None:
        """Look for another on the instance, and for room that was kept."""
        if isinstance(event, TaskPlaced):
            self._placed(event)
        elif isinstance(event, TaskStopRequested):
            task = self.ledger.tasks[event.task]
            wish = self.ledger.wish_of(task)
            stale = wish is not None and wish.daemon and task.deployment != wish.primary
            if wish is not None and stale and self._counts(wish, task):
                self._stopped.add(wish.name)

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Count the healthy ones that are left where they belong."""
        for name in self._stopped if commit.actor == "scheduler" else ():
            wish = self.ledger.wishes[name]
            eligible = [each for each in self.ledger.places.values() if each.open and not self.ledger.bars(each, wish)]
            least = wish.least(len(eligible))
            left = sum(1 for each in wish.tasks.values() if each.desired == "RUNNING" and self._counts(wish, each))
            if wish.status == "ACTIVE" and left < least:
                self.fail(f"service {name}: {left} healthy on {len(eligible)} instances, {least} must remain")

    def _placed(self, event: TaskPlaced) -> None:
        ledger, task = self.ledger, self.ledger.tasks[event.task]
        place, wish = ledger.places[event.container_instance], ledger.wish_of(task)
        if wish is not None and wish.daemon:
            if any(each.instance == place.id for each in wish.tasks.values()):
                self.fail(f"{place.id} gets another task of {wish.name}")
            return
        if lack := ledger.lacks(place, task.need, ledger.kept(place)):
            self.fail(f"task {task.id} takes room of a daemon on {place.id}: {lack}")

    def _counts(self, wish: Wish, task: Held) -> bool:
        place = self.ledger.places[task.instance]
        return place.open and self.ledger.is_healthy(task) and not self.ledger.bars(place, wish)


class Sets(Checker):
    """Each task set has its share."""

    name = "sets"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._placed: set[tuple[str, str]] = set()
        self._stopped: set[tuple[str, str]] = set()

    def begin(self, commit: Commit) -> None:
        """Forget the last commit."""
        self._placed.clear()
        self._stopped.clear()

    def before(self, event: AnyEvent) -> None:
        """Note whose tasks come and go."""
        if not isinstance(event, TaskPlaced | TaskStopRequested):
            return
        task = self.ledger.tasks[event.task]
        wish = self.ledger.wish_of(task)
        if wish is not None and wish.external:
            if isinstance(event, TaskPlaced):
                self._placed.add((wish.name, task.deployment))
            elif self.ledger.is_healthy(task):
                self._stopped.add((wish.name, task.deployment))

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Compare with the shares."""
        for name, share in sorted(self._placed):
            wish = self.ledger.wishes[name]
            places, wanted = self.ledger.places, self._wanted(wish, share)
            wanted = [each for each in wanted if self.ledger.may_stay(each) and not places[each.instance].lost]
            ill = sum(1 for each in wanted if each.last == "RUNNING" and not self.ledger.is_well(each))
            if len(wanted) > self._computed(wish, share) + ill:
                self.fail(f"{len(wanted)} tasks wanted of {share}, its share is {self._computed(wish, share)}")
        for name, share in sorted(self._stopped) if commit.actor == "scheduler" else ():
            wish = self.ledger.wishes[name]
            wanted = self._wanted(wish, share)
            left = sum(map(self.ledger.is_healthy, wanted))
            if wish.status == "ACTIVE" and left < self._computed(wish, share) and not any(x.protected for x in wanted):
                self.fail(f"{left} healthy tasks left of {share}, its share is {self._computed(wish, share)}")

    def _wanted(self, wish: Wish, share: str) -> list[Held]:
        return [each for each in wish.tasks.values() if each.deployment == share and each.desired == "RUNNING"]

    def _computed(self, wish: Wish, share: str) -> int:
        found = wish.shares.get(share)
        return found.computed(wish.desired) if found is not None and wish.status == "ACTIVE" else 0


class Queue(Checker):
    """Tasks wait for room as long as they were told to."""

    name = "queue"

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._now = 0.0
        self._actor = ""

    def begin(self, commit: Commit) -> None:
        """Note the time."""
        self._now, self._actor = commit.at, commit.actor

    def before(self, event: AnyEvent) -> None:
        """Compare the time with the end of the task's, and look for an equal one that came before."""
        if isinstance(event, TaskPlaced):
            self._overtakes(self.ledger.tasks[event.task])
        if isinstance(event, TaskStopped) and self._actor == "scheduler":
            task = self.ledger.tasks[event.task]
            if task.until and not task.instance:
                told = event.stop_code == "TaskFailedToStart" and event.reason
                if self._now < task.until or not told:
                    self.fail(f"task {task.id} ends at {self._now}, it may wait until {task.until}: {event.reason}")

    def _overtakes(self, task: Held) -> None:
        for each in self.ledger.tasks.values() if task.until else ():
            if each is task:
                return
            if each.last == "PROVISIONING" and each.asks_like(task):
                self.fail(f"task {task.id} is placed before {each.id}, which came first and asks for the same")


class Primary(Checker):
    """One deployment is PRIMARY."""

    name = "primary"

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Look at each service the commit is about."""
        for name in {event.service: None for event in commit.events if isinstance(event, ServiceEvent)}:
            wish, found = self.ledger.wishes[name], fold.clusters["default"].services[name]
            ids = [each.id for each in found.deployments]
            if len(set(ids)) != len(ids) or (ids[:1] or [""]) != [wish.primary]:
                self.fail(f"service {name} has deployments {ids}, {wish.primary} was started last")
            sets = [each.id for each in found.task_sets]
            if sets != list(wish.shares) or found.primary_task_set not in {"", *sets}:
                self.fail(f"service {name} has task sets {sets}, {found.primary_task_set} is PRIMARY")


class Final(Checker):
    """INACTIVE and STOPPED are for ever."""

    name = "final"

    def before(self, event: AnyEvent) -> None:
        """Look at the status of what the event is about."""
        if isinstance(event, ContainerInstanceEvent):
            place = self.ledger.places.get(event.container_instance)
            if place is not None and (isinstance(event, ContainerInstanceRegistered) or place.status == "INACTIVE"):
                self.fail(f"{type(event).__name__} of instance {place.id}, which is {place.status}")
        elif isinstance(event, ServiceEvent):
            wish = self.ledger.wishes.get(event.service)
            if wish is not None and (wish.status == "INACTIVE") != isinstance(event, ServiceCreated):
                self.fail(f"{type(event).__name__} of service {wish.name}, which is {wish.status}")
        elif isinstance(event, TaskEvent) and not isinstance(event, TaskRequested):
            task = self.ledger.tasks[event.task]
            if not task.alive:
                self.fail(f"{type(event).__name__} of task {task.id}, which is STOPPED")
