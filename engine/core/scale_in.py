"""Scale-in: which tasks of a service end first (spec §8.2).

Those not RUNNING yet or not healthy; then from the zone with the most tasks of the service, there from the instance
with the most, there the newest; equal zones and instances by the higher name, the mirror of placement.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from quarterdeck.projections.live.states import ClusterState, ServiceState, TaskState


def in_scale_in_order(cluster: ClusterState, service: ServiceState, tasks: list[TaskState]) -> Iterator[TaskState]:
    """Yield tasks in the order in which to stop them; each is taken as stopped once yielded."""
    group = cluster.room.group(service.group)
    zones, held = dict(group.zones), dict(group.instances)
    for ready in (False, True):
        candidates = [each for each in tasks if each.healthy is ready]
        yield from _from_fullest(candidates, zones, held)


def _from_fullest(tasks: list[TaskState], zones: dict[str, int], held: dict[str, int]) -> Iterator[TaskState]:
    by_instance: dict[str, list[TaskState]] = {}
    for task in sorted(tasks, key=lambda each: (each.created_at, each.id)):
        by_instance.setdefault(task.instance, []).append(task)
    heaps: dict[str, list[tuple[int, _Reversed]]] = {}
    for instance, on_it in by_instance.items():
        heaps.setdefault(on_it[0].zone, []).append((-held[instance], _Reversed(instance)))
    for heap in heaps.values():
        heapify(heap)
    while heaps:
        zone = max(heaps, key=lambda name: (zones.get(name, 0), name))
        _, instance_name = heappop(heaps[zone])
        on_it = by_instance[instance_name.name]
        zones[zone] -= 1
        held[instance_name.name] -= 1
        yield on_it.pop()
        if on_it:
            heappush(heaps[zone], (-held[instance_name.name], instance_name))
        elif not heaps[zone]:
            del heaps[zone]


class _Reversed:
    """A name that sorts the other way round."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __lt__(self, other: "_Reversed") -> bool:
        return self.name > other.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)
