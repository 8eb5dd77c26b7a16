"""Tasks at the door: what lists take (spec §6.6)."""

from __future__ import annotations

from tests.engine.doors.asking import asking


async def test_no_task_is_one_of_a_daemon() -> None:
    async with asking() as asker:
        await asker.furnish()
        await asker.ask("RunTask", taskDefinition="app")
        assert len(await asker.tasks()) == 1
        assert await asker.tasks(daemonName="logs") == []


async def test_started_by_is_the_only_filter() -> None:
    async with asking() as asker:
        await asker.furnish()
        expected = ("InvalidParameterException", "startedBy must be the only filter.")
        for other in ({"family": "app"}, {"serviceName": "web"}, {"launchType": "EC2"}, {"daemonName": "logs"}):
            assert await asker.refusal("ListTasks", startedBy="me", **other) == expected
