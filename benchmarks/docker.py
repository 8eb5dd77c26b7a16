"""Docker: how soon a killed container is replaced, beside what Docker itself needs to create and start one.

A service of one task on two container instances of an embedded engine, everything durable; the floor is the raw
Engine API, in the same run, one create and start after another, each between two kills.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path
from statistics import median

import aiohttp
import structlog

import quarterdeck
from benchmarks.harness import Row
from quarterdeck.engine import docker_engine
from quarterdeck.engine.embedded import Embedded
from quarterdeck.engine.settings import Settings
from quarterdeck.events.task import TaskStarted

KILLS = 9
RATIO_MAX = 1.5
REPLACED_SECONDS_MAX = 30.0
SLEEP = ["sleep", "1000"]


def measure() -> Iterator[Row]:
    """Measure both; nothing without a Docker Engine."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    socket = Settings(data=Path()).docker_socket
    if not Path(socket).is_socket():
        print("docker: no Docker Engine here, not measured")
        return
    floor, ours = asyncio.run(_measure(socket))
    yield Row(name="floor: the Engine API creates and starts a container", value=1000 * floor, unit="ms")
    yield Row(name="container killed until its replacement RUNNING", value=1000 * ours, unit="ms")
    yield Row(name="         of the floor", value=ours / floor, unit="x", at_most=RATIO_MAX)


async def _measure(socket: str) -> tuple[float, float]:
    image, made = await docker_engine.provide_image(socket)
    try:
        with tempfile.TemporaryDirectory() as data:
            async with quarterdeck.embedded(instances=2, zones=2, runtime="docker", data=Path(data)) as qd:
                return await _kill_often(qd, socket, image)
    finally:
        if made:
            await docker_engine.remove_image(socket, image)


async def _kill_often(qd: Embedded, socket: str, image: str) -> tuple[float, float]:
    await qd.register_task_definition(
        family="bench", container_definitions=[{"name": "one", "image": image, "command": SLEEP, "memory": 16}]
    )
    containers = [""]
    floors, replacements = [], []
    async with aclosing(_started(qd)) as started:
        await qd.create_service(service_name="bench", task_definition="bench", desired_count=1)
        containers.append(await _next(started))
        for _ in range(KILLS):
            floors.append(await _bare(socket, image))
            began = time.perf_counter()
            await docker_engine.kill(socket, containers[-1])
            containers.append(await _next(started))
            replacements.append(time.perf_counter() - began)
    await qd.delete_service(service="bench", force=True)
    async with _engine(socket) as session:
        for name in containers[1:]:
            await _remove(session, name)
    return median(floors), median(replacements)


async def _started(qd: Embedded) -> AsyncGenerator[str, None]:
    """Follow the log: the container of each task as it is RUNNING."""
    async for commit in qd.follow(from_sequence=1):
        for event in commit.events:
            if isinstance(event, TaskStarted):
                yield event.containers[0].runtime_id


async def _next(started: AsyncGenerator[str, None]) -> str:
    async with asyncio.timeout(REPLACED_SECONDS_MAX):
        return await anext(started)


async def _bare(socket: str, image: str) -> float:
    """Create and start a container as directly as it goes; seconds."""
    spec = {"Image": image, "Cmd": SLEEP, "HostConfig": {"Memory": 16 << 20}}
    async with _engine(socket) as session:
        began = time.perf_counter()
        async with session.post("/containers/create", json=spec) as created:
            name = (await created.json())["Id"]
        async with session.post(f"/containers/{name}/start") as started:
            started.raise_for_status()
        took = time.perf_counter() - began
        await _remove(session, name)
        return took


def _engine(socket: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket), base_url="http://docker")


async def _remove(session: aiohttp.ClientSession, name: str) -> None:
    async with session.delete(f"/containers/{name}", params={"force": "1", "v": "1"}):
        pass
