"""Embed: an engine with simulated container instances; one is lost, and its task is replaced."""

import asyncio

import quarterdeck
from quarterdeck.events.task import TaskStarted


async def main() -> None:
    """Run a service of two, lose an instance, await the replacement."""
    async with quarterdeck.embedded(instances=4, zones=2, lost_after=0.5, heartbeat_timeout=0.5) as qd:
        web = {"name": "web", "image": "web", "memory": 64}
        await qd.register_task_definition(family="web", container_definitions=[web])
        await qd.create_service(service_name="web", task_definition="web", desired_count=2)
        lost = None
        started = 0
        async for commit in qd.follow():
            started += sum(isinstance(event, TaskStarted) for event in commit.events)
            if started == 2 and lost is None:
                task = (await qd.describe_tasks(tasks=(await qd.list_tasks()).task_arns)).tasks[0]
                lost = next(each for each in qd.instances if each.arn == task.container_instance_arn)
                print("losing", lost.name, "with", task.task_arn)
                await lost.kill()
            elif started == 3:
                print("replaced at position", commit.sequence)
                return


asyncio.run(main())
