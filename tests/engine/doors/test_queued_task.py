"""Queued tasks at the doors: a task waits, and gets a place or an end, by a clock that is moved by hand."""

from __future__ import annotations

from typing import Any

from tests.engine.doors.asking import Asker, asking

PATIENT = {"taskDefinition": "app", "tags": [{"key": "quarterdeck:queueTimeoutSeconds", "value": "60"}]}


async def status(asker: Asker, arn: str) -> str:
    """Look at a task's last status."""
    (found,) = (await asker.ask("DescribeTasks", tasks=[arn]))["tasks"]
    return str(found["lastStatus"])


async def test_a_task_waits_for_an_instance_and_gets_it() -> None:
    async with asking() as asker:
        await asker.furnish(instances=0)
        answer = await asker.ask("RunTask", **PATIENT)
        (task,) = answer["tasks"]
        assert (task["lastStatus"], task.get("containerInstanceArn"), answer["failures"]) == ("PROVISIONING", None, [])
        instance = await asker.join()
        await asker.until(lambda: status(asker, task["taskArn"]), "PENDING")
        (found,) = (await asker.ask("DescribeTasks", tasks=[task["taskArn"]]))["tasks"]
        assert found["containerInstanceArn"].endswith(instance)


async def test_a_task_whose_time_is_over_ends_with_what_it_waited_for() -> None:
    async with asking() as asker:
        await asker.furnish(instances=1, cpu="4096", memory="2000000")
        (task,) = (await asker.ask("RunTask", **PATIENT))["tasks"]
        asker.clock.time += 61.0
        await asker.until(lambda: status(asker, task["taskArn"]), "STOPPED")
        (found,) = (await asker.ask("DescribeTasks", tasks=[task["taskArn"]]))["tasks"]
        assert (found["stopCode"], found["stoppedReason"]) == ("TaskFailedToStart", "RESOURCE:MEMORY")
        listed: dict[str, Any] = await asker.ask("ListTasks", desiredStatus="STOPPED")
        assert listed["taskArns"] == [task["taskArn"]]
