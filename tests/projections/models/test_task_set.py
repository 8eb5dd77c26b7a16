"""Task sets as they are described: their counts, and whether they are stable (spec §9.8)."""

from __future__ import annotations

from typing import Any

from quarterdeck.events import shapes
from quarterdeck.events.service import ServiceCreated, ServiceSettings
from quarterdeck.events.task import TaskStarted, TaskStopped
from quarterdeck.events.task_set import TaskSetCreated, TaskSetScaled, TaskSetSteadyStateReached
from tests.projections.models.examples import FIRST, IRELAND, PROD, TASK, Recorder, run, task_name

OF: dict[str, Any] = {"cluster": PROD, "service": "web", "task_set": FIRST}
EXTERNAL = ServiceSettings(
    deployment_configuration=shapes.DeploymentConfiguration(),
    deployment_controller=shapes.DeploymentController(type="EXTERNAL"),
)


async def stability(prod: Recorder) -> str | None:
    return (await prod.models.task_sets.describe(IRELAND, PROD, "web"))[FIRST].stability_status


async def test_a_task_set_is_steady_when_its_tasks_are_healthy_and_not_when_they_run(prod: Recorder) -> None:
    await prod.record(ServiceCreated(cluster=PROD, service="web", desired_count=1, settings=EXTERNAL))
    await prod.record(TaskSetCreated(**OF, task_definition="web:3", scale=100.0))
    await prod.record(*run(TASK, deployment=FIRST), TaskStarted(cluster=PROD, task=TASK))
    assert await stability(prod) == "STABILIZING", "RUNNING is not HEALTHY"
    await prod.record(TaskSetSteadyStateReached(**OF))
    assert await stability(prod) == "STEADY_STATE"
    await prod.record(*run(task_name(1), deployment=FIRST))
    assert await stability(prod) == "STABILIZING"
    await prod.record(TaskStopped(cluster=PROD, task=task_name(1), stop_code="UserInitiated", reason=""))
    assert await stability(prod) == "STEADY_STATE"
    await prod.record(TaskSetScaled(**OF, scale=99.0))
    assert await stability(prod) == "STABILIZING", "until the scheduler has looked"
