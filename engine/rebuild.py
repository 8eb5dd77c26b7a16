"""Rebuild: the state at any position, from the log alone; and what was decided there, asked once more."""

from collections.abc import AsyncIterable

import msgspec

from quarterdeck.engine.core.placement import Verdict, matrix
from quarterdeck.engine.core.queued_task import waiting
from quarterdeck.engine.core.wish import wish
from quarterdeck.events.codec import unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.log.port import Record
from quarterdeck.events.task import TaskPlaced, TaskRequested
from quarterdeck.projections.live.view import EVOLVE, LiveView


class Decision(msgspec.Struct, frozen=True):
    """A task's placement, asked once more: a verdict on each instance, the one preferred first.

    ``asked`` says that the caller named the instance (StartTask), or a DAEMON service belongs on it: then
    nothing was chosen.
    """

    sequence: int
    commit: Commit
    requested: TaskRequested
    placed: TaskPlaced
    verdicts: list[Verdict]

    @property
    def asked(self) -> bool:
        """Whether nothing was chosen."""
        return self.placed.explanation is None

    @property
    def agrees(self) -> bool:
        """Whether the same rule on the same state chooses the same instance."""
        first = self.verdicts[0] if self.verdicts else None
        return first is not None and first.chosen and first.container_instance == self.placed.container_instance


async def view_at(batches: AsyncIterable[list[Record]]) -> LiveView:
    """Fold a log up to where it is read. Raises Corrupt."""
    view = LiveView()
    async for batch in batches:
        for record in batch:
            view.sequence = record.sequence
            if record.kind == "commits":
                view.fold(unseal(record.payload, record.sequence, view.hash))
    return view


async def decision(batches: AsyncIterable[list[Record]], task: str) -> Decision | None:
    """Fold a log up to the event before a task was placed; None if none of that id was."""
    view = LiveView()
    async for batch in batches:
        for record in batch:
            view.sequence = record.sequence
            if record.kind != "commits":
                continue
            envelope = unseal(record.payload, record.sequence, view.hash)
            for commit in envelope.commits:
                found = _fold_up_to(view, commit, task)
                if found is not None:
                    return msgspec.structs.replace(found, sequence=record.sequence)
            view.hash = envelope.hash
    return None


def _fold_up_to(view: LiveView, commit: Commit, task: str) -> Decision | None:
    """Apply a commit, event by event; stop before the one that places the task."""
    state = view.namespace(commit.namespace)
    requested: dict[str, TaskRequested] = {}
    for event in commit.events:
        if isinstance(event, TaskPlaced) and event.task.startswith(task):
            asked = requested.get(event.task) or waiting(state.clusters[event.cluster], event.task)
            return _judge(view, commit, asked, event)
        if isinstance(event, TaskRequested):
            requested[event.task] = event  # it counts in its group from where it is placed: no verdict changes here
        EVOLVE[type(event)](state, event, commit.at)
    return None


def _judge(view: LiveView, commit: Commit, requested: TaskRequested, placed: TaskPlaced) -> Decision:
    state = view.namespace(commit.namespace)
    cluster = state.clusters[placed.cluster]
    verdicts = matrix(cluster, requested.group, *wish(state, requested), placed.task)
    return Decision(0, commit, requested, placed, verdicts)
