"""Checks: what an instance must pass to take a task; each failure has ECS's name, and its numbers in words (spec §8.1).

Room that a DAEMON service still needs on an instance counts as taken for every other task.
"""

from functools import lru_cache

from quarterdeck.engine.core.query import CHANGING, parse, subjects
from quarterdeck.engine.core.query_match import Facts, matcher
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState

MEMBER_OF = "MemberOf placement constraint unsatisfied."
DISTINCT = "DistinctInstance placement constraint unsatisfied."
RESOURCES = ("RESOURCE:PORTS", "RESOURCE:CPU", "RESOURCE:MEMORY", "RESOURCE:GPU")
LOCATION = "LOCATION"
SUBNETS = "quarterdeck.subnets"
"""The attribute in which an agent names the subnets of its zone, with commas; without it any may be there."""
CHECKS = ("STATUS", "AGENT", "ATTRIBUTE", LOCATION, MEMBER_OF, DISTINCT, *RESOURCES)
"""In order: the further an instance gets, the closer it is to fitting."""

EXPRESSIONS_KEPT_MAX = 4_096
NOTHING = Demand(cpu=0, memory=0)


def first_failing_check(instance: InstanceState, demand: Demand) -> str:
    """Name the first check an instance fails; empty if it fits. Equality fits, and 0 always does."""
    if instance.status != "ACTIVE":
        return "STATUS"
    if not instance.connected:
        return "AGENT"
    if demand.attributes or demand.member_of or demand.subnets:
        reason = admission(instance, demand)
        if reason:
            return reason
    if instance.reserves or demand.gpus:
        return shortage(instance, demand, kept(instance))
    if (demand.tcp or demand.udp) and _clashes(instance, demand, NOTHING):
        return "RESOURCE:PORTS"
    if demand.cpu > instance.cpu_left and demand.cpu:
        return "RESOURCE:CPU"
    return "RESOURCE:MEMORY" if demand.memory > instance.memory_left and demand.memory else ""


def without_reserve(instance: InstanceState, demand: Demand) -> str:
    """Name the first check an instance fails for a daemon, for which room is kept; empty if it fits."""
    if instance.status != "ACTIVE" or not instance.connected:
        return "AGENT" if instance.status == "ACTIVE" else "STATUS"
    return admission(instance, demand) or shortage(instance, demand)


def admission(instance: InstanceState, demand: Demand, facts: Facts | None = None) -> str:
    """Name what keeps an instance from ever taking such a task, whatever room it has; empty if nothing does."""
    if demand.attributes and _missing(instance, demand):
        return "ATTRIBUTE"
    if demand.subnets and demand.subnets.isdisjoint(subnets_of(instance) or demand.subnets):
        return LOCATION
    return MEMBER_OF if any(not matcher(each)(facts or instance) for each in demand.member_of) else ""


def subnets_of(instance: InstanceState) -> list[str]:
    """List the subnets of an instance's zone; none if its agent was not told."""
    named = instance.attributes.get(SUBNETS)
    return named.split(",") if named else []


def shortage(instance: InstanceState, demand: Demand, reserved: Demand = NOTHING) -> str:
    """Name what an instance has too little of, when some of it is reserved; empty if it has enough."""
    if (demand.tcp or demand.udp) and _clashes(instance, demand, reserved):
        return "RESOURCE:PORTS"
    if demand.cpu > instance.cpu_left - reserved.cpu and demand.cpu:
        return "RESOURCE:CPU"
    if demand.memory > instance.memory_left - reserved.memory and demand.memory:
        return "RESOURCE:MEMORY"
    return "RESOURCE:GPU" if demand.gpus else ""


def kept(instance: InstanceState) -> Demand:
    """Add up what is kept on an instance for daemons that it has not yet and may have."""
    mine = [each for each in instance.reserves.values() if not each.gpus and not admission(instance, each)]
    return Demand(
        cpu=sum(each.cpu for each in mine),
        memory=sum(each.memory for each in mine),
        tcp=frozenset().union(*(each.tcp for each in mine)),
        udp=frozenset().union(*(each.udp for each in mine)),
    )


@lru_cache(EXPRESSIONS_KEPT_MAX)
def looks_at_tasks(expressions: tuple[str, ...]) -> bool:
    """Tell whether an expression may come true because a task comes or goes."""
    return any(not subjects(parse(each)).isdisjoint(CHANGING) for each in expressions)


def detail(instance: InstanceState, demand: Demand, reason: str, *, of_daemon: bool = False) -> str:
    """Put the numbers of a failed check into words; room kept for daemons is a daemon's own."""
    reserved = kept(instance) if instance.reserves and reason in RESOURCES and not of_daemon else NOTHING
    match reason:
        case "STATUS":
            words = f"is {instance.status}"
        case "AGENT":
            words = "agent is not connected"
        case "ATTRIBUTE":
            words = "lacks " + ", ".join(sorted(_missing(instance, demand)))
        case "RESOURCE:PORTS":
            words = "in use: " + ", ".join(str(port) for port in sorted(_clashes(instance, demand, reserved)))
        case "RESOURCE:CPU":
            words = f"needs {demand.cpu} CPU units, {_left(instance.cpu_left, reserved.cpu)}"
        case "RESOURCE:GPU":
            words = f"needs {demand.gpus} GPUs, instances have none in this version"
        case "RESOURCE:MEMORY":
            words = f"needs {demand.memory} MiB, {_left(instance.memory_left, reserved.memory)}"
        case _:
            words = _apart(instance, demand, reason)
    return words


def _apart(instance: InstanceState, demand: Demand, reason: str) -> str:
    if reason == MEMBER_OF:
        return "is not: " + ", ".join(each for each in demand.member_of if not matcher(each)(instance))
    if reason == LOCATION:
        return f"is in {', '.join(subnets_of(instance))}, not in {', '.join(sorted(demand.subnets))}"
    return "has a task of the group" if reason == DISTINCT else ""


def _left(left: int, reserved: int) -> str:
    return f"{left} left, {reserved} of them kept for daemons" if reserved else f"{left} left"


def _missing(instance: InstanceState, demand: Demand) -> list[str]:
    """Name the attributes an instance lacks, with the value it should have, and the one it has instead."""
    held, lacks = instance.attributes, []
    for name, value in demand.attributes:
        if name not in held:
            lacks.append(f"{name}={value}" if value else name)
        elif value and held[name] != value:
            lacks.append(f"{name}={value} (has {held[name]})" if held[name] else f"{name}={value} (has no value)")
    return lacks


def _clashes(instance: InstanceState, demand: Demand, reserved: Demand) -> frozenset[int]:
    tcp = demand.tcp & (instance.tcp | instance.tcp_kept | reserved.tcp) if demand.tcp else demand.tcp
    udp = demand.udp & (instance.udp | instance.udp_kept | reserved.udp) if demand.udp else demand.udp
    return tcp | udp
