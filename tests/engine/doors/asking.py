"""Asking: a replica on a memory log under a clock that is moved by hand, asked as the doors ask, in ECS's JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.doors.door import Call
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.shell.ids import SeededIds
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.log.memory import MemoryLog
from quarterdeck.events.names import Namespace
from quarterdeck.events.wanted import Heartbeat

NAMESPACE = Namespace("us-east-1", "000000000000")
ARN = "arn:aws:ecs:us-east-1:000000000000:"
ACTOR = "arn:aws:iam::000000000000:root"
NOON = 1_000_000.0
SECONDS_MAX = 10.0
ROOM = [{"name": name, "type": "INTEGER", "integerValue": 1_000_000} for name in ("CPU", "MEMORY")]
CONTAINER = {"name": "main", "image": "busybox", "memory": 64}


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> float:
        return self.time


class Asker:
    """Asks one replica."""

    def __init__(self, replica: Replica, clock: HandClock) -> None:
        self.replica = replica
        self.clock = clock

    async def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """Carry an operation out; its answer as JSON."""
        door = self.replica.door
        request = door.decode(operation, json.dumps(members).encode())
        answer = await door.carry_out(Call(namespace=NAMESPACE, operation=operation, actor=ACTOR), request)
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer.response))
        return plain

    async def refusal(self, operation: str, **members: Any) -> tuple[str, str]:
        """Carry out what is refused: its code and text."""
        try:
            answer = await self.ask(operation, **members)
        except Refusal as refusal:
            return refusal.code, refusal.message
        raise AssertionError(f"not refused: {answer}")

    async def furnish(self, instances: int = 1, **definition: Any) -> list[str]:
        """Make the default cluster, ``app:1`` and some instances with connected agents; their ids."""
        await self.ask("CreateCluster")
        await self.define("app", **definition)
        return [await self.join() for _ in range(instances)]

    async def define(self, family: str, **members: Any) -> dict[str, Any]:
        """Register a revision."""
        asked = {"family": family, "containerDefinitions": [CONTAINER], **members}
        definition: dict[str, Any] = (await self.ask("RegisterTaskDefinition", **asked))["taskDefinition"]
        return definition

    async def join(self, zone: str = "us-east-1a", attributes: dict[str, str] | None = None) -> str:
        """Have an instance join whose agent is connected."""
        named = {"ecs.availability-zone": zone, **(attributes or {})}
        answer = await self.ask("RegisterContainerInstance", totalResources=ROOM, attributes=_pairs(named))
        name = str(answer["containerInstance"]["containerInstanceArn"]).rsplit("/", 1)[1]
        await self.replica.heartbeats.beat(Instance(str(NAMESPACE), "default", name), Heartbeat(session="s"))
        return name

    async def tasks(self, **filters: Any) -> list[str]:
        """List the tasks there are, by ARN."""
        return list((await self.ask("ListTasks", **filters))["taskArns"])

    async def appear(self, count: int, **filters: Any) -> list[str]:
        """Wait until the scheduler has made it so many tasks."""
        await self.until(lambda: self._count(filters), count)
        return await self.tasks(**filters)

    async def run_all(self) -> None:
        """Have agents report every task that is PENDING as RUNNING, and those to stop as STOPPED."""
        for desired, status in (("RUNNING", "RUNNING"), ("STOPPED", "STOPPED")):
            arns = await self.tasks(desiredStatus=desired)
            for task in (await self.ask("DescribeTasks", tasks=arns))["tasks"] if arns else []:
                if task["lastStatus"] not in {status, "STOPPED"}:
                    await self.ask("SubmitTaskStateChange", task=task["taskArn"], status=status)

    async def service(self, name: str = "web") -> dict[str, Any]:
        """Describe a service."""
        (found,) = (await self.ask("DescribeServices", services=[name], include=["TAGS"]))["services"]
        return dict(found)

    async def settle(self, name: str = "web") -> dict[str, Any]:
        """Let scheduler and agents work until a service has what it wants, and nothing else."""

        async def settled() -> bool:
            await self.run_all()
            found = await self.service(name)
            states = {each.get("rolloutState") for each in found["deployments"]}
            return states <= {"COMPLETED"} and found["runningCount"] == found["desiredCount"]

        await self.until(settled, True)
        return await self.service(name)

    async def until(self, look: Callable[[], Any], expected: object) -> None:
        """Wait, bounded, until something is so."""
        async with asyncio.timeout(SECONDS_MAX):
            while await look() != expected:
                await asyncio.sleep(0.01)

    async def _count(self, filters: dict[str, Any]) -> int:
        return len(await self.tasks(**filters))


def _pairs(named: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} if value else {"name": name} for name, value in named.items()]


@asynccontextmanager
async def asking() -> AsyncIterator[Asker]:
    """Run a replica for the length of a block."""
    clock = HandClock()
    settings = ReplicaSettings(heartbeat_timeout=1e9)
    async with running(MemoryLog(), settings, clock, SeededIds(1)) as replica:
        yield Asker(replica, clock)
