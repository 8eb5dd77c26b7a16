"""Embed: an engine with simulated container instances runs a service, loses an instance, awaits the replacement."""

import asyncio

import quarterdeck
from quarterdeck.events.task import TaskPlaced, TaskStarted


async def main() -> None:
    """Run it."""
    async with quarterdeck.embedded(instances=4, zones=2, lost_after=0.5, heartbeat_timeout=0.5) as qd:
        web = {"name": "web", "image": "web", "memory": 64}
        await qd.register_task_definition(family="web", container_definitions=[web])
        await qd.create_service(service_name="web", task_definition="web", desired_count=2)
        places: dict[str, str] = {}
        started: list[str] = []
        async for commit in qd.follow(from_sequence=1):
            places |= {each.task: each.container_instance for each in commit.events if isinstance(each, TaskPlaced)}
            for event in (each for each in commit.events if isinstance(each, TaskStarted)):
                started.append(places[event.task])
                if len(started) == 2:
                    await next(each for each in qd.instances if each.container_instance == started[0]).kill()
                    print("lost container instance", started[0])
            if len(started) == 3:
                break
        print("replaced on", started[2])


asyncio.run(main())
