"""Settled: what every service must have come to once the faults are over, and what may stand in its way.

A service has settled when its PRIMARY deployment is the only one, all its tasks run where they can stay, as many as
are desired, and it was told that it is steady; or when its PRIMARY deployment FAILED. It may stop short of that only
because
    no instance could take one more of its tasks, and none of the tasks to be replaced may be stopped to make room; or
    its percents let it neither start one task nor stop one (spec §9.3: 2 tasks at 75/125), of a deployment by stages
    also none of those it has to clear away before it begins; or
    its deployment has FAILED, and was not rolled back: then older tasks stay as they are.
A DAEMON service has exactly one task of its PRIMARY deployment on each instance that is ACTIVE and admits it, but for
those that lack the room, and none elsewhere, but for DRAINING instances that replicas can't leave; an old one stays
if the minimum lets none stop. A task set has as
many as its share is. No task waits for room when there is room for it.

Then it rests: the scheduler moves no task any more, or it would go on for ever. The zones of a service with zone
rebalancing differ by one task at most then. They may differ by more only because no instance in a zone with two fewer
has room for one of its tasks, its maximum allows no task more than are desired, tasks are protected, or its last
deployment did not come to its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from quarterdeck.agents import labels
from quarterdeck.events.names import short_name
from tests.simulation.ledger import Ledger
from tests.simulation.machine import Machine
from tests.simulation.records import Held, Place, Wish


def unsettled(ledger: Ledger, machines: list[Machine]) -> list[str]:
    """List everything that is not as it should be."""
    services = (each for wish in ledger.wishes.values() for each in _service(ledger, wish))
    return [*_machines(ledger, machines), *services, *_waiting(ledger), *_stopping(ledger)]


def _service(ledger: Ledger, wish: Wish) -> Iterator[str]:
    if wish.status == "DRAINING":
        yield f"{wish.name} is still DRAINING"
    if wish.status != "ACTIVE":
        return
    ended = sum(1 for each in wish.tasks.values() if each.desired == "STOPPED")
    pending = sum(1 for each in wish.tasks.values() if each.last != "RUNNING")
    given_up = wish.primary in wish.failed
    kept = [each for each in wish.tasks.values() if not wish.daemon or ledger.may_stay(each)]
    ill = sum(1 for each in kept if not given_up and not ledger.is_well(each))
    if ended or pending or ill:
        yield f"{wish.name} has {ended} tasks to stop, {pending} to start, and {ill} that are not HEALTHY"
        return
    if any(each.protected for each in wish.tasks.values()):
        return
    yield from (
        _daemon(ledger, wish) if wish.daemon else _sets(ledger, wish) if wish.external else _replica(ledger, wish)
    )


def _replica(ledger: Ledger, wish: Wish) -> Iterator[str]:
    fresh = [each for each in wish.tasks.values() if each.deployment == wish.primary and ledger.may_stay(each)]
    stale = len(wish.tasks) - len(fresh)
    if not _is_done(wish, fresh, stale) and not _is_stuck(ledger, wish, fresh, stale):
        counts = f"{len(fresh)} of {wish.desired} tasks, {stale} to be replaced"
        yield f"{wish.name} has {counts}, {wish.primary} completed: {wish.primary in wish.completed}"


def _daemon(ledger: Ledger, wish: Wish) -> Iterator[str]:
    if wish.primary in wish.failed:
        return
    eligible = [each for each in ledger.places.values() if each.open and not ledger.bars(each, wish)]
    blocked = wish.least(len(eligible)) >= sum(1 for each in wish.tasks.values() if ledger.places[each.instance].open)
    next_ = ledger.next_of(wish, wish.primary, wish.definition)
    for place in ledger.places.values():
        mine = [each for each in place.tasks.values() if ledger.wish_of(each) is wish]
        belongs = place.open and not ledger.bars(place, wish)
        if belongs and not mine and not ledger.lacks(place, next_.need):
            yield f"{wish.name} has no task on {place.id}"
        if belongs and not blocked and any(each.deployment != wish.primary for each in mine):
            yield f"{wish.name} has an old task on {place.id}"
        if mine and not belongs and not _has_replicas(ledger, place):
            yield f"{wish.name} has a task on {place.id}, which is {place.status}"


def _has_replicas(ledger: Ledger, place: Place) -> bool:
    """Whether daemons must stay on a DRAINING instance."""
    wishes = (ledger.wish_of(each) for each in place.tasks.values())
    return place.status == "DRAINING" and any(each is not None and not each.daemon for each in wishes)


def _sets(ledger: Ledger, wish: Wish) -> Iterator[str]:
    for share in wish.shares.values():
        mine = [each for each in wish.tasks.values() if each.deployment == share.id]
        fresh = [each for each in mine if ledger.may_stay(each)]
        missing = share.computed(wish.desired) - len(fresh)
        fits = missing > 0 and room_for(ledger, ledger.next_of(wish, share.id, share.definition))
        if share.status != "ACTIVE" or missing < 0 or fits or (missing == 0 and len(mine) > len(fresh)):
            yield f"{wish.name}: {share.id}, {share.status}, misses {missing}, {len(mine) - len(fresh)} to be moved"


def _waiting(ledger: Ledger) -> Iterator[str]:
    for task in ledger.tasks.values():
        if task.last == "PROVISIONING" and (name := room_for(ledger, task)):
            yield f"task {task.id} waits, {name} has room"


def room_for(ledger: Ledger, task: Held) -> str:
    """Name an instance that could take a task; empty if none can."""
    return next((each.id for each in ledger.places.values() if not ledger.keeps_off(each, task)), "")


def unbalanced(ledger: Ledger) -> Iterator[str]:
    """List the services that should have been rebalanced."""
    for wish in ledger.wishes.values():
        enabled = wish.settings.availability_zone_rebalancing == "ENABLED"
        if (
            wish.daemon
            or wish.status != "ACTIVE"
            or not enabled
            or wish.upper <= wish.desired
            or wish.primary not in wish.completed
        ):
            continue
        tasks = list(wish.tasks.values())
        if len(tasks) != wish.desired or any(each.protected for each in tasks):
            continue
        open_ = [each for each in ledger.places.values() if each.status == "ACTIVE"]
        counts = Counter({each.zone: 0 for each in open_})
        counts.update(ledger.places[each.instance].zone for each in tasks)
        next_ = ledger.next_of(wish, wish.primary, wish.definition)
        for place in open_:
            if not ledger.keeps_off(place, next_) and max(counts.values()) - counts[place.zone] > 1:
                yield f"{wish.name} has {dict(counts)}, and {place.id} in {place.zone} has room"


def _is_done(wish: Wish, fresh: list[Held], stale: int) -> bool:
    """Whether it has what it wants, or has given up."""
    if wish.primary in wish.failed:
        return True
    return len(fresh) == wish.desired and not stale and wish.primary in wish.completed


def _is_stuck(ledger: Ledger, wish: Wish, fresh: list[Held], stale: int) -> bool:
    """Whether it may neither start nor stop a task."""
    running = len(fresh) + stale
    if wish.staged and running <= wish.lower and _clears_away(ledger, wish):
        return True
    if stale and running > wish.lower and not wish.staged:
        return False
    fits = room_for(ledger, ledger.next_of(wish, wish.primary, wish.definition))
    may_start = len(fresh) < wish.desired and (not stale or running < wish.upper)
    return not (may_start and fits) and (stale > 0 or len(fresh) < wish.desired)


def _clears_away(ledger: Ledger, wish: Wish) -> bool:
    """Whether tasks of several older deployments are there, and no instance has room for another of any of them."""
    older = {each.deployment: each.definition for each in wish.tasks.values() if each.deployment != wish.primary}
    nexts = (ledger.next_of(wish, name, definition) for name, definition in older.items())
    return len(older) > 1 and not all(room_for(ledger, each) for each in nexts)


def _machines(ledger: Ledger, machines: list[Machine]) -> Iterator[str]:
    """What runs is what the log says runs."""
    for machine in machines:
        if machine.ended == "deregistered":
            continue
        running = sorted(short_name(each.labels[labels.TASK_ARN]) for each in machine.running())
        places = [each for each in ledger.places.values() if each.host == machine.name and each.status != "INACTIVE"]
        if not places or not places[-1].connected:
            yield f"{machine.name} is not connected"
        told = sorted(each.id for place in places for each in place.tasks.values() if each.last == "RUNNING")
        if running != told:
            yield f"{machine.name} runs {len(running)} tasks, the log says {len(told)}"


def _stopping(ledger: Ledger) -> Iterator[str]:
    yield from (f"task {each.id} is STOPPING for ever" for each in ledger.tasks.values() if each.last == "STOPPING")
