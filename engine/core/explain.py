"""Explain: a placement asked once more, at the moment it was decided: every instance's verdict, and what decided."""

from collections.abc import Callable, Iterator

from quarterdeck.engine.core.placement import Verdict, matrix
from quarterdeck.engine.core.queued_task import waiting
from quarterdeck.engine.core.wish import Wish, wish
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.events.own import PlacementDecision, PlacementVerdict
from quarterdeck.events.service import ServiceTaskPlacementFailed
from quarterdeck.events.task import TaskPlaced, TaskPlacementFailed, TaskQueued, TaskRequested, TaskStopped
from quarterdeck.projections.live.rule import ATTRIBUTE, COUNT, DEFAULT, ZONE, Rule
from quarterdeck.projections.live.states import NamespaceState, ServiceState, TaskSetState
from quarterdeck.projections.live.view import EVOLVE, LiveView

IN_WORDS = {
    ZONE: "fewest tasks of the group in the zone",
    COUNT: "fewest tasks of the group on the instance",
    "cpu": "least CPU left",
    "memory": "least memory left",
}

EVERYWHERE = "one on every instance that admits it"

Wanted = Callable[[AnyEvent], bool]
"""Whether a decision is asked about, told by the event that came of it."""
DECISIONS = (TaskPlaced, TaskPlacementFailed, ServiceTaskPlacementFailed, TaskQueued, TaskStopped)
"""What may come of asking for a place; a task that waited in vain is STOPPED."""


def decided(view: LiveView, commit: Commit, wanted: Wanted) -> list[PlacementDecision]:
    """Fold a commit, event by event, and judge anew before each event that is asked about."""
    state = view.namespace(commit.namespace)
    requested: dict[str, TaskRequested] = {}
    found: list[PlacementDecision] = []
    for event in commit.events:
        if isinstance(event, TaskRequested):
            requested[event.task] = event
        if isinstance(event, DECISIONS) and wanted(event):
            found += _asked_again(state, event, requested)
        EVOLVE[type(event)](state, event, commit.at)
    return found


def _asked_again(
    state: NamespaceState, event: AnyEvent, requested: dict[str, TaskRequested]
) -> Iterator[PlacementDecision]:
    """Judge before an event, if a placement was decided by it."""
    match event:
        case TaskPlaced():
            asked = requested.get(event.task) or waiting(state.clusters[event.cluster], event.task)
            yield _placed(state, asked, event)
        case TaskPlacementFailed() | ServiceTaskPlacementFailed():
            yield _failed(state, event)
        case TaskQueued():
            yield next_task(state, requested[event.task], "QUEUED")
        case TaskStopped() if has_waited_in_vain(state, event):
            yield next_task(state, waiting(state.clusters[event.cluster], event.task), "FAILED", count=1)
        case _:
            return


def has_waited_in_vain(state: NamespaceState, event: TaskStopped) -> bool:
    """Tell whether a task stops because nothing could take it in time; who cancels one decides on no place."""
    return event.task in state.clusters[event.cluster].queued and event.stop_code == "TaskFailedToStart"


def next_task(
    state: NamespaceState, requested: TaskRequested, outcome: str = "DRY_RUN", count: int | None = None
) -> PlacementDecision:
    """Judge where a task would go now; nothing is decided. Chance would draw again when it is."""
    return _decision(state, requested, wish(state, requested), outcome, count=count)


def of_service(service: ServiceState, cluster: str, definition: str = "", wanted_by: str = "") -> TaskRequested:
    """Make what the scheduler would ask for a service's next task, perhaps of another revision, deployment or set."""
    holder = service.deployment(wanted_by) or (service.deployments or service.task_sets)[0]
    giver = holder if isinstance(holder, TaskSetState) else service.settings
    return TaskRequested(
        cluster=cluster,
        task="",
        task_definition=definition or holder.definition,
        group=service.group,
        deployment=holder.id,
        network_configuration=giver.network_configuration,
    )


def _placed(state: NamespaceState, requested: TaskRequested, placed: TaskPlaced) -> PlacementDecision:
    """Judge before the task counts: until it is placed, it counts for nothing."""
    chosen = None if placed.explanation is None else placed.container_instance
    return _decision(
        state, requested, wish(state, requested), "STARTED" if chosen is None else "PLACED", placed.container_instance
    )


