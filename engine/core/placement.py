"""Placement: filters that explain, then the zone and the instance with the fewest tasks, then the id.

The rule (spec §8.1, §8.2): of the instances that pass every check, those in the zones with the
fewest tasks of the group; of these, the instance with the fewest; of these, the lowest id. A zone
with fewer tasks but no fitting instance is passed over: availability beats balance.
"""

import msgspec

from quarterdeck.events.explanation import Explanation
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.queue import Group
from quarterdeck.projections.live.states import ClusterState

CHECKS = ("STATUS", "AGENT", "ATTRIBUTE", "RESOURCE:PORTS", "RESOURCE:CPU", "RESOURCE:MEMORY", "RESOURCE:GPU")
"""In order: the further an instance gets, the closer it is to fitting."""


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A place, and why it."""

    instance: InstanceState
    explanation: Explanation


class Unplaceable(msgspec.Struct, frozen=True):
    """No place: how many instances fail which check, and the check that those fail that got furthest."""

    explanation: Explanation
    reason: str


class Verdict(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One instance's row in the full matrix of a decision; `reason` and `detail` are empty if it fits."""

    container_instance: str
    zone: str
    zone_tasks: int
    instance_tasks: int
    reason: str = ""
    detail: str = ""
    chosen: bool = False


def first_failing_check(instance: InstanceState, demand: Demand) -> str:
    """Name the first check an instance fails; empty if it fits. Equality fits, and 0 always does."""
    if instance.status != "ACTIVE":
        return "STATUS"
    if not instance.connected:
        return "AGENT"
    if demand.attributes and not _has_attributes(instance, demand):
        return "ATTRIBUTE"
    if (demand.tcp or demand.udp) and _ports_clash(instance, demand):
        return "RESOURCE:PORTS"
    if demand.cpu > instance.cpu_left and demand.cpu:
        return "RESOURCE:CPU"
    if demand.memory > instance.memory_left and demand.memory:
        return "RESOURCE:MEMORY"
    return "RESOURCE:GPU" if demand.gpus else ""


def place(cluster: ClusterState, group_name: str, demand: Demand) -> Placed | Unplaceable:
    """Choose the instance for one more task of a group."""
    room = cluster.room
    group = room.group(group_name)
    counts = group.zones
    for zone in sorted(room.pools, key=lambda name: (counts.get(name, 0), name)):
        queue = room.queue(group_name, demand, zone)
        instance = queue.first(cluster.instances, first_failing_check)
        if instance is not None:
            runner_up = queue.second(cluster.instances, first_failing_check)
            return Placed(instance, _explain(cluster, group, demand, runner_up))
    explanation = _explain(cluster, group, demand, "")
    return Unplaceable(explanation, max(explanation.rejected, key=CHECKS.index, default=""))


def closest(cluster: ClusterState, demand: Demand, reason: str) -> str:
    """Name the instance that got furthest through the checks, of those that fail this one; the lowest id of several."""
    shapes = (cluster.room.shapes.get((demand, zone)) for zone in cluster.room.pools)
    failing = (name for shape in shapes if shape for name, why in shape.unfit.items() if why == reason)
    return min(failing, default="")


def matrix(cluster: ClusterState, group_name: str, demand: Demand) -> list[Verdict]:
    """Judge every instance, the chosen one first: the whole of a decision, for whoever asks later.

    The same rule as `place`, without its indexes; a test holds them to agree.
    """
    group = cluster.room.group(group_name)
    verdicts = [
        Verdict(
            container_instance=each.id,
            zone=each.zone,
            zone_tasks=group.zones.get(each.zone, 0),
            instance_tasks=group.instances.get(each.id, 0),
            reason=(reason := first_failing_check(each, demand)),
            detail=detail(each, demand, reason),
        )
        for each in cluster.instances.values()
        if each.status != "INACTIVE"
    ]
    verdicts.sort(key=_preference)
    if verdicts and not verdicts[0].reason:
        verdicts[0] = msgspec.structs.replace(verdicts[0], chosen=True)
    return verdicts


def detail(instance: InstanceState, demand: Demand, reason: str) -> str:
    """Put the numbers of a failed check into words."""
    match reason:
        case "STATUS":
            words = f"is {instance.status}"
        case "AGENT":
            words = "agent is not connected"
        case "ATTRIBUTE":
            words = "lacks " + ", ".join(sorted(_missing(instance, demand)))
        case "RESOURCE:PORTS":
            words = "in use: " + ", ".join(str(port) for port in sorted(_clashes(instance, demand)))
        case "RESOURCE:CPU":
            words = f"needs {demand.cpu} CPU units, {instance.cpu_left} left"
        case "RESOURCE:MEMORY":
            words = f"needs {demand.memory} MiB, {instance.memory_left} left"
        case "RESOURCE:GPU":
            words = f"needs {demand.gpus} GPUs, instances have none in this version"
        case _:
            words = ""
    return words


def _preference(verdict: Verdict) -> tuple[bool, int, str, int, str]:
    return (
        bool(verdict.reason),
        verdict.zone_tasks,
        verdict.zone,
        verdict.instance_tasks,
        verdict.container_instance,
    )


def _explain(cluster: ClusterState, group: Group, demand: Demand, runner_up: str) -> Explanation:
    rejected: dict[str, int] = {}
    considered = 0
    zones = {}
    for zone, pool in cluster.room.pools.items():
        considered += len(pool.entries)
        zones[zone] = group.zones.get(zone, 0)
        shape = cluster.room.shapes.get((demand, zone))
        if shape is not None and shape.reasons:
            shape.refresh()
            for reason, count in shape.reasons.items():
                if count:
                    rejected[reason] = rejected.get(reason, 0) + count
    return Explanation(considered=considered, rejected=rejected, zones=zones, runner_up=runner_up)


def _has_attributes(instance: InstanceState, demand: Demand) -> bool:
    held = instance.attributes
    return all(name in held and (not value or held[name] == value) for name, value in demand.attributes)


def _missing(instance: InstanceState, demand: Demand) -> list[str]:
    held = instance.attributes
    return [name for name, value in demand.attributes if name not in held or (value and held[name] != value)]


def _ports_clash(instance: InstanceState, demand: Demand) -> bool:
    return not (
        demand.tcp.isdisjoint(instance.tcp)
        and demand.tcp.isdisjoint(instance.tcp_kept)
        and demand.udp.isdisjoint(instance.udp)
        and demand.udp.isdisjoint(instance.udp_kept)
    )


def _clashes(instance: InstanceState, demand: Demand) -> frozenset[int]:
    return (demand.tcp & (instance.tcp | instance.tcp_kept)) | (demand.udp & (instance.udp | instance.udp_kept))
