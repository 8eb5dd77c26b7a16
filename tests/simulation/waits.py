"""Waits: work that waits though an event has made room for it (spec: PENDING work never waits for a timer).

While the keeper can decide, what waits at one look for a place that is there must not wait for it at the next: the
scheduler looks at everything only every 30 s, so only reaction is that fast.
"""

from __future__ import annotations

from collections.abc import Iterator

from quarterdeck.projections.live.states import ClusterState
from tests.simulation.ledger import Ledger
from tests.simulation.records import Place, Wish
from tests.simulation.settled import room_for

LOOK_SECONDS = 3.0
OVER = "its end"


def waiting(ledger: Ledger, cluster: ClusterState, now: float) -> set[tuple[str, str]]:
    """List what waits, with an instance that has room for it: tasks in the queue, and what services miss.

    A task in the queue whose time is over waits for its end, which is as good as a place.
    """
    found = set(_queued(ledger, now))
    for wish in ledger.wishes.values():
        service = cluster.services.get(wish.name)
        if wish.status != "ACTIVE" or not wish.deployments or service is None or wish.primary in wish.failed:
            continue
        if service.deployments[0].failed:
            continue  # it backs off
        found.update((wish.name, each.id) for each in (_bare if wish.daemon else _missing)(ledger, wish))
    return found


def _queued(ledger: Ledger, now: float) -> Iterator[tuple[str, str]]:
    for task in ledger.tasks.values():
        if task.last == "PROVISIONING" and (name := room_for(ledger, task)):
            yield task.id, name
        elif task.last == "PROVISIONING" and 0.0 < task.until < now:
            yield task.id, OVER


def _bare(ledger: Ledger, wish: Wish) -> Iterator[Place]:
    """List the instances that could have a daemon and have none."""
    next_ = ledger.next_of(wish, wish.primary, wish.definition)
    for place in ledger.places.values():
        if not any(each.instance == place.id for each in wish.tasks.values()) and not ledger.keeps_off(place, next_):
            yield place


def _missing(ledger: Ledger, wish: Wish) -> Iterator[Place]:
    """List an instance that could take what a service misses, while none of its tasks is replaced or moved."""
    tasks = wish.tasks.values()
    calm = not wish.moving and all(
        each.deployment == wish.primary and _is_calm(ledger, each.instance) for each in tasks
    )
    ill = any(each.last == "RUNNING" and not ledger.is_well(each) for each in tasks)
    if len(tasks) < wish.desired and calm and not ill:
        name = room_for(ledger, ledger.next_of(wish, wish.primary, wish.definition))
        if name:
            yield ledger.places[name]


def _is_calm(ledger: Ledger, name: str) -> bool:
    place = ledger.places[name]
    return place.status == "ACTIVE" and not place.lost
