"""Search: the cells of a cluster and the instances in them, in the order in which a rule prefers them (spec §8.2)."""

from quarterdeck.engine.core.checks import first_failing_check
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.partition import SEPARATOR
from quarterdeck.projections.live.queue import Place, Queue
from quarterdeck.projections.live.rule import ATTRIBUTE, COUNT, DEFAULT, Rule, field_value
from quarterdeck.projections.live.states import ClusterState

Scores = tuple[int, ...]


class Search:
    """One search: a cluster, a group by name and as it is, what its next tasks need, and the rule.

    It may serve many placements one after another, as long as no instance comes, goes or changes its attributes.
    """

    __slots__ = ("cluster", "demand", "group", "name", "queues", "rule")

    def __init__(self, cluster: ClusterState, name: str, demand: Demand, rule: Rule) -> None:
        self.cluster = cluster
        self.name = name
        self.group = cluster.room.group(name)
        self.demand = demand
        self.rule = rule
        self.queues: dict[str, Queue] = {}

    def queue(self, cell: str) -> Queue:
        """Find a cell's instances in order."""
        found = self.queues.get(cell)
        if found is None:
            place = Place(self.demand, self.rule.fields, cell, self.rule.distinct)
            found = self.queues[cell] = self.cluster.room.queue(self.name, place)
        return found

    def rest(self, instance: InstanceState) -> Scores:
        """Give what is compared inside a rank."""
        return tuple([self.score(each, instance) for each in self.rule.rest])

    def score(self, component: str, instance: InstanceState) -> int:
        """Give one of the numbers that are compared."""
        if component == COUNT:
            return self.group.instances.get(instance.id, 0)
        if component.startswith(ATTRIBUTE):
            return self.group.by(component, self.cluster.instances).get(field_value(instance, component), 0)
        return instance.cpu_left if component == "cpu" else instance.memory_left


def first_of(search: Search, queue: Queue) -> InstanceState | None:
    """Find a cell's best instance, or without a rule inside cells any that fits."""
    instances, counts = search.cluster.instances, search.group.instances
    packing = search.rule.packing
    if not search.rule.packs_first:
        first = queue.first(instances, first_failing_check)
        if first is None or not packing:
            return first
        fewest = counts.get(first.id, 0)
        return next(each for _, each in queue.packed(packing, instances, first_failing_check, fewest))
    best: tuple[Scores, str] | None = None
    least, none_is_least = None, search.rule.rest[-1] in {COUNT, packing[-1]}
    for left, each in queue.packed(packing, instances, first_failing_check):
        if least is not None and left != least:
            break
        least = left
        key = (search.rest(each), each.id)
        best = key if best is None or key < best else best
        if none_is_least and not counts.get(each.id, 0):
            break
    return instances[best[1]] if best is not None else None


def ranked(search: Search) -> list[tuple[object, str]]:
    """Rank the cells by what is compared before looking at instances."""
    rule, group, instances = search.rule, search.group, search.cluster.instances
    cells = search.cluster.room.partition(rule.fields).pools
    counts = [group.by(field, instances) for field in rule.leading]
    if len(rule.fields) == 1 and counts:
        of_one = counts[0]
        return sorted([(of_one.get(cell, 0), cell) for cell in cells])
    ranked = []
    for cell in cells:
        values = cell.split(SEPARATOR)
        ranked.append((tuple([each.get(value, 0) for each, value in zip(counts, values, strict=False)]), cell))
    return sorted(ranked)


def scores(search: Search, instance: InstanceState) -> Scores:
    """Give all that is compared, in order."""
    return (*(search.score(each, instance) for each in search.rule.leading), *search.rest(instance))


def told(search: Search, instance: InstanceState) -> dict[str, int]:
    """Name what strategies compare; without any, zones and counts say it already."""
    rule = search.rule
    if (rule.leading, rule.rest) == (DEFAULT.leading, DEFAULT.rest):
        return {}
    return dict(zip((*rule.leading, *rule.rest), scores(search, instance), strict=True))


def left(rule: Rule, instance: InstanceState) -> Scores:
    """What must be equal before there is anything to draw for: what is left, if that comes first."""
    held = {"cpu": instance.cpu_left, "memory": instance.memory_left}
    return tuple(held[each] for each in rule.packing) if rule.packs_first else ()
