"""Embed: an engine with simulated container instances runs a service, loses an instance, awaits the replacement."""

import asyncio

import quarterdeck
from quarterdeck.events.task import TaskPlaced, TaskStarted


async def main() -> None:
    """Run it."""
    places: dict[str, str] = {}
    started: list[str] = []
    async with quarterdeck.embedded(instances=4, zones=2, lost_after=0.5, heartbeat_timeout=0.5) as qd:
        web = {"name": "web", "image": "web", "memory": 64}
        await qd.register_task_definition(family="web", container_definitions=[web])
        await qd.create_service(service_name="web", task_definition="web", desired_count=2)
        async for commit in qd.follow(from_sequence=1):
            places |= {each.task: each.container_instance for each in commit.events if isinstance(each, TaskPlaced)}
            started += [places[each.task] for each in commit.events if isinstance(each, TaskStarted)]
            if len(started) == 2:
                await next(each for each in qd.instances if each.container_instance == started[0]).kill()
            if len(started) > 2:
                break
    print("lost container instance", started[0], "and replaced its task on", started[-1])


asyncio.run(main())
