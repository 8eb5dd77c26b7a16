"""Placement: of the instances that pass every check the one that a rule prefers, found without looking at all.

The rule (spec §8.2) compares instances by the placement strategies, in their order; without any, by
the tasks of the group in the zone, then on the instance. Equal instances are decided by the lowest
id, or by chance that is seeded with the decision. A zone with fewer tasks but no fitting instance is
passed over: availability beats balance. `matrix` applies the same rule to every instance.
"""

from typing import NamedTuple

import msgspec

from quarterdeck.engine.core.chance import drawn
from quarterdeck.engine.core.checks import CHECKS, DISTINCT, RESOURCES, detail, first_failing_check, looks_at_tasks
from quarterdeck.events.explanation import Explanation
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.partition import SEPARATOR
from quarterdeck.projections.live.queue import Group, Place, Queue
from quarterdeck.projections.live.rule import ATTRIBUTE, COUNT, DEFAULT, Rule, field_value
from quarterdeck.projections.live.states import ClusterState

Scores = tuple[int, ...]


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A place, and why it."""

    instance: InstanceState
    explanation: Explanation


class Unplaceable(msgspec.Struct, frozen=True):
    """No place: how many instances fail which check, and the check that those fail that got furthest."""

    explanation: Explanation
    reason: str


class Verdict(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One instance's row in the full matrix of a decision; `reason` and `detail` are empty if it fits.

    ``scores`` is what the placement strategies compared, in their order; without any, what is left out
    is ``zone_tasks`` and ``instance_tasks``.
    """

    container_instance: str
    zone: str
    zone_tasks: int
    instance_tasks: int
    reason: str = ""
    detail: str = ""
    chosen: bool = False
    scores: dict[str, int] = {}


class _Search(NamedTuple):
    cluster: ClusterState
    name: str
    group: Group
    demand: Demand
    rule: Rule

    def queue(self, cell: str) -> Queue:
        return self.cluster.room.queue(self.name, Place(self.demand, self.rule.fields, cell, self.rule.distinct))

    def rest(self, instance: InstanceState) -> Scores:
        return tuple([self.score(each, instance) for each in self.rule.rest])

    def score(self, component: str, instance: InstanceState) -> int:
        if component == COUNT:
            return self.group.instances.get(instance.id, 0)
        if component.startswith(ATTRIBUTE):
            return self.group.by(component, self.cluster.instances).get(field_value(instance, component), 0)
        return instance.cpu_left if component == "cpu" else instance.memory_left


def place(
    cluster: ClusterState, group_name: str, demand: Demand, rule: Rule = DEFAULT, seed: str = ""
) -> Placed | Unplaceable:
    """Choose the instance for one more task of a group; `seed` is what chance is drawn from, if the rule has any."""
    room = cluster.room
    room.packing = room.packing or bool(rule.packing)
    room.changing = room.changing or (bool(demand.member_of) and looks_at_tasks(demand.member_of))
    search = _Search(cluster, group_name, room.group(group_name), demand, rule)
    best, runner_up = _best(search, seed)
    if best is not None:
        return Placed(best, _explained(search, best, runner_up))
    explanation = _rejected_all(search)
    return Unplaceable(explanation, max(explanation.rejected, key=CHECKS.index, default=""))


def closest(cluster: ClusterState, group_name: str, demand: Demand, rule: Rule, reason: str) -> str:
    """Name the instance that got furthest through the checks, of those that fail this one; the lowest id of several."""
    room = cluster.room
    group = room.group(group_name)
    apart = [*group.instances, *group.stopping] if rule.distinct else []
    cells = [room.shapes.get((demand, rule.fields, cell)) for cell in room.partition(rule.fields).pools]
    failing = {name: why for shape in cells if shape for name, why in shape.unfit.items()}
    failing |= {name: DISTINCT for name in apart if failing.get(name, DISTINCT) in {DISTINCT, *RESOURCES}}
    return min((name for name, why in failing.items() if why == reason), default="")


