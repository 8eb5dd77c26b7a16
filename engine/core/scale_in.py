"""Scale-in: which tasks of a service end first (spec §8.2).

Those not RUNNING yet or not healthy; then what the service's rule would place last: where it spreads, from
the value with the most tasks of the service; where it packs, from the instance that would have most left
after. Of equal instances the higher name, of the tasks on one the newest: the mirror of placement.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from quarterdeck.engine.core import placement_options
from quarterdeck.projections.live.rule import ATTRIBUTE, COUNT, Rule, field_value
from quarterdeck.projections.live.states import ClusterState, ServiceState, TaskState

Key = tuple[int, ...]
Cell = tuple[str, ...]


def in_scale_in_order(cluster: ClusterState, service: ServiceState, tasks: list[TaskState]) -> Iterator[TaskState]:
    """Yield tasks in the order in which to stop them; each is taken as stopped once yielded."""
    settings = service.settings
    rule = placement_options.rule(settings.placement_constraints, settings.placement_strategy)
    ledger = _Ledger(cluster, service, rule)
    for ready in (False, True):
        yield from ledger.from_last([each for each in tasks if each.healthy is ready])


class _Ledger:
    """What placement compares, as it is once the tasks chosen so far have stopped."""

    def __init__(self, cluster: ClusterState, service: ServiceState, rule: Rule) -> None:
        group = cluster.room.group(service.group)
        self.instances = cluster.instances
        self.rule = rule
        self.held = dict(group.instances)
        self.counts = {field: dict(group.by(field, cluster.instances)) for field in rule.fields}
        self.freed: dict[str, tuple[int, int]] = {}
        self.tasks: dict[str, list[TaskState]] = {}

    def from_last(self, tasks: list[TaskState]) -> Iterator[TaskState]:
        """Yield tasks from where placement would go last; inside a cell a heap has the instances in order."""
        self.tasks = {}
        for task in sorted(tasks, key=lambda each: (each.created_at, each.id)):
            self.tasks.setdefault(task.instance, []).append(task)
        heaps: dict[Cell, list[tuple[Key, _Reversed]]] = {}
        for name in self.tasks:
            heaps.setdefault(self._cell(name), []).append((self._own(name), _Reversed(name)))
        for heap in heaps.values():
            heapify(heap)
        while heaps:
            cell = max(heaps, key=lambda each: self._key(each, heaps[each][0]))
            name = heappop(heaps[cell])[1].name
            yield self._stop(name, cell)
            if self.tasks[name]:
                heappush(heaps[cell], (self._own(name), _Reversed(name)))
            elif not heaps[cell]:
                del heaps[cell]

    def _stop(self, name: str, cell: Cell) -> TaskState:
        task = self.tasks[name].pop()
        self.held[name] -= 1
        for field, value in zip(self.rule.fields, cell, strict=True):
            self.counts[field][value] -= 1
        cpu, memory = self.freed.get(name, (0, 0))
        self.freed[name] = (cpu + task.demand.cpu, memory + task.demand.memory)
        return task

    def _cell(self, name: str) -> Cell:
        return tuple(field_value(self.instances[name], field) for field in self.rule.fields)

    def _own(self, name: str) -> Key:
        """What differs inside a cell, most first in a heap of the smallest."""
        return tuple(-self._of_instance(name, each) for each in self._chain() if not each.startswith(ATTRIBUTE))

    def _key(self, cell: Cell, top: "tuple[Key, _Reversed]") -> tuple[Key, str]:
        values = dict(zip(self.rule.fields, cell, strict=True))
        own = iter(top[0])
        compared = [
            self.counts[each].get(values[each], 0) if each.startswith(ATTRIBUTE) else -next(own)
            for each in self._chain()
        ]
        return tuple(compared), top[1].name

    def _chain(self) -> tuple[str, ...]:
        return (*self.rule.leading, *self.rule.rest)

    def _of_instance(self, name: str, component: str) -> int:
        if component == COUNT:
            return self.held[name]
        instance, task, freed = self.instances[name], self.tasks[name][-1], self.freed.get(name, (0, 0))
        if component == "cpu":
            return instance.cpu_left + freed[0] + task.demand.cpu
        return instance.memory_left + freed[1] + task.demand.memory


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
