"""A service whose look always fails inside the engine: all others go on, and it does when it is mended."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from quarterdeck.engine.core.reconcile import reconcile
from quarterdeck.engine.shell import scheduler
from quarterdeck.events import shapes
from quarterdeck.events.service import ServiceSteadyStateReached
from tests.simulation.loop import run
from tests.simulation.world import World, living

SICK = "sick"
WATCHED_SECONDS = 600.0
TRIES_MAX = 7
"""In ten minutes: 10 s after the first, then 20, 40, 80, 160 and 320."""


def test_a_service_that_always_fails_inside_the_engine_is_put_aside_until_it_is_updated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(turn: Any, cluster: Any, service: Any) -> Any:
        if service.name == SICK:
            turn.emit(ServiceSteadyStateReached(cluster=cluster.name, service=SICK))
            raise ZeroDivisionError("a bug")
        return reconcile(turn, cluster, service)

    monkeypatch.setattr(scheduler, "reconcile", fail)
    with capture_logs() as told:
        run(_poisoned(monkeypatch))
    loud = [each for each in told if each["event"] == "a decision that failed inside the engine is put aside"]
    assert 2 < len(loud) <= TRIES_MAX
    assert SICK in loud[0]["about"]
    assert "ZeroDivisionError('a bug')" in loud[0]["cause"]
    assert [each["seconds"] for each in loud[:3]] == [10.0, 20.0, 40.0]


async def _poisoned(patch: pytest.MonkeyPatch) -> None:
    world = World(1)
    async with living(world):
        await world.ask("CreateCluster", shapes.CreateClusterRequest(cluster_name="default"))
        await world.define("app", "steady", 64, 64)
        world.add_machine("a", 8192, 8192)
        for name in (SICK, "well"):
            request = shapes.CreateServiceRequest(service_name=name, task_definition="app:1", desired_count=2)
            await world.ask("CreateService", request)
        assert await world.until(lambda: _running(world, "well") == 2, 20.0)
        epoch, end = world.watcher.fold.sequence, world.loop.time() + WATCHED_SECONDS
        while world.loop.time() < end:
            await asyncio.sleep(10.0)
            assert await world.ask("RunTask", shapes.RunTaskRequest(task_definition="app:1"))
        assert world.watcher.fold.sequence > epoch
        patch.undo()
        await world.ask("UpdateService", shapes.UpdateServiceRequest(service=SICK, desired_count=1))
        assert await world.until(lambda: _running(world, SICK) == 1, 10.0), "an update is looked at without delay"
        world.watcher.count()
        assert world.watcher.violation is None


def _running(world: World, service: str) -> int:
    wish = world.ledger.wishes.get(service)
    return sum(1 for each in wish.tasks.values() if each.last == "RUNNING") if wish is not None else 0
