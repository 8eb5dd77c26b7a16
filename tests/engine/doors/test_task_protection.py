"""Task protection at the door (spec §6.8)."""

from __future__ import annotations

from tests.engine.doors.asking import ARN, NOON, Asker, asking


async def serving(asker: Asker) -> list[str]:
    await asker.furnish()
    await asker.ask("CreateService", serviceName="web", taskDefinition="app", desiredCount=2)
    await asker.settle()
    return await asker.tasks()


async def test_a_protection_is_answered_and_described_until_it_ends() -> None:
    async with asking() as asker:
        first, second = await serving(asker)
        answer = await asker.ask(
            "UpdateTaskProtection", cluster="default", tasks=[first], protectionEnabled=True, expiresInMinutes=10
        )
        protected = {"taskArn": first, "protectionEnabled": True, "expirationDate": NOON + 600}
        assert answer == {"protectedTasks": [protected], "failures": []}
        alone = (await asker.ask("RunTask", taskDefinition="app"))["tasks"][0]["taskArn"]
        told = await asker.ask("GetTaskProtection", cluster="default", tasks=[first, second, alone, "zz"])
        assert told["protectedTasks"] == [protected, {"taskArn": second, "protectionEnabled": False}]
        assert [(each["arn"], each["reason"]) for each in told["failures"]] == [
            (alone, "TASK_NOT_VALID"),
            (ARN + "task/default/zz", "MISSING"),
        ]
        assert (await asker.ask("GetTaskProtection", cluster="default"))["protectedTasks"] == [protected]
        asker.clock.time += 600

        async def look() -> object:
            return (await asker.ask("GetTaskProtection", cluster="default"))["protectedTasks"]

        await asker.until(look, [])


async def test_more_protected_than_desired_is_said_and_blocks() -> None:
    async with asking() as asker:
        arns = await serving(asker)
        await asker.ask("UpdateTaskProtection", cluster="default", tasks=arns, protectionEnabled=True)
        await asker.ask("UpdateService", service="web", desiredCount=1)

        async def look() -> bool:
            said = (await asker.service())["events"][0]["message"]
            return bool(said.endswith("The number of protected tasks are more than the desired count of tasks"))

        await asker.until(look, True)
        answer = await asker.ask("UpdateTaskProtection", cluster="default", tasks=arns[:1], protectionEnabled=True)
        assert [each["reason"] for each in answer["failures"]] == ["DEPLOYMENT_BLOCKED"]
        answer = await asker.ask("UpdateTaskProtection", cluster="default", tasks=arns, protectionEnabled=False)
        assert answer["protectedTasks"] == [{"taskArn": arn, "protectionEnabled": False} for arn in arns]
        assert (await asker.settle())["runningCount"] == 1
