"""Explain placement: our own operation that says why tasks are where they are, or nowhere."""

import asyncio
import re
from contextlib import aclosing

import msgspec

from quarterdeck.engine.core import explain, queued_task, task, waiting
from quarterdeck.engine.core.errors import InvalidParameterException, ServiceNotFoundException
from quarterdeck.engine.core.service import active, startable
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.doors.operation import Context, Operation, Read
from quarterdeck.engine.doors.references import cluster_name, known_cluster
from quarterdeck.engine.shell.ids import RandomIds
from quarterdeck.events import shapes
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.codec import unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.names import Namespace
from quarterdeck.events.own import ExplainPlacementRequest, ExplainPlacementResponse, PlacementDecision
from quarterdeck.events.task import TaskEvent
from quarterdeck.projections.live.view import LiveView

WHAT = "Say what to explain: one of task, placement, service and taskDefinition."
DRY_RUN_ONLY = {
    "group": "group",
    "overrides": "overrides",
    "placement_constraints": "placementConstraints",
    "placement_strategy": "placementStrategy",
    "network_configuration": "networkConfiguration",
}
"""What the log knows of past decisions, and services of their tasks; as members of a request, and in AWS's spelling."""
PLACEMENT = re.compile(r"[1-9][0-9]{0,15}(\.[1-9][0-9]{0,15})?")
SLICE_ENVELOPES = 64
"""Folded before others get a turn."""


class Sought(msgspec.Struct, frozen=True):
    """What to look for in the log: a task, or else a commit or a position, in one cluster."""

    namespace: Namespace
    cluster: str
    task: str = ""
    placement: str = ""

    def of_cluster(self, commit: Commit) -> Commit | None:
        """Leave of a commit what may matter to the cluster: others' events can't; None if nothing is left."""
        if commit.namespace != str(self.namespace):
            return None
        events = [each for each in commit.events if getattr(each, "cluster", self.cluster) == self.cluster]
        if len(events) == len(commit.events):
            return commit
        return msgspec.structs.replace(commit, events=events) if events else None

    def is_there(self, sequence: int, commit: Commit) -> bool:
        """Tell whether a commit of the namespace may hold it."""
        return not self.placement or self.placement in {str(sequence), commit.id}

    def is_it(self, event: AnyEvent) -> bool:
        """Tell whether a decision is sought, by the event that came of it."""
        return not self.task or (isinstance(event, TaskEvent) and event.task.startswith(self.task))


async def _explain(context: Context, request: ExplainPlacementRequest) -> ExplainPlacementResponse:
    asked = [name for name in ("task", "placement", "service", "task_definition") if getattr(request, name)]
    if len(asked) != 1 and asked != ["service", "task_definition"]:
        raise InvalidParameterException(WHAT)
    told = [spelling for name, spelling in DRY_RUN_ONLY.items() if getattr(request, name)]
    if told and asked != ["task_definition"]:
        raise InvalidParameterException(f"{', '.join(told)}: only of a taskDefinition alone can that be asked.")
    if asked[0] in {"task", "placement"}:
        return await _past(context, request)
    cluster = await cluster_name(context, request.cluster)
    if request.service:
        return _service(_turn(context), cluster, request)
    return _dry_run(_turn(context), cluster, request)


def _turn(context: Context) -> Turn:
    """Look at what is, as a decision would."""
    state = context.view.namespace(str(context.namespace))
    return Turn(state, context.now, context.actor, RandomIds(), context.settings)


async def _past(context: Context, request: ExplainPlacementRequest) -> ExplainPlacementResponse:
    """Look in the log, which knows of clusters that were deleted, too; a task's ARN may name its cluster."""
    parts = (request.task or "").split("/")
    cluster = await known_cluster(context, parts[-2] if len(parts) > 2 else request.cluster)
    if request.task:
        sought = Sought(context.namespace, cluster, task=_task(context, cluster, parts[-1]))
        nothing = (
            f"No task {parts[-1]} was ever placed. Cluster {sought.cluster} never had it: name the cluster it is of, "
            "or its ARN."
        )
    else:
        sought = Sought(context.namespace, cluster, placement=request.placement or "")
        if not PLACEMENT.fullmatch(sought.placement):
            raise InvalidParameterException(
                f"{sought.placement} is neither a position of the log (57) nor the id of a commit (1.23)."
            )
        nothing = (
            f"Nothing was placed, or failed to be, at {sought.placement} in cluster {cluster}. "
            "`quarterdeck events -o json` shows positions and commits."
        )
    found = await _decisions(context, sought)
    if not found:
        raise InvalidParameterException(nothing)
    if found[-1].outcome == "QUEUED" and sought.task:
        return _waiting(_turn(context), sought.cluster, found)
    return ExplainPlacementResponse(decisions=found)


