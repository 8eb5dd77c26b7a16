"""The contract of runtimes: health checks."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from quarterdeck.agents.runtimes.health import Health, HealthCheck
from quarterdeck.agents.runtimes.port import Runtime
from tests.agents.runtimes.cases import POLL_SECONDS, WAIT_SECONDS_MAX, RuntimeCase, next_change


async def becomes(runtime: Runtime, container_id: str, health: Health) -> None:
    """Wait until its health check says that."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while (await runtime.inspect(container_id)).health != health:
            await asyncio.sleep(POLL_SECONDS)


async def test_a_container_is_unknown_until_its_check_says_more(case: RuntimeCase, runtime: Runtime) -> None:
    check = HealthCheck(case.healthy, interval_seconds=0.2)
    container_id = await runtime.create(case.spec("checked", case.forever, health_check=check))
    assert (await runtime.inspect(container_id)).health is None, "it does not run"
    assert (await runtime.start(container_id)).health == "UNKNOWN"
    async with aclosing(runtime.follow(case.labels)) as changes:
        await next_change(changes, container_id)
    await becomes(runtime, container_id, "HEALTHY")
    assert (await runtime.stop(container_id, 0)).health is None


@pytest.mark.parametrize("kind", ["unhealthy", "hanging"])
async def test_failures_in_a_row_make_a_container_unhealthy(case: RuntimeCase, runtime: Runtime, kind: str) -> None:
    command = case.unhealthy if kind == "unhealthy" else case.hanging
    check = HealthCheck(command, interval_seconds=0.1, timeout_seconds=0.2, retries=2)
    container_id = await runtime.create(case.spec(kind, case.forever, health_check=check))
    await runtime.start(container_id)
    await becomes(runtime, container_id, "UNHEALTHY")
    assert (await runtime.inspect(container_id)).state == "running", "nothing is done about it here"


async def test_a_check_sees_what_its_container_sees(case: RuntimeCase, runtime: Runtime) -> None:
    check = HealthCheck(case.healthy_as_told, interval_seconds=0.1, retries=1)
    spec = case.spec("told", case.forever, health_check=check, environment={"CODE": "0"})
    container_id = await runtime.create(spec)
    await runtime.start(container_id)
    await becomes(runtime, container_id, "HEALTHY")


async def test_without_a_check_there_is_no_health(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("plain", case.forever))
    assert (await runtime.start(container_id)).health is None
