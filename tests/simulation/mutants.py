"""Mutants: engines, logs and agents that are broken in one place, each with the checker that must say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from quarterdeck.engine.core import (
    checks,
    daemon,
    explain,
    placement,
    queue_step,
    reconcile,
    search,
    service,
    service_step,
    settle,
    task,
    zone_balance,
)
from quarterdeck.engine.core.checks import first_failing_check
from quarterdeck.engine.core.deployment_configuration import bounds
from quarterdeck.engine.core.placement import Placed, Unplaceable, place_next
from quarterdeck.engine.core.queued_task import waiting
from quarterdeck.engine.core.search import Search
from quarterdeck.engine.core.service_step import Next
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.core.wish import wish
from quarterdeck.engine.doors.door import OPERATIONS
from quarterdeck.engine.doors.operation import Write
from quarterdeck.engine.shell import scheduler, wanted
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.explanation import Explanation
from quarterdeck.events.log.memory import Fault, MemoryLog
from quarterdeck.events.names import short_name
from quarterdeck.events.service import DeploymentStarted, ServiceSteadyStateReached
from quarterdeck.events.task import TaskQueued, TaskRequested, TaskStarted, TaskStopped
from quarterdeck.projections.live import view
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.rule import DEFAULT, Rule
from quarterdeck.projections.live.states import NamespaceState, TaskSetState

Patch = pytest.MonkeyPatch


def memory_is_not_looked_at(patch: Patch) -> None:
    _pass_over(patch, "RESOURCE:MEMORY")


def ports_are_not_looked_at(patch: Patch) -> None:
    patch.setattr(checks, "_clashes", lambda _instance, _demand, _reserved: frozenset())


def _pass_over(patch: Patch, passed: str) -> None:
    def check(instance: InstanceState, demand: Demand) -> str:
        reason = first_failing_check(instance, demand)
        return "" if reason == passed else reason

    for module in (placement, search, task):
        patch.setattr(module, "first_failing_check", check)


def constraints_are_not_looked_at(patch: Patch) -> None:
    patch.setattr(service_step, "wish", lambda *given: wish(*given)._replace(rule=DEFAULT))


def an_old_decision_is_asked_again_with_another_rule(patch: Patch) -> None:
    patch.setattr(
        explain, "wish", lambda *given: wish(*given)._replace(rule=Rule(leading=(), rest=("cpu",), fields=()))
    )


def running_is_not_folded(patch: Patch) -> None:
    patch.setitem(view.EVOLVE, TaskStarted, lambda _state, _event, _at: None)


def capacity_is_given_back_twice(patch: Patch) -> None:
    stopped = view.EVOLVE[TaskStopped]

    def twice(state: NamespaceState, event: TaskStopped, at: float) -> None:
        held = state.clusters[event.cluster].tasks[event.task]
        state.clusters[event.cluster].instances[held.instance].cpu_left += held.demand.cpu
        stopped(state, event, at)

    patch.setitem(view.EVOLVE, TaskStopped, twice)


def no_minimum_is_kept(patch: Patch) -> None:
    patch.setattr(reconcile, "bounds", lambda *given: (0, bounds(*given)[1]))


def no_maximum_is_kept(patch: Patch) -> None:
    patch.setattr(reconcile, "bounds", lambda *given: (bounds(*given)[0], 1000))


def zones_are_not_balanced(patch: Patch) -> None:
    def fullest(search: Search, *_: Any) -> Placed | Unplaceable:
        zones = search.group.zones
        found = [each for each in search.cluster.instances.values() if not first_failing_check(each, search.demand)]
        if not found:
            return place_next(search)
        return Placed(max(found, key=lambda each: (zones.get(each.zone, 0), each.zone)), Explanation())

    patch.setattr(service_step, "place_next", fullest)


def reports_are_taken_at_their_word(patch: Patch) -> None:
    def report(turn: Turn, request: shapes.SubmitTaskStateChangeRequest) -> None:
        name = short_name(request.task or "")
        if request.status == "RUNNING":
            turn.emit(TaskStarted(cluster="default", task=name))
        else:
            turn.emit(TaskStopped(cluster="default", task=name, stop_code="EssentialContainerExited", reason=""))

    found = OPERATIONS["SubmitTaskStateChange"]
    assert isinstance(found, Write)
    patch.setitem(OPERATIONS, "SubmitTaskStateChange", Write(decide=report, answer=found.answer))


def what_is_stored_is_lost(patch: Patch) -> None:
    def lose(self: MemoryLog, payload: bytes, expected: int, fault: Fault | None) -> int:
        return expected + 1

    store = MemoryLog._store
    patch.setattr(MemoryLog, "_store", lambda *given: (lose if given[2] > 20 else store)(*given))


def nobody_is_fenced(patch: Patch) -> None:
    def append(self: MemoryLog, payload: bytes, expected: int, fault: Fault | None) -> int:
        return store(self, payload, len(self.store.records), fault)

    store = MemoryLog._store
    patch.setattr(MemoryLog, "_store", append)


def tokens_are_forgotten(patch: Patch) -> None:
    patch.setattr(view.LiveView, "remember", lambda _self, _commit, _sequence: None)


def agents_are_told_of_others_tasks(patch: Patch) -> None:
    collect = wanted._collect

    def astray(changes: Any, namespace: str, state: NamespaceState, event: Any) -> None:
        collect(changes, namespace, state, event)
        for other in list(state.clusters[event.cluster].instances):
            for tasks in list(changes.values()):
                changes.setdefault(wanted.Instance(namespace, event.cluster, other), {}).update(tasks)

    patch.setattr(wanted, "_collect", astray)


def nothing_concerns_a_service(patch: Patch) -> None:
    def none(_state: NamespaceState, _event: AnyEvent) -> Iterator[tuple[str, str]]:
        return iter(())

    patch.setattr(scheduler, "concerned", none)
    patch.setattr(scheduler.Scheduler, "resume", lambda _self: None)


def an_event_is_not_kept(patch: Patch) -> None:
    emit = Turn.emit

    def forget(turn: Turn, event: AnyEvent) -> None:
        emit(turn, event)
        if isinstance(event, ServiceSteadyStateReached):
            turn.events.remove(event)

    patch.setattr(Turn, "emit", forget)


def zones_are_not_rebalanced(patch: Patch) -> None:
    patch.setattr(settle, "balance", lambda _site: Next())


def tasks_move_back_and_forth(patch: Patch) -> None:
    patch.setattr(zone_balance, "CLOSE", 0)


def a_decision_fails(patch: Patch) -> None:
    def fail(*given: Any) -> Any:
        patch.setattr(reconcile, "_stop_stale", stop_stale)
        raise RuntimeError("a bug")

    stop_stale = reconcile._stop_stale
    patch.setattr(reconcile, "_stop_stale", fail)


def daemons_are_started_twice(patch: Patch) -> None:
    def put(turn: Turn, template: TaskRequested, instance: InstanceState) -> str:
        task.put(turn, template, instance)
        return task.put(turn, template, instance)

    patch.setattr(daemon, "put", put)


def no_room_is_kept_for_daemons(patch: Patch) -> None:
    patch.setattr(checks, "kept", lambda _instance: checks.NOTHING)


def no_daemon_must_stay_healthy(patch: Patch) -> None:
    patch.setattr(daemon, "bounds", lambda *given: (0, bounds(*given)[1]))


def task_sets_get_one_too_many(patch: Patch) -> None:
    computed = TaskSetState.computed
    patch.setattr(TaskSetState, "computed", lambda held, desired: computed(held, desired) + 1)


def nothing_waits_as_long_as_it_may(patch: Patch) -> None:
    queued = view.EVOLVE[TaskQueued]

    def briefly(state: NamespaceState, event: TaskQueued, at: float) -> None:
        queued(state, msgspec.structs.replace(event, until=at), at)

    patch.setitem(view.EVOLVE, TaskQueued, briefly)


def what_waits_forgets_its_network(patch: Patch) -> None:
    patch.setattr(
        queue_step, "waiting", lambda *given: msgspec.structs.replace(waiting(*given), network_configuration=None)
    )


def room_is_not_noticed(patch: Patch) -> None:
    patch.setattr(scheduler, "makes_room", lambda _state, _event: False)


def an_older_deployment_stays_primary(patch: Patch) -> None:
    begun = view.EVOLVE[DeploymentStarted]

    def last(state: NamespaceState, event: DeploymentStarted, at: float) -> None:
        begun(state, event, at)
        state.clusters[event.cluster].services[event.service].deployments.reverse()

    patch.setitem(view.EVOLVE, DeploymentStarted, last)


def a_version_goes_back(patch: Patch) -> None:
    started = view.EVOLVE[TaskStarted]

    def back(state: NamespaceState, event: TaskStarted, at: float) -> None:
        started(state, event, at)
        state.clusters[event.cluster].tasks[event.task].version -= 1

    patch.setitem(view.EVOLVE, TaskStarted, back)


def what_is_inactive_is_updated(patch: Patch) -> None:
    patch.setattr(service, "active", service.existing)


MUTANTS: dict[Callable[[Patch], None], str] = {
    memory_is_not_looked_at: "capacity",
    ports_are_not_looked_at: "capacity",
    constraints_are_not_looked_at: "constraints",
    an_old_decision_is_asked_again_with_another_rule: "explain",
    running_is_not_folded: "fold",
    capacity_is_given_back_twice: "fold",
    no_minimum_is_kept: "fewest",
    no_maximum_is_kept: "most",
    zones_are_not_balanced: "balance",
    reports_are_taken_at_their_word: "forward",
    what_is_stored_is_lost: "acknowledged",
    nobody_is_fenced: "chain",
    tokens_are_forgotten: "once",
    agents_are_told_of_others_tasks: "one place",
    nothing_concerns_a_service: "settles",
    an_event_is_not_kept: "view",
    zones_are_not_rebalanced: "rests",
    tasks_move_back_and_forth: "rests",
    a_decision_fails: "no bugs",
    daemons_are_started_twice: "daemons",
    no_room_is_kept_for_daemons: "daemons",
    no_daemon_must_stay_healthy: "daemons",
    task_sets_get_one_too_many: "sets",
    nothing_waits_as_long_as_it_may: "queue",
    what_waits_forgets_its_network: "constraints",
    room_is_not_noticed: "waits",
    an_older_deployment_stays_primary: "primary",
    a_version_goes_back: "fold",
    what_is_inactive_is_updated: "final",
}

LIKELY: dict[Callable[[Patch], None], int] = {
    zones_are_not_rebalanced: 15,
    tasks_move_back_and_forth: 15,
    what_waits_forgets_its_network: 52,
}
"""For mutants that few seeds find, one that did: it is tried first."""