def _task(context: Context, cluster: str, begins: str) -> str:
    """Find the one task whose id begins so, of those not long gone; the log may know of older ones."""
    found = context.view.namespace(str(context.namespace)).clusters.get(cluster)
    names = sorted(name for name in (found.tasks if found is not None else ()) if name.startswith(begins))
    if len(names) > 1:
        raise InvalidParameterException(
            f"{begins} is how the ids of {len(names)} tasks begin ({names[0]}, {names[1]}): give more of the one meant."
        )
    return names[0] if names else begins


def _waiting(turn: Turn, name: str, found: list[PlacementDecision]) -> ExplainPlacementResponse:
    """Add what stops a task that waits now; one that was cancelled has nothing to add."""
    cluster, waits = turn.state.clusters[name], found[-1].task or ""
    if waits not in cluster.queued:
        return ExplainPlacementResponse(decisions=found)
    now = explain.next_task(turn.state, queued_task.waiting(cluster, waits))
    return ExplainPlacementResponse(decisions=[*found, now], waiting_for=waiting.of_queued(turn, cluster, waits, now))


async def _decisions(context: Context, sought: Sought) -> list[PlacementDecision]:
    """Fold what the log says of the namespace and the cluster, up to where it is: some 270,000 events a second.

    A task that waited is followed up to its place, or to the end.
    """
    view = LiveView()
    found: list[PlacementDecision] = []
    async with aclosing(context.log.read(0)) as batches:
        async for batch in batches:
            for count, record in enumerate(batch):
                if record.kind == "commits":
                    envelope = unseal(record.payload, record.sequence, None)
                    for commit in filter(None, map(sought.of_cluster, envelope.commits)):
                        found += _in_commit(view, record.sequence, commit, sought)
                if sought.task and found:
                    sought = msgspec.structs.replace(sought, task=found[0].task)
                    found = [each for each in found if each.task == sought.task]
                if found and (sought.placement or found[-1].outcome != "QUEUED"):
                    return found
                if count % SLICE_ENVELOPES == 0:
                    await asyncio.sleep(0)
    return found


def _in_commit(view: LiveView, sequence: int, commit: Commit, sought: Sought) -> list[PlacementDecision]:
    is_there = sought.is_there(sequence, commit)
    found = explain.decided(view, commit, lambda event: is_there and sought.is_it(event))
    circumstances = {"sequence": sequence, "commit": commit.id, "at": commit.at, "actor": commit.actor}
    return [msgspec.structs.replace(each, **circumstances) for each in found]


def _service(turn: Turn, name: str, request: ExplainPlacementRequest) -> ExplainPlacementResponse:
    cluster = turn.cluster(name)
    reference = turn.local("service", request.service or "", cluster.name)
    service = cluster.services.get(reference)
    if service is None or service.status == "INACTIVE":
        raise ServiceNotFoundException("Service not found.")
    waits: list[str] | None = waiting.waiting_for(turn, cluster, service)
    if not service.deployments or service.status != "ACTIVE":
        return ExplainPlacementResponse(decisions=[], waiting_for=waits)
    definition = ""
    if request.task_definition:
        definition = startable(turn, request.task_definition).name
        waits = None
    asked = explain.of_service(active(turn, cluster, service.name), cluster.name, definition)
    return ExplainPlacementResponse(decisions=[explain.next_task(turn.state, asked)], waiting_for=waits)


def _dry_run(turn: Turn, name: str, request: ExplainPlacementRequest) -> ExplainPlacementResponse:
    same = shapes.RunTaskRequest(
        task_definition=request.task_definition,
        group=request.group,
        overrides=request.overrides,
        placement_constraints=request.placement_constraints,
        placement_strategy=request.placement_strategy,
        network_configuration=request.network_configuration,
    )
    asked = task.asked(turn, turn.cluster(name), same)
    return ExplainPlacementResponse(decisions=[explain.next_task(turn.state, asked)])


OPERATIONS: dict[str, Operation] = {"ExplainPlacement": Read(read=_explain)}
