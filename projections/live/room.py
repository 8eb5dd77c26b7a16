"""Room: where a cluster's instances have room, indexed so that placing a task looks at few of them.

An instance is in the `Pool` of its zone, and of its cell in each other `Partition` that a rule asked
for; a `Queue` orders one cell's instances for one group and demand. Queues and partitions are caches:
any of them can be dropped and begun again, and only so many are kept.
"""

from collections import deque

from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.partition import Partition
from quarterdeck.projections.live.pool import Pool
from quarterdeck.projections.live.queue import Group, Place, Queue, Shape, add
from quarterdeck.projections.live.roster import Roster
from quarterdeck.projections.live.rule import ZONE

QUEUES_KEPT_MAX = 4096
"""Queues of a cluster; one has an entry of 8 bytes for each instance of its cell."""
PARTITIONS_KEPT_MAX = 16
"""Partitions of a cluster beside that by zone; one has an entry for each instance."""


class Room:
    """A cluster's pools by zone, its other partitions, and its groups.

    ``daemons`` is what the tasks of DAEMON services need, by group. ``changing`` says that a demand was
    asked for whose constraints look at tasks: then every task that comes may let an instance fit.
    """

    def __init__(self) -> None:
        self.zones = Partition((ZONE,))
        self.others: dict[tuple[str, ...], Partition] = {}
        self.instances: dict[str, InstanceState] = {}
        self.hosts: dict[str, tuple[set[int], set[int], list[InstanceState]]] = {}
        self.groups: dict[str, Group] = {}
        self.shapes: dict[tuple[Demand, tuple[str, ...], str], Shape] = {}
        self.begun: deque[tuple[str, Place]] = deque()
        self.daemons: dict[str, Demand] = {}
        self.rosters: dict[str, Roster] = {}
        self.packing = False
        self.changing = False

    def __eq__(self, other: object) -> bool:
        """Compare what is counted; queues, shapes and partitions are caches."""
        return isinstance(other, Room) and self._counted() == other._counted()

    __hash__ = None  # type: ignore[assignment]

    @property
    def pools(self) -> dict[str, Pool]:
        """The pools by zone."""
        return self.zones.pools

    @property
    def size(self) -> int:
        """The number of instances, ACTIVE and DRAINING."""
        return len(self.instances)

    def partition(self, fields: tuple[str, ...]) -> Partition:
        """Find the cells that some attributes make."""
        if fields == self.zones.fields:
            return self.zones
        found = self.others.get(fields)
        if found is None:
            while len(self.others) >= PARTITIONS_KEPT_MAX:
                self._drop(next(iter(self.others)))
            found = self.others[fields] = Partition(fields)
            for instance in self.instances.values():
                found.join(instance)
        return found

    def group(self, name: str) -> Group:
        """Find a group, new if it has no tasks yet."""
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group()
        return found

    def count(self, name: str, instance: InstanceState, change: int) -> None:
        """Add to, or take from, a group's tasks on an instance; a group without tasks or queues is forgotten."""
        group = self.group(name)
        group.count(instance, change)
        if not group.used:
            del self.groups[name]

    def count_stopping(self, name: str, instance: InstanceState, change: int) -> None:
        """Add to, or take from, a group's tasks that are on their way out."""
        group = self.group(name)
        add(group.stopping, instance.id, change)
        if not group.used:
            del self.groups[name]

    def queue(self, name: str, place: Place) -> Queue:
        """Find the order of a cell's instances for a group and a demand."""
        group = self.group(name)
        found = group.queues.get(place)
        if found is None:
            pool = self.partition(place.fields).pools[place.cell]
            shape = self.shapes.get(place[:3])
            if shape is None:
                shape = self.shapes[place[:3]] = Shape(pool)
            shape.users += 1
            found = group.queues[place] = Queue(pool, shape, group, place)
            self.begun.append((name, place))
            while len(self.begun) > QUEUES_KEPT_MAX:
                self._end(*self.begun.popleft())
        return found

    def roster(self, name: str, demand: Demand) -> Roster:
        """Find the instances that a DAEMON service belongs on."""
        pool = self.partition(()).pools.setdefault("", Pool())
        found = self.rosters.get(name)
        if found is None or found.pool is not pool or found.demand != demand:
            found = self.rosters[name] = Roster(pool, demand)
        return found

    def forget(self, name: str) -> None:
        """Drop a group's queues and its roster."""
        self.rosters.pop(name, None)
        group = self.groups.get(name)
        for place in list(group.queues) if group is not None else ():
            self._end(name, place)
        if group is not None and not group.used:
            self.groups.pop(name, None)

    def join(self, instance: InstanceState) -> None:
        """Take an instance in; those of one host share its ports."""
        self.instances[instance.id] = instance
        self.zones.join(instance)
        for partition in self.others.values():
            partition.join(instance)
        tcp, udp, sharers = self.hosts.setdefault(instance.host or instance.id, (set(), set(), []))
        instance.tcp, instance.udp = tcp, udp
        sharers.append(instance)

    def leave(self, instance: InstanceState) -> None:
        """Let an instance go; what was known of it as an instance without room is forgotten too."""
        del self.instances[instance.id]
        self.zones.leave(instance)
        for partition in self.others.values():
            partition.leave(instance)
        host = self.hosts[instance.host or instance.id]
        host[2].remove(instance)
        if not host[2]:
            del self.hosts[instance.host or instance.id]

    def gain(self, instance: InstanceState) -> None:
        """Note that an instance may fit where it did not."""
        if instance.id in self.instances:
            self.zones.gain(instance)
            for partition in self.others.values():
                partition.gain(instance)

    def move(self, instance: InstanceState) -> None:
        """Note that an instance has other attributes: partitions by what changed are begun again when asked for."""
        for fields in [each for each, partition in self.others.items() if partition.has_moved(instance)]:
            self._drop(fields)
        for group in self.groups.values():
            group.others.clear()
        self.gain(instance)

    def resize(self, instance: InstanceState) -> None:
        """Note that there is another amount left of an instance."""
        if self.packing and instance.id in self.instances:
            self.zones.resize(instance)
            for partition in self.others.values():
                partition.resize(instance)

    def take(self, instance: InstanceState, demand: Demand) -> None:
        """Reserve what a task needs."""
        instance.cpu_left -= demand.cpu
        instance.memory_left -= demand.memory
        self.resize(instance)
        if self.changing:
            self.gain(instance)
        if demand.tcp or demand.udp:
            instance.tcp |= demand.tcp
            instance.udp |= demand.udp

    def give_back(self, instance: InstanceState, demand: Demand) -> None:
        """Free what a task had; a port freed is free for all instances of the host."""
        instance.cpu_left += demand.cpu
        instance.memory_left += demand.memory
        self.resize(instance)
        self.gain(instance)
        if demand.tcp or demand.udp:
            instance.tcp -= demand.tcp
            instance.udp -= demand.udp
            for sharer in self.hosts[instance.host or instance.id][2]:
                self.gain(sharer)

    def _end(self, name: str, place: Place) -> None:
        group = self.groups.get(name)
        queue = group.queues.pop(place, None) if group is not None else None
        if group is None or queue is None:
            return
        queue.shape.users -= 1
        if not queue.shape.users:
            del self.shapes[place[:3]]
        if not group.used:
            del self.groups[name]

    def _drop(self, fields: tuple[str, ...]) -> None:
        for name, group in list(self.groups.items()):
            for place in [each for each in group.queues if each.fields == fields]:
                self._end(name, place)
        del self.others[fields]

    def _counted(self) -> tuple[object, ...]:
        pools = {zone: pool.entries for zone, pool in self.pools.items()}
        held = {
            name: (group.zones, group.instances, group.stopping)
            for name, group in self.groups.items()
            if group.instances or group.stopping
        }
        hosts = {name: (tcp, udp) for name, (tcp, udp, _) in self.hosts.items()}
        return pools, held, hosts
