"""Zone balance: moves a steady service's tasks to zones that have fewer (spec §8.7).

A task is started where there are fewest; once it is healthy one is stopped where there are most. A move
is made only if it leaves the two zones closer than they were, so that no later one takes it back; what
other work there is for the service comes first.
"""

from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.placement import Unplaceable, place
from quarterdeck.engine.core.scale_in import in_scale_in_order
from quarterdeck.engine.core.service_settings import is_rebalanced
from quarterdeck.engine.core.service_step import (
    STEPS_PER_PASS_MAX,
    Next,
    Site,
    held_back,
    stop,
    tell_impaired,
    template,
)
from quarterdeck.engine.core.task import bind, lot
from quarterdeck.engine.core.wish import wish
from quarterdeck.events.service import (
    ServiceRebalancingBlocked,
    ServiceRebalancingCompleted,
    ServiceRebalancingStarted,
    ServiceRebalancingStopped,
    ServiceRebalancingTaskStarted,
)
from quarterdeck.projections.live.states import TaskState

CLOSE = 1
"""Zones that differ by so many tasks are balanced."""
PROTECTED = "task protection"


def balance(site: Site) -> Next:
    """Begin to move tasks of a service that has all it wants, or tell that its zones are balanced."""
    turn, cluster, service, _ = site
    if not is_rebalanced(service.settings) or not service.desired_count:
        return Next()
    zones = _zones(site)
    if max(zones.values(), default=0) - min(zones.values(), default=0) <= CLOSE:
        if service.rebalancing:
            turn.emit(ServiceRebalancingCompleted(cluster=cluster.name, service=service.name, zones=zones))
        return Next()
    waits = held_back(site)
    if waits is not None:
        tell_impaired(site)
        return waits
    return _move(site, zones)


def goes_on(site: Site, missing: int, *, busy: bool) -> bool:
    """Tell whether tasks may go on moving: all is as wanted, and there is one more for each that moves."""
    turn, cluster, service, _ = site
    enabled = is_rebalanced(service.settings)
    if enabled and not busy and missing == -len(service.moving):
        return True
    reason = "the service needs other tasks" if enabled else "it is DISABLED, or its settings forbid it"
    turn.emit(ServiceRebalancingStopped(cluster=cluster.name, service=service.name, reason=reason))
    return False


def go_on(site: Site, fresh: list[TaskState]) -> Next:
    """Stop a task for each that was started elsewhere and is healthy by now."""
    turn, cluster, service, deployment = site
    why = f"Availability-zone rebalancing initiated by (deployment {deployment.id})"
    for name, source in list(service.moving.items()):
        if not cluster.tasks[name].healthy:
            continue
        there = [each for each in fresh if each.zone == source and each.id not in service.moving]
        spare = [each for each in there if each.id not in cluster.protected]
        if not spare:
            reason = f"{PROTECTED} in {source}"
            turn.emit(ServiceRebalancingStopped(cluster=cluster.name, service=service.name, reason=reason))
            return Next(again=True)
        victim = next(in_scale_in_order(cluster, service, spare))
        stop(site, [victim], 1, why, superseded_by=name)
        fresh.remove(victim)
    return Next()


def _zones(site: Site) -> dict[str, int]:
    """Count the service's tasks in each zone that has an instance which may take some."""
    _, cluster, service, _ = site
    counts = cluster.room.group(service.group).zones
    draining: dict[str, int] = {}
    for name in cluster.draining:
        zone = cluster.instances[name].zone
        draining[zone] = draining.get(zone, 0) + 1
    open_ = (zone for zone, pool in cluster.room.pools.items() if len(pool.entries) > draining.get(zone, 0))
    return {zone: counts.get(zone, 0) for zone in sorted(open_)}


def _move(site: Site, zones: dict[str, int]) -> Next:
    """Start tasks as far as the maximum and the room in other zones go; ``zones`` follows what is planned."""
    _, cluster, service, _ = site
    before = dict(zones)
    held = _protected(site)
    pattern = template(site)
    wanted = wish(site.turn.state, pattern)
    _, upper = bounds(service.settings.deployment_configuration, service.desired_count)
    for _ in range(min(upper - service.alive, STEPS_PER_PASS_MAX)):
        movable = {zone: count for zone, count in zones.items() if count > held.get(zone, 0)}
        source = max(movable, key=lambda zone: (movable[zone], zone), default="")
        fewest = min(zones, key=lambda zone: (zones[zone], zone))
        if movable.get(source, 0) - zones[fewest] <= CLOSE:
            _tell_blocked(site, fewest, PROTECTED if held else "")
            return Next()
        seed = lot(site.turn, wanted.rule)
        found = place(cluster, service.group, *wanted, seed)
        if isinstance(found, Unplaceable) or zones[source] - zones.get(found.instance.zone, zones[source]) <= CLOSE:
            _tell_blocked(site, fewest, "")
            return Next(waits_for_room=True)
        if not service.rebalancing:
            _tell_started(site, before)
        _tell_moving(site, bind(site.turn, pattern, found, seed), source, found.instance.zone)
        zones[source] -= 1
        zones[found.instance.zone] += 1
        if max(zones.values()) - min(zones.values()) <= CLOSE:
            break
    return Next()


def _protected(site: Site) -> dict[str, int]:
    """Count the service's protected tasks by zone."""
    _, cluster, service, _ = site
    held: dict[str, int] = {}
    for name in cluster.protected:
        task = cluster.tasks[name]
        if task.group == service.group:
            held[task.zone] = held.get(task.zone, 0) + 1
    return held


def _tell_started(site: Site, zones: dict[str, int]) -> None:
    turn, cluster, service, _ = site
    turn.emit(ServiceRebalancingStarted(cluster=cluster.name, service=service.name, zones=zones))


def _tell_moving(site: Site, task: str, source: str, zone: str) -> None:
    turn, cluster, service, _ = site
    turn.emit(
        ServiceRebalancingTaskStarted(cluster=cluster.name, service=service.name, task=task, zone=zone, source=source)
    )


def _tell_blocked(site: Site, zone: str, reason: str) -> None:
    turn, cluster, service, deployment = site
    if service.rebalancing_blocked != f"{zone} {reason}":
        turn.emit(
            ServiceRebalancingBlocked(
                cluster=cluster.name, service=service.name, deployment=deployment.id, zone=zone, reason=reason
            )
        )
