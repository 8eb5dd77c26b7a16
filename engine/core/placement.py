"""Placement: of the instances that pass every check the one that a rule prefers, found without looking at all.

The rule (spec §8.2) compares instances by the placement strategies, in their order; without any, by
the tasks of the group in the zone, then on the instance. Equal instances are decided by the lowest
id, or by chance that is seeded with the decision. A zone with fewer tasks but no fitting instance is
passed over: availability beats balance. `matrix` applies the same rule to every instance.
"""

from collections.abc import Sequence

import msgspec

from quarterdeck.engine.core.chance import drawn
from quarterdeck.engine.core.checks import (
    CHECKS,
    DISTINCT,
    RESOURCES,
    detail,
    first_failing_check,
    looks_at_tasks,
    without_reserve,
)
from quarterdeck.engine.core.search import Scores, Search, first_of, left, ranked, scores, told
from quarterdeck.events.explanation import Explanation
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.rule import ATTRIBUTE, DEFAULT, Rule
from quarterdeck.projections.live.states import ClusterState


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


def place(
    cluster: ClusterState, group_name: str, demand: Demand, rule: Rule = DEFAULT, seed: str = ""
) -> Placed | Unplaceable:
    """Choose the instance for one more task of a group; `seed` is what chance is drawn from, if the rule has any."""
    return place_next(begin(cluster, group_name, demand, rule), seed)


def begin(cluster: ClusterState, group_name: str, demand: Demand, rule: Rule = DEFAULT) -> Search:
    """Begin a search for the places of several tasks of one group."""
    room = cluster.room
    room.packing = room.packing or bool(rule.packing)
    room.changing = room.changing or (bool(demand.member_of) and looks_at_tasks(demand.member_of))
    return Search(cluster, group_name, demand, rule)


def place_next(search: Search, seed: str = "") -> Placed | Unplaceable:
    """Choose the instance for the next task of a search; the one before is counted by now."""
    best, runner_up = _best(search, seed)
    if best is not None:
        return Placed(best, _explained(search, best, runner_up))
    if search.rule.packing:
        _look_at_all(search)
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
    search = Search(cluster, group_name, demand, rule)
    judged = [(_judge(search, each), each) for each in cluster.instances.values() if each.status != "INACTIVE"]
    compared = {each.id: scores(search, each) for _, each in judged}
    judged.sort(key=lambda pair: (bool(pair[0].reason), compared[pair[1].id], pair[1].id))
    verdicts = [verdict for verdict, _ in judged]
    if verdicts and not verdicts[0].reason:
        at = _lot(search, [each for _, each in judged], compared, seed) if rule.random else 0
        verdicts.insert(0, msgspec.structs.replace(verdicts.pop(at), chosen=True))
    return verdicts


def judge(cluster: ClusterState, group_name: str, instance: InstanceState, demand: Demand, rule: Rule) -> str:
    """Name the first check that an instance fails for one more task of a group; empty if it fits.

    Where a daemon is, nothing else is asked: its own task speaks neither for nor against its instance.
    """
    held = cluster.room.group(group_name).holds(instance.id)
    if group_name in cluster.room.daemons:
        return DISTINCT if held else without_reserve(instance, demand)
    reason = first_failing_check(instance, demand)
    return DISTINCT if rule.distinct and held and reason in {"", *RESOURCES} else reason


def _best(search: Search, seed: str) -> tuple[InstanceState | None, str]:
    """Look at cells from the one that is preferred most; equal ones compare their best instances."""
    found: list[tuple[Scores, str, str]] = []
    rank: object = None
    for here, cell in ranked(search):
        if found and here != rank:
            break
        first = first_of(search, search.queue(cell))
        if first is not None:
            rank = here
            found.append((search.rest(first), first.id, cell))
    if not found:
        return None, ""
    found.sort()
    rest, chosen, cell = found[0]
    instances = search.cluster.instances
    if search.rule.random:
        return instances[_by_lot(search, rank, rest, chosen, seed)], ""
    runner_up = found[1][1] if len(found) > 1 else search.queue(cell).second(instances, first_failing_check)
    return instances[chosen], "" if search.rule.packing else runner_up


def _by_lot(search: Search, rank: object, rest: Scores, one: str, seed: str) -> str:
    """Draw one of all instances that are as good as the one found."""
    instances, group = search.cluster.instances, search.group
    partition = search.cluster.room.partition(search.rule.fields)
    queues = {cell: search.queue(cell) for here, cell in ranked(search) if here == rank}
    late = [each for each in search.rule.rest if each.startswith(ATTRIBUTE)]
    wanted = [search.score(each, instances[one]) for each in late]
    run = left(search.rule, instances[one])
    rows: list[Sequence[tuple[object, str]]] = []
    for cell in sorted(queues):
        pool = partition.pools[cell]
        if pool.entries and [search.score(each, instances[pool.entries[0][1]]) for each in late] == wanted:
            rows.append(pool.order(search.rule.packing, instances).equal(run) if run else pool.entries)

    def is_as_good(name: str) -> bool:
        instance = instances[name]
        if name in queues[partition.where[name]].shape.unfit or (search.rule.distinct and group.holds(name)):
            return False
        return search.rest(instance) == rest and not first_failing_check(instance, search.demand)

    return drawn(seed, rows, is_as_good)


def _lot(search: Search, judged: list[InstanceState], compared: dict[str, Scores], seed: str) -> int:
    """Draw as `_by_lot` does, from the whole matrix; gives the place in it."""
    best = judged[0]
    partition = search.cluster.room.partition(search.rule.fields)
    fields = [*search.rule.leading, *(each for each in search.rule.rest if each.startswith(ATTRIBUTE))]
    wanted = [search.score(each, best) for each in fields]
    run = left(search.rule, best)
    rows: dict[str, list[tuple[object, str]]] = {}
    for each in sorted(judged, key=lambda instance: instance.id):
        if [search.score(field, each) for field in fields] == wanted and left(search.rule, each) == run:
            rows.setdefault(partition.cell(each), []).append((0, each.id))
    fitting = {each.id for each in judged if compared[each.id] == compared[best.id] and not _judge(search, each).reason}
    chosen = drawn(seed, [rows[cell] for cell in sorted(rows)], fitting.__contains__)
    return [each.id for each in judged].index(chosen)


def _judge(search: Search, instance: InstanceState) -> Verdict:
    reason = judge(search.cluster, search.name, instance, search.demand, search.rule)
    return Verdict(
        container_instance=instance.id,
        zone=instance.zone,
        zone_tasks=search.group.zones.get(instance.zone, 0),
        instance_tasks=search.group.instances.get(instance.id, 0),
        reason=reason,
        detail=detail(instance, search.demand, reason, of_daemon=search.name in search.cluster.room.daemons),
        scores=told(search, instance),
    )


def _explained(search: Search, instance: InstanceState, runner_up: str) -> Explanation:
    explanation = _explain(search, runner_up)
    compared = told(search, instance)
    return msgspec.structs.replace(explanation, scores=compared) if compared else explanation


def _look_at_all(search: Search) -> None:
    """Have every instance checked: one that has too little left was passed over so far."""
    for _, cell in ranked(search):
        search.queue(cell).first(search.cluster.instances, first_failing_check)


def _rejected_all(search: Search) -> Explanation:
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


def _explain(search: Search, runner_up: str) -> Explanation:
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
