"""Live view: what a running task weighs in memory, and how fast a log folds."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Iterator

from benchmarks.harness import Row, median_of, report, seconds
from benchmarks.world import NAMESPACE, World
from quarterdeck.engine.core import report as reports
from quarterdeck.engine.core import task
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.codec import GENESIS, encode_commit, seal, unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.shapes import RunTaskRequest, StopTaskRequest, SubmitTaskStateChangeRequest
from quarterdeck.projections.live.view import LiveView

INSTANCES = 1_000
TASKS_WEIGHED = 20_000
EVENTS = 1_000_000
EVENTS_A_TASK = 5
COMMITS_AN_ENVELOPE = 100
BYTES_A_TASK_MAX = 1024
EVENTS_A_SECOND_MIN = 100_000


def measure() -> Iterator[Row]:
    """Weigh, then fold."""
    yield Row(name="live view: a running task", value=bytes_a_task(), unit="bytes", at_most=BYTES_A_TASK_MAX)
    log = written(EVENTS)
    size = sum(len(payload) for payload in log) / EVENTS
    yield Row(name="live view: an event in the log", value=size, unit="bytes")
    rate = EVENTS / median_of(lambda: seconds(lambda: fold(log)))
    name = f"live view: verify, decode and fold {EVENTS:,} events"
    yield Row(name=name, value=rate, unit="/s", at_least=EVENTS_A_SECOND_MIN)


def bytes_a_task() -> float:
    """Fold a log that leaves tasks running in a cluster that has as many, and see what the view grew by."""
    world = World(INSTANCES, 3 * TASKS_WEIGHED // INSTANCES)
    log = chained([encoded(0, world, world.events), *started(world, TASKS_WEIGHED), *started(world, TASKS_WEIGHED)])
    half = len(log) // 2
    view = fold(log[:half])
    before = running(view)
    gc.collect()
    tracemalloc.start()
    fold(log[half:], view)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / (running(view) - before)


def running(view: LiveView) -> int:
    """Count the tasks that are RUNNING."""
    tasks = view.namespace(NAMESPACE).clusters["default"].tasks
    return sum(1 for each in tasks.values() if each.last_status == "RUNNING")


def started(world: World, tasks: int) -> Iterator[bytes]:
    """Run tasks and have their agents report them RUNNING, a command each."""
    for number in range(tasks):
        turns = [world.turn(), world.turn()]
        task.run(turns[0], RunTaskRequest(task_definition="job:1", started_by="somebody"))
        name = next(reversed(world.cluster.tasks))
        reports.task(turns[1], SubmitTaskStateChangeRequest(task=name, status="RUNNING"))
        yield from (encoded(2 * number + step, world, turn.events) for step, turn in enumerate(turns, 1))


def written(count: int) -> list[bytes]:
    """Write a log of about so many events: tasks that run, start, are stopped and stop, a command each."""
    world = World(INSTANCES, 100)
    commits = [encoded(0, world, world.events)]
    for number in range(count // EVENTS_A_TASK):
        world.now += 0.01
        turns = [world.turn() for _ in range(4)]
        task.run(turns[0], RunTaskRequest(task_definition="job:1"))
        name = next(reversed(world.cluster.tasks))
        reports.task(turns[1], SubmitTaskStateChangeRequest(task=name, status="RUNNING"))
        task.stop(turns[2], StopTaskRequest(task=name))
        reports.task(turns[3], SubmitTaskStateChangeRequest(task=name, status="STOPPED"))
        commits += [encoded(4 * number + step, world, turn.events) for step, turn in enumerate(turns, 1)]
    return chained(commits)


def chained(commits: list[bytes]) -> list[bytes]:
    """Seal commits into envelopes, as group commit does under load."""
    log, prev = [], GENESIS
    for first in range(0, len(commits), COMMITS_AN_ENVELOPE):
        payload, prev = seal(commits[first : first + COMMITS_AN_ENVELOPE], 1, prev)
        log.append(payload)
    return log


def encoded(number: int, world: World, events: list[AnyEvent]) -> bytes:
    """Encode one command's commit."""
    return encode_commit(
        Commit(
            id=f"1.{number}",
            at=world.now,
            namespace=NAMESPACE,
            actor="arn:aws:iam::000000000000:root",
            operation="RunTask",
            request="4f6d1d5c-0000-4000-8000-0123456789ab",
            events=events,
        )
    )


def fold(log: list[bytes], view: LiveView | None = None) -> LiveView:
    """Read a log as a new keeper does, from the start or on from where a view is."""
    view = view or LiveView()
    for sequence, payload in enumerate(log, view.sequence + 1):
        view.fold(unseal(payload, sequence, view.hash))
    return view


if __name__ == "__main__":
    sys.exit(report(measure()))