def matrix(
    cluster: ClusterState, group_name: str, demand: Demand, rule: Rule = DEFAULT, seed: str = ""
) -> list[Verdict]:
    """Judge every instance, the chosen one first: the whole of a decision, for whoever asks later.

    The same rule as `place`, without its indexes; a test holds them to agree.
    """
    search = _Search(cluster, group_name, cluster.room.group(group_name), demand, rule)
    judged = [(_judge(search, each), each) for each in cluster.instances.values() if each.status != "INACTIVE"]
    scores = {each.id: _scores(search, each) for _, each in judged}
    judged.sort(key=lambda pair: (bool(pair[0].reason), scores[pair[1].id], pair[1].id))
    verdicts = [verdict for verdict, _ in judged]
    if verdicts and not verdicts[0].reason:
        at = _lot(search, [each for _, each in judged], scores, seed) if rule.random else 0
        verdicts.insert(0, msgspec.structs.replace(verdicts.pop(at), chosen=True))
    return verdicts


def judge(cluster: ClusterState, group_name: str, instance: InstanceState, demand: Demand, rule: Rule) -> str:
    """Name the first check that an instance fails for one more task of a group; empty if it fits."""
    reason = first_failing_check(instance, demand)
    apart = rule.distinct and reason in {"", *RESOURCES} and cluster.room.group(group_name).holds(instance.id)
    return DISTINCT if apart else reason


def _best(search: _Search, seed: str) -> tuple[InstanceState | None, str]:
    """Look at cells from the one that is preferred most; equal ones compare their best instances."""
    found: list[tuple[Scores, str, str]] = []
    rank: object = None
    for here, cell in _ranked(search):
        if found and here != rank:
            break
        first = _first_of(search, search.queue(cell))
        if first is not None:
            rank = here
            found.append((search.rest(first), first.id, cell))
    if not found:
        return None, ""
    found.sort()
    scores, chosen, cell = found[0]
    instances = search.cluster.instances
    if search.rule.random:
        return instances[_by_lot(search, rank, scores, chosen, seed)], ""
    runner_up = found[1][1] if len(found) > 1 else search.queue(cell).second(instances, first_failing_check)
    return instances[chosen], "" if search.rule.packing else runner_up


def _ranked(search: _Search) -> list[tuple[object, str]]:
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


def _first_of(search: _Search, queue: Queue) -> InstanceState | None:
    """Find a cell's best instance, or without a rule inside cells any that fits."""
    instances = search.cluster.instances
    first = queue.first(instances, first_failing_check)
    packing = search.rule.packing
    if first is None or not packing:
        return first
    fitting = queue.packed(packing, instances, first_failing_check)
    counts = search.group.instances
    own = [each for each in search.rule.rest if not each.startswith(ATTRIBUTE)]
    if own[0] == COUNT:
        level = counts.get(first.id, 0)
        return next(each for _, each in fitting if counts.get(each.id, 0) == level)
    best: tuple[Scores, str] | None = None
    least, none_is_least = None, own[-1] in {COUNT, packing[-1]}
    for left, each in fitting:
        if least is not None and left != least:
            break
        least = left
        key = (search.rest(each), each.id)
        best = key if best is None or key < best else best
        if none_is_least and not counts.get(each.id, 0):
            break
    assert best is not None, "what fits is in the order of what is left"
    return instances[best[1]]


def _by_lot(search: _Search, rank: object, scores: Scores, one: str, seed: str) -> str:
    """Draw one of all instances that are as good as the one found."""
    instances, group = search.cluster.instances, search.group
    partition = search.cluster.room.partition(search.rule.fields)
    queues = {cell: search.queue(cell) for here, cell in _ranked(search) if here == rank}
    late = [each for each in search.rule.rest if each.startswith(ATTRIBUTE)]
    wanted = [search.score(each, instances[one]) for each in late]
    rows = []
    for cell in sorted(queues):
        entries = partition.pools[cell].entries
        if entries and [search.score(each, instances[entries[0][1]]) for each in late] == wanted:
            rows.append(entries)

    def is_as_good(name: str) -> bool:
        instance = instances[name]
        if name in queues[partition.where[name]].shape.unfit or (search.rule.distinct and group.holds(name)):
            return False
        return search.rest(instance) == scores and not first_failing_check(instance, search.demand)

    return drawn(seed, rows, is_as_good)