def _failed(state: NamespaceState, event: TaskPlacementFailed | ServiceTaskPlacementFailed) -> PlacementDecision:
    if isinstance(event, ServiceTaskPlacementFailed):
        service = state.clusters[event.cluster].services[event.service]
        requested = of_service(service, event.cluster, wanted_by=event.deployment)
    else:
        requested = TaskRequested(
            cluster=event.cluster,
            task="",
            task_definition=event.task_definition,
            group=event.group,
            overrides=event.overrides,
            placement_constraints=event.placement_constraints,
            placement_strategy=event.placement_strategy,
            network_configuration=event.network_configuration,
        )
    return next_task(state, requested, "FAILED", count=event.count)


def _decision(
    state: NamespaceState,
    requested: TaskRequested,
    asked: Wish,
    outcome: str,
    place: str = "",
    count: int | None = None,
) -> PlacementDecision:
    cluster = state.clusters[requested.cluster]
    verdicts = matrix(cluster, requested.group, *asked, requested.task)
    best = verdicts[0] if verdicts and verdicts[0].chosen else None
    chosen = place or (best.container_instance if best is not None else "")
    agrees = {
        "PLACED": best is not None and best.container_instance == place,
        "FAILED": best is None,
        "QUEUED": best is None,
    }
    arn = state.namespace.container_instance_arn
    is_daemon = requested.group in cluster.room.daemons
    return PlacementDecision(
        outcome=outcome,
        cluster=requested.cluster,
        group=requested.group,
        task_definition=requested.task_definition,
        task=requested.task or None,
        count=count,
        container_instance_arn=arn(requested.cluster, chosen) if chosen else None,
        zone=cluster.instances[chosen].zone if chosen else None,
        agrees=None if is_daemon else agrees.get(outcome),  # no choice: nothing to repeat
        preference=EVERYWHERE if is_daemon else preference(asked.rule),
        tie_break=None if is_daemon else tie_break(verdicts, asked.rule) or None,
        verdicts=[_told(state.namespace, requested.cluster, each, asked.rule) for each in verdicts],
    )


def _told(namespace: Namespace, cluster: str, verdict: Verdict, rule: Rule) -> PlacementVerdict:
    fits = not verdict.reason
    return PlacementVerdict(
        container_instance_arn=namespace.container_instance_arn(cluster, verdict.container_instance),
        zone=verdict.zone,
        zone_tasks=verdict.zone_tasks,
        instance_tasks=verdict.instance_tasks,
        fits=fits,
        reason=verdict.reason or None,
        detail=verdict.detail or None,
        chosen=verdict.chosen or None,
        scores=_scores(verdict, rule) if fits else None,
    )


def preference(rule: Rule) -> str:
    """Say what is compared between instances that fit."""
    words = [_in_words(each) for each in (*rule.leading, *rule.rest)]
    return ", then ".join([*words, "chance" if rule.random else "the lowest id"])


def tie_break(verdicts: list[Verdict], rule: Rule) -> str:
    """Say what decided between the instance chosen and the others that fit; empty if none does."""
    fitting = [each for each in verdicts if not each.reason]
    if len(fitting) <= 1:
        return "the only instance that fits" if fitting else ""
    scores = [_scores(each, rule) for each in fitting]
    equal = sum(1 for each in scores if each == scores[0])
    if equal > 1:
        how = "a lot that the task's id is the seed of" if rule.random else "the lowest id"
        return f"{how}, of {equal} equal instances"
    others = min(tuple(each.values()) for each in scores[1:])
    rows = zip(scores[0].items(), others, strict=True)
    return next(f"{_in_words(name)}: {mine}, the next has {other}" for (name, mine), other in rows if mine != other)


def _scores(verdict: Verdict, rule: Rule) -> dict[str, int]:
    if (rule.leading, rule.rest) == (DEFAULT.leading, DEFAULT.rest):
        return {ZONE: verdict.zone_tasks, COUNT: verdict.instance_tasks}
    return verdict.scores


def _in_words(component: str) -> str:
    return IN_WORDS.get(component, f"fewest tasks of the group with its {component.removeprefix(ATTRIBUTE)}")
