"""Room: where a cluster's instances have room, indexed so that placing a task looks at few of them.

An instance is in the `Pool` of its zone; a `Queue` orders one zone's instances for one group and
demand. Queues are caches: any of them can be dropped and begun again, and only so many are kept.
"""

from collections import deque

from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.queue import Group, Pool, Queue, Shape

QUEUES_KEPT_MAX = 4096
"""Queues of a cluster; one has an entry of 8 bytes for each instance of its zone."""


class Room:
    """A cluster's pools by zone, and its groups."""

    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {}
        self.hosts: dict[str, tuple[set[int], set[int], list[InstanceState]]] = {}
        self.groups: dict[str, Group] = {}
        self.shapes: dict[tuple[Demand, str], Shape] = {}
        self.begun: deque[tuple[str, Demand, str]] = deque()

    def __eq__(self, other: object) -> bool:
        """Compare what is counted; queues and shapes are caches."""
        return isinstance(other, Room) and self._counted() == other._counted()

    __hash__ = None  # type: ignore[assignment]

    @property
    def size(self) -> int:
        """The number of instances, ACTIVE and DRAINING."""
        return sum(len(pool.entries) for pool in self.pools.values())

    def group(self, name: str) -> Group:
        """Find a group, new if it has no tasks yet."""
        found = self.groups.get(name)
        if found is None:
            found = self.groups[name] = Group()
        return found

    def count(self, name: str, instance: InstanceState, change: int) -> None:
        """Add to, or take from, a group's tasks on an instance; a group without tasks or queues is forgotten."""
        group = self.group(name)
        group.count(instance.id, instance.zone, change)
        if not group.instances and not group.queues:
            del self.groups[name]

    def queue(self, name: str, demand: Demand, zone: str) -> Queue:
        """Find the order of a zone's instances for a group and a demand."""
        group = self.group(name)
        found = group.queues.get((demand, zone))
        if found is None:
            shape = self.shapes.get((demand, zone))
            if shape is None:
                shape = self.shapes[demand, zone] = Shape(self.pools[zone])
            shape.users += 1
            found = group.queues[demand, zone] = Queue(self.pools[zone], shape, group, demand)
            self.begun.append((name, demand, zone))
            while len(self.begun) > QUEUES_KEPT_MAX:
                self._end(*self.begun.popleft())
        return found

    def forget(self, name: str) -> None:
        """Drop a group's queues."""
        for demand, zone in list(self.group(name).queues):
            self._end(name, demand, zone)

    def join(self, instance: InstanceState) -> None:
        """Take an instance in; those of one host share its ports."""
        self.pools.setdefault(instance.zone, Pool()).add(instance.id)
        tcp, udp, sharers = self.hosts.setdefault(instance.host or instance.id, (set(), set(), []))
        instance.tcp, instance.udp = tcp, udp
        sharers.append(instance)

    def leave(self, instance: InstanceState) -> None:
        """Let an instance go; what was known of it as an instance without room is forgotten too."""
        self.pools[instance.zone].discard(instance.id)
        self.gain(instance)
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

    def _end(self, name: str, demand: Demand, zone: str) -> None:
        group = self.groups.get(name)
        queue = group.queues.pop((demand, zone), None) if group is not None else None
        if group is None or queue is None:
            return
        queue.shape.users -= 1
        if not queue.shape.users:
            del self.shapes[demand, zone]
        if not group.queues and not group.instances:
            del self.groups[name]

    def _counted(self) -> tuple[object, ...]:
        pools = {zone: pool.entries for zone, pool in self.pools.items()}
        held = {name: (group.zones, group.instances) for name, group in self.groups.items() if group.instances}
        hosts = {name: (tcp, udp) for name, (tcp, udp, _) in self.hosts.items()}
        return pools, held, hosts
