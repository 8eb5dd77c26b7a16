"""Queue: one cell's instances in the order in which a group's tasks of one demand want them.

A queue is a heap, fewest tasks of the group first, then the id. Its entries may be out of date: they
are put right when they come up. Whatever may make an instance fit again (a task gone, an agent back)
is noted in its pool's list of gains, which each queue reads from where it stopped; so a change costs
the same however many groups and instances there are. Starting a queue costs one copy of the cell's
list of instances; nothing else here is proportional to their number, but for rules that pack: those
pass over the instances that have enough left and do not fit for another reason.
"""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.pool import GAINS_KEPT_MIN, Left, Pool
from quarterdeck.projections.live.rule import ZONE, field_value

UNFIT_BEGUN_WITH_MAX = 64

Check = Callable[[InstanceState, Demand], str]
"""The first check an instance fails for a demand, empty if it fits."""


class Place(NamedTuple):
    """Where a queue looks, for what, and whether each instance takes one task at most."""

    demand: Demand
    fields: tuple[str, ...]
    cell: str
    distinct: bool


class Shape:
    """What is known of one demand in one cell: the instances that cannot take it, and why.

    A reason stays true until the instance gains, but another check may have come to fail before it.
    ``full`` says that none can.
    """

    def __init__(self, pool: Pool) -> None:
        self.users = 0
        self.full = False
        self.pool = pool
        self.cursor = pool.cursor
        self.unfit: dict[str, str] = {}
        self.reasons: dict[str, int] = {}
        self.begin: tuple[int, int, list[tuple[int, str]]] = (-1, 0, [])

    def entries(self) -> list[tuple[int, str]]:
        """List what a queue begins with: the pool's instances, but for most of those known not to fit."""
        cursor, left_out, entries = self.begin
        if cursor != self.cursor or len(self.unfit) > 2 * left_out + UNFIT_BEGUN_WITH_MAX:
            unfit = self.unfit
            entries = [each for each in self.pool.entries if each[1] not in unfit] if unfit else self.pool.entries
            self.begin = (self.cursor, len(unfit), entries)
        return list(entries)

    def refresh(self) -> None:
        """Forget what is known of instances that gained since last time."""
        if self.cursor == self.pool.cursor:
            return
        gains = self.pool.since(self.cursor)
        self.cursor = self.pool.cursor
        self.full = False
        for instance in list(self.unfit) if gains is None else gains:
            reason = self.unfit.pop(instance, "")
            if reason:
                self.reasons[reason] -= 1

    def reject(self, instance: str, reason: str) -> None:
        """Remember that an instance does not fit."""
        self.unfit[instance] = reason
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


class Group:
    """How many tasks of a group (a service, or tasks run together) are where.

    ``stopping`` counts, by instance, those not wanted any more that still hold their room; ``others``
    counts by the values of attributes beside the zone, as far as a rule asked for them.
    """

    def __init__(self) -> None:
        self.zones: dict[str, int] = {}
        self.instances: dict[str, int] = {}
        self.stopping: dict[str, int] = {}
        self.others: dict[str, dict[str, int]] = {}
        self.queues: dict[Place, Queue] = {}

    @property
    def used(self) -> bool:
        """Whether there is anything to remember."""
        return bool(self.instances or self.stopping or self.queues)

    def count(self, instance: InstanceState, change: int) -> None:
        """Add to, or take from, the tasks on an instance."""
        add(self.zones, instance.zone, change)
        add(self.instances, instance.id, change)
        for field, counts in self.others.items():
            add(counts, field_value(instance, field), change)

    def by(self, field: str, instances: dict[str, InstanceState]) -> dict[str, int]:
        """Count the tasks by the values of an attribute; from here on it is counted on."""
        if field == ZONE:
            return self.zones
        counts = self.others.get(field)
        if counts is None:
            counts = self.others[field] = {}
            for name, count in self.instances.items():
                add(counts, field_value(instances[name], field), count)
        return counts

    def holds(self, name: str) -> bool:
        """Tell whether a task of the group is on an instance, wanted or on its way out."""
        return name in self.instances or name in self.stopping


def add(counts: dict[str, int], key: str, change: int) -> None:
    """Add to a count; what is counted down to nothing is gone."""
    count = counts.get(key, 0) + change
    if count:
        counts[key] = count
    else:
        del counts[key]


class Queue:
    """One cell's instances in the order in which a group's tasks of one demand want them."""

    def __init__(self, pool: Pool, shape: Shape, group: Group, place: Place) -> None:
        self.pool = pool
        self.shape = shape
        self.group = group
        self.demand = place.demand
        self.distinct = place.distinct
        self.heap: list[tuple[int, str]] = []
        self.cursor = -1

    def first(self, instances: dict[str, InstanceState], check: Check) -> InstanceState | None:
        """Find the first instance that fits; None if none does."""
        self._refresh()
        heap, counts, unfit = self.heap, self.group.instances, self.shape.unfit
        while heap:
            held, name = heap[0]
            actual = counts.get(name, 0)
            if held < actual:
                heapreplace(heap, (actual, name))
                continue
            if held > actual or name in unfit or (self.distinct and self.group.holds(name)):
                heappop(heap)
                continue
            instance = instances.get(name)
            reason = check(instance, self.demand) if instance is not None else ""
            if instance is not None and not reason:
                return instance
            heappop(heap)
            if instance is not None and instance.status != "INACTIVE":
                self.shape.reject(name, reason)
        return None

    def second(self, instances: dict[str, InstanceState], check: Check) -> str:
        """Name the instance next after the first, if the heap shows one that fits."""
        for _, name in sorted(self.heap[1:3]):
            apart = self.distinct and self.group.holds(name)
            if name == self.heap[0][1] or apart or name not in instances:
                continue
            if not check(instances[name], self.demand):
                return name
        return ""

    def packed(
        self, resources: tuple[str, ...], instances: dict[str, InstanceState], check: Check, holding: int | None = None
    ) -> Iterator[tuple[Left, InstanceState]]:
        """Go through the instances that fit, those with least left first; only those with so many tasks, if told."""
        self.shape.refresh()
        if self.shape.full:
            return
        unfit, demand, counts = self.shape.unfit, self.demand, self.group.instances
        needed = demand.cpu if resources[0] == "cpu" else demand.memory
        for left, name in self.pool.order(resources, instances).from_least(needed):
            if name in unfit or (self.distinct and self.group.holds(name)):
                continue
            if holding is not None and (name in counts if not holding else counts.get(name) != holding):
                continue
            reason = check(instances[name], demand)
            if reason:
                self.shape.reject(name, reason)
            else:
                yield left, instances[name]
        self.shape.full = holding is None and len(unfit) == len(self.pool.entries)

    def _refresh(self) -> None:
        self.shape.refresh()
        if self.cursor == self.pool.cursor:
            return
        gains = self.pool.since(self.cursor) if self.cursor >= 0 else None
        self.cursor = self.pool.cursor
        if gains is None or len(self.heap) + len(gains) > 2 * len(self.pool.entries) + GAINS_KEPT_MIN:
            self.heap = self.shape.entries()
            return
        for name in gains:
            heappush(self.heap, (self.group.instances.get(name, 0), name))
