"""Taking a host's instance out of use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from quarterdeck.agents.identity import Identity
from quarterdeck.engine.cli.agent import _drained
from quarterdeck.engine.embedded import embedded
from tests.engine.outside import until


async def test_all_tasks_of_an_instance_are_waited_for_however_many(capsys: pytest.CaptureFixture[str]) -> None:
    async with embedded(instances=1, zones=1, memory=True, cpu=4096, memory_mib=4096) as qd:
        containers: list[dict[str, Any]] = [{"name": "app", "image": "app", "memory": 6}]
        await qd.register_task_definition(family="job", container_definitions=containers)
        for _ in range(11):
            await qd.run_task(task_definition="job", count=10)
        (instance,) = qd.instances
        identity = Identity(
            cluster="default", instance_type="", instance_id="", container_instance_arn=instance.container_instance
        )
        draining = asyncio.get_running_loop().create_task(
            _drained(qd, identity),  # type: ignore[arg-type]  # a client as good as one from elsewhere
            name="drain",
        )
        told = ""

        def tells() -> str:
            nonlocal told
            told += capsys.readouterr().out
            return told

        await until(tells)
        draining.cancel()
        await asyncio.wait([draining])
        assert told.splitlines()[0] == "110 tasks left"