def _lot(search: _Search, judged: list[InstanceState], scores: dict[str, Scores], seed: str) -> int:
    """Draw as `_by_lot` does, from the whole matrix; gives the place in it."""
    best = judged[0]
    partition = search.cluster.room.partition(search.rule.fields)
    fields = [*search.rule.leading, *(each for each in search.rule.rest if each.startswith(ATTRIBUTE))]
    wanted = [search.score(each, best) for each in fields]
    rows: dict[str, list[tuple[int, str]]] = {}
    for each in sorted(judged, key=lambda instance: instance.id):
        if [search.score(field, each) for field in fields] == wanted:
            rows.setdefault(partition.cell(each), []).append((0, each.id))
    fitting = {each.id for each in judged if scores[each.id] == scores[best.id] and not _judge(search, each).reason}
    chosen = drawn(seed, [rows[cell] for cell in sorted(rows)], fitting.__contains__)
    return [each.id for each in judged].index(chosen)


def _scores(search: _Search, instance: InstanceState) -> Scores:
    return (*(search.score(each, instance) for each in search.rule.leading), *search.rest(instance))


def _judge(search: _Search, instance: InstanceState) -> Verdict:
    reason = judge(search.cluster, search.name, instance, search.demand, search.rule)
    return Verdict(
        container_instance=instance.id,
        zone=instance.zone,
        zone_tasks=search.group.zones.get(instance.zone, 0),
        instance_tasks=search.group.instances.get(instance.id, 0),
        reason=reason,
        detail=detail(instance, search.demand, reason),
        scores=_told(search, instance),
    )


def _told(search: _Search, instance: InstanceState) -> dict[str, int]:
    """Name what strategies compare; without any, zones and counts say it already."""
    rule = search.rule
    if (rule.leading, rule.rest) == (DEFAULT.leading, DEFAULT.rest):
        return {}
    return dict(zip((*rule.leading, *rule.rest), _scores(search, instance), strict=True))


def _explained(search: _Search, instance: InstanceState, runner_up: str) -> Explanation:
    explanation = _explain(search, runner_up)
    scores = _told(search, instance)
    return msgspec.structs.replace(explanation, scores=scores) if scores else explanation


def _rejected_all(search: _Search) -> Explanation:
    """Count what every instance fails; with `distinct`, those that fail that before they lack room."""
    explanation = _explain(search, "")
    if not search.rule.distinct:
        return explanation
    rejected = dict(explanation.rejected)
    room = search.cluster.room
    partition = room.partition(search.rule.fields)
    for name in {*search.group.instances, *search.group.stopping}:
        shape = room.shapes.get((search.demand, search.rule.fields, partition.where.get(name, "")))
        reason = shape.unfit.get(name, "") if shape is not None else ""
        if name in room.instances and reason in {"", *RESOURCES}:
            rejected[DISTINCT] = rejected.get(DISTINCT, 0) + 1
            if reason:
                rejected[reason] -= 1
    return msgspec.structs.replace(explanation, rejected={name: count for name, count in rejected.items() if count})


def _explain(search: _Search, runner_up: str) -> Explanation:
    rejected: dict[str, int] = {}
    room, fields, group = search.cluster.room, search.rule.fields, search.group
    for cell in room.partition(fields).pools:
        shape = room.shapes.get((search.demand, fields, cell))
        if shape is not None and shape.reasons:
            shape.refresh()
            for reason, count in shape.reasons.items():
                if count:
                    rejected[reason] = rejected.get(reason, 0) + count
    zones = {zone: group.zones.get(zone, 0) for zone in room.pools}
    return Explanation(considered=room.size, rejected=rejected, zones=zones, runner_up=runner_up)
