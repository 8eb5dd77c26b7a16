"""Room: where a cluster's instances have room, indexed so that placing a task looks at few of them.

An instance is in the `Pool` of its zone. A `Queue` orders one zone's instances for one group and
demand: fewest tasks of the group first, then the id. It is a heap whose entries may be out of date:
they are put right when they come up. Whatever may make an instance fit again (a task gone, an agent
back) is noted in its pool's list of gains, which each queue reads from where it stopped; so a change
costs the same however many groups and instances there are. Starting a queue costs one copy of the
zone's list of instances; nothing else here is proportional to their number.
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
    """One zone's instances, and the gains a queue has to read."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, str]] = []
        self.gains: list[str] = []
        self.dropped = 0

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
        if len(self.gains) > GAINS_KEPT_MIN + 4 * len(self.entries):
            half = len(self.gains) // 2
            del self.gains[:half]
            self.dropped += half

    def since(self, cursor: int) -> list[str] | None:
        """List the gains after a cursor; None if they are no longer kept."""
        start = cursor - self.dropped
        return None if start < 0 else self.gains[start:]

    @property
    def cursor(self) -> int:
        """The position after the last gain."""
        return self.dropped + len(self.gains)


class Shape:
    """What is known of one demand in one zone: the instances that cannot take it, and why."""

    def __init__(self, pool: Pool) -> None:
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
        """Add to, or take from, the tasks on an instance."""
        self.zones[zone] = self.zones.get(zone, 0) + change
        held = self.instances.get(instance, 0) + change
        if held:
            self.instances[instance] = held
        else:
            del self.instances[instance]


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
            instance = instances.get(name)
            if held > actual or name in unfit or instance is None:
                heappop(heap)
                continue
            reason = check(instance, self.demand)
            if not reason:
                return instance
            heappop(heap)
            self.shape.reject(name, reason)
        return None

    def second(self, instances: dict[str, InstanceState], check: Check) -> str:
        """Name the instance next after the first, if the heap shows one that fits."""
        for _, name in sorted(self.heap[1:3]):
            instance = instances.get(name)
            if instance is not None and name != self.heap[0][1] and not check(instance, self.demand):
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


class Room:
    """A cluster's pools by zone, and its groups."""

    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {}
        self.hosts: dict[str, tuple[set[int], set[int], list[InstanceState]]] = {}
        self.groups: dict[str, Group] = {}
        self.shapes: dict[tuple[Demand, str], Shape] = {}

    def __eq__(self, other: object) -> bool:
        """Compare what is counted; queues and shapes are caches."""
        return isinstance(other, Room) and self._counted() == other._counted()

    __hash__ = None  # type: ignore[assignment]

    def group(self, name: str) -> Group:
        """Find a group, new if it has no tasks yet."""
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group()
        return found

    def queue(self, group: Group, demand: Demand, zone: str) -> Queue:
        """Find the order of a zone's instances for a group and a demand."""
        found = group.queues.get((demand, zone))
        if found is None:
            pool = self.pools[zone]
            found = group.queues[demand, zone] = Queue(pool, self.shape(demand, zone), group, demand)
        return found

    def shape(self, demand: Demand, zone: str) -> Shape:
        """Find what is known of a demand in a zone."""
        found = self.shapes.get((demand, zone))
        if found is None:
            found = self.shapes[demand, zone] = Shape(self.pools[zone])
        return found

    def join(self, instance: InstanceState) -> None:
        """Take an instance in; those of one host share its ports."""
        self.pools.setdefault(instance.zone, Pool()).add(instance.id)
        tcp, udp, sharers = self.hosts.setdefault(instance.host or instance.id, (set(), set(), []))
        instance.tcp, instance.udp = tcp, udp
        sharers.append(instance)

    def leave(self, instance: InstanceState) -> None:
        """Let an instance go."""
        self.pools[instance.zone].discard(instance.id)
        host = self.hosts[instance.host or instance.id]
        host[2].remove(instance)
        if not host[2]:
            del self.hosts[instance.host or instance.id]

    def gain(self, instance: InstanceState) -> None:
        """Note that an instance may fit where it did not."""
        self.pools[instance.zone].gain(instance.id)

    def take(self, instance: InstanceState, demand: Demand) -> None:
        """Reserve what a task needs."""
        instance.cpu_left -= demand.cpu
        instance.memory_left -= demand.memory
        if demand.tcp or demand.udp:
            instance.tcp |= demand.tcp
            instance.udp |= demand.udp

    def give_back(self, instance: InstanceState, demand: Demand) -> None:
        """Free what a task had; a port freed is free for all instances of the host."""
        instance.cpu_left += demand.cpu
        instance.memory_left += demand.memory
        self.gain(instance)
        if demand.tcp or demand.udp:
            instance.tcp -= demand.tcp
            instance.udp -= demand.udp
            for sharer in self.hosts[instance.host or instance.id][2]:
                self.gain(sharer)

    def _counted(self) -> tuple[object, ...]:
        pools = {zone: pool.entries for zone, pool in self.pools.items()}
        held = {name: (group.zones, group.instances) for name, group in self.groups.items() if group.instances}
        hosts = {name: (tcp, udp) for name, (tcp, udp, _) in self.hosts.items()}
        return pools, held, hosts
