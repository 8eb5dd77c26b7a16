"""Queue: one zone's instances in the order in which a group's tasks of one demand want them.

A queue is a heap, fewest tasks of the group first, then the id. Its entries may be out of date: they
are put right when they come up. Whatever may make an instance fit again (a task gone, an agent back)
is noted in its pool's list of gains, which each queue reads from where it stopped; so a change costs
the same however many groups and instances there are. Starting a queue costs one copy of the zone's
list of instances; nothing else here is proportional to their number.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from heapq import heappop, heappush, heapreplace

from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState

GAINS_KEPT_MIN = 1024

Check = Callable[[InstanceState, Demand], str]
"""The first check an instance fails for a demand, empty if it fits."""


class Pool:
    """One zone's instances, and the gains a queue has to read; the cursor is after the last of them."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str]] = []
        self.gains: list[str] = []
        self.cursor = 0

    def add(self, instance: str) -> None:
        """Take an instance in, in order of ids."""
        insort(self.entries, (0, instance))
        self.gain(instance)

    def discard(self, instance: str) -> None:
        """Let an instance go; queues drop it when it comes up."""
        at = bisect_left(self.entries, (0, instance))
        if at < len(self.entries) and self.entries[at][1] == instance:
            del self.entries[at]

    def gain(self, instance: str) -> None:
        """Note that an instance may fit where it did not, or holds fewer tasks of some group."""
        self.gains.append(instance)
        self.cursor += 1
        if len(self.gains) > GAINS_KEPT_MIN + 4 * len(self.entries):
            del self.gains[: len(self.gains) // 2]

    def since(self, cursor: int) -> list[str] | None:
        """List the gains after a cursor; None if they are no longer kept."""
        start = cursor - self.cursor + len(self.gains)
        return None if start < 0 else self.gains[start:]


class Shape:
    """What is known of one demand in one zone: the instances that cannot take it, and why.

    A reason stays true until the instance gains, but another check may have come to fail before it.
    """

    def __init__(self, pool: Pool) -> None:
        self.users = 0
        self.pool = pool
        self.cursor = pool.cursor
        self.unfit: dict[str, str] = {}
        self.reasons: dict[str, int] = {}

    def refresh(self) -> None:
        """Forget what is known of instances that gained since last time."""
        if self.cursor == self.pool.cursor:
            return
        gains = self.pool.since(self.cursor)
        self.cursor = self.pool.cursor
        for instance in list(self.unfit) if gains is None else gains:
            reason = self.unfit.pop(instance, "")
            if reason:
                self.reasons[reason] -= 1

    def reject(self, instance: str, reason: str) -> None:
        """Remember that an instance does not fit."""
        self.unfit[instance] = reason
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


class Group:
    """How many tasks of a group (a service, or tasks run together) are where."""

    def __init__(self) -> None:
        self.zones: dict[str, int] = {}
        self.instances: dict[str, int] = {}
        self.queues: dict[tuple[Demand, str], Queue] = {}

    def count(self, instance: str, zone: str, change: int) -> None:
        """Add to, or take from, the tasks on an instance; what is counted down to nothing is gone."""
        for counts, key in ((self.zones, zone), (self.instances, instance)):
            count = counts.get(key, 0) + change
            if count:
                counts[key] = count
            else:
                del counts[key]


class Queue:
    """One zone's instances in the order in which a group's tasks of one demand want them."""

    def __init__(self, pool: Pool, shape: Shape, group: Group, demand: Demand) -> None:
        self.pool = pool
        self.shape = shape
        self.group = group
        self.demand = demand
        self.heap = list(pool.entries)
        self.cursor = pool.cursor

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
            if held > actual or name in unfit:
                heappop(heap)
                continue
            instance = instances[name]
            reason = check(instance, self.demand)
            if not reason:
                return instance
            heappop(heap)
            if instance.status != "INACTIVE":
                self.shape.reject(name, reason)
        return None

    def second(self, instances: dict[str, InstanceState], check: Check) -> str:
        """Name the instance next after the first, if the heap shows one that fits."""
        for _, name in sorted(self.heap[1:3]):
            if name != self.heap[0][1] and not check(instances[name], self.demand):
                return name
        return ""

    def _refresh(self) -> None:
        self.shape.refresh()
        if self.cursor == self.pool.cursor:
            return
        gains = self.pool.since(self.cursor)
        self.cursor = self.pool.cursor
        if gains is None or len(self.heap) + len(gains) > 2 * len(self.pool.entries) + GAINS_KEPT_MIN:
            self.heap = list(self.pool.entries)
            return
        for name in gains:
            heappush(self.heap, (self.group.instances.get(name, 0), name))
