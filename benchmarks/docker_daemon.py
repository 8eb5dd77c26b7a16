"""Docker daemon: the Engine API as benchmarks use it, and how what they made is taken away again.

All containers made for a benchmark carry one label, whoever makes them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import aiohttp

from tests import docker_engine

LABEL = "quarterdeck.benchmark"
COMMAND = ("sh", "-c", "trap 'exit 0' TERM; mkfifo /waits; read never <>/waits")
"""One process, which ends on SIGTERM: as process 1, a plain `sleep` would ignore it."""
MEMORY_MIB = 16
GRACE_SECONDS = 10
CONCURRENCY = 8
STARTED, STOPPED, COMPLETED = "started", "stopped", "completed"
KINDS = {"start": STARTED, "die": STOPPED}
GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}

Answer = Any
"""Decoded JSON."""


class Seen:
    """What has happened, and when (`time.perf_counter`), for one who waits for it."""

    def __init__(self) -> None:
        self.last = ""
        """What was started last."""
        self._at: dict[str, list[float]] = {}
        self._running: set[str] = set()
        self._levels: list[tuple[float, int]] = []
        self._stirred = asyncio.Event()

    def note(self, what: str, which: str) -> None:
        """Take note that it happened just now to this one."""
        now = time.perf_counter()
        self._at.setdefault(what, []).append(now)
        if what == STARTED:
            self.last = which
            self._running.add(which)
        elif what == STOPPED:
            self._running.discard(which)
        self._levels.append((now, len(self._running)))
        self._stirred.set()

    async def after(self, began: float, what: str, count: int) -> float:
        """Wait until it has happened so often since; seconds from there."""
        return await self._found(began, lambda: [at for at in self._at.get(what, ()) if at > began][count - 1 :])

    async def running(self, began: float, enough: Callable[[int], bool]) -> float:
        """Wait until enough run; seconds from there to when they first did."""
        return await self._found(began, lambda: [at for at, number in self._levels if at > began and enough(number)])

    async def _found(self, began: float, look: Callable[[], list[float]]) -> float:
        while True:
            self._stirred.clear()
            if found := look():
                return found[0] - began
            await self._stirred.wait()


class Daemon:
    """A Docker Engine."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, method: str, path: str, body: object = None, **query: str) -> Answer:
        """Ask it; the answer, None without one."""
        async with self._session.request(method, path, json=body, params=query) as response:
            said = await response.read()
            gone = method == "DELETE" and response.status in GONE
            assert response.ok or gone, f"{method} {path}: {said.decode()}"
            return json.loads(said) if said else None

    async def run(self) -> str:
        """Create a container as our agent would, and start it; its id."""
        log = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
        limits = {"NetworkMode": "bridge", "Memory": MEMORY_MIB << 20, "LogConfig": log}
        body = {"Image": docker_engine.IMAGE, "Cmd": COMMAND, "Labels": {LABEL: "floor"}, "HostConfig": limits}
        container: str = (await self.call("POST", "/containers/create", body))["Id"]
        await self.call("POST", f"/containers/{container}/start")
        return container

    async def stop(self, container: str) -> None:
        """Stop it in order."""
        await self.call("POST", f"/containers/{container}/stop", t=str(GRACE_SECONDS))

    async def kill(self, container: str) -> None:
        """Kill it."""
        await self.call("POST", f"/containers/{container}/kill")

    async def remove(self, container: str) -> None:
        """Remove it, whatever it does."""
        await self.call("DELETE", f"/containers/{container}", force="1", v="1")

    async def sweep(self) -> None:
        """Remove all containers made for benchmarks."""
        found = await self.call("GET", "/containers/json", all="1", filters=json.dumps({"label": [LABEL]}))
        await at_once([each["Id"] for each in found], self.remove)

    async def watch(self, seen: Seen) -> None:
        """Note what containers made for benchmarks do, for ever."""
        async for event in self.events(type=["container"], event=list(KINDS), label=[LABEL]):
            seen.note(KINDS[event["Action"]], event["Actor"]["ID"])

    async def events(self, **filters: list[str]) -> AsyncIterator[Answer]:
        """Follow its events."""
        limit = aiohttp.ClientTimeout(total=None)
        async with self._session.get("/events", params={"filters": json.dumps(filters)}, timeout=limit) as response:
            async for line in response.content:
                yield json.loads(line)


@asynccontextmanager
async def opened() -> AsyncIterator[Daemon]:
    """Open the daemon for the length of a block."""
    connector = aiohttp.UnixConnector(docker_engine.socket_path())
    async with aiohttp.ClientSession(connector=connector, base_url="http://docker") as session:
        yield Daemon(session)


async def at_once(items: Iterable[str], do: Callable[[str], Awaitable[None]], number: int = CONCURRENCY) -> None:
    """Do something to each, so many at a time."""
    waiting = iter(items)

    async def one_by_one() -> None:
        for each in waiting:
            await do(each)

    async with asyncio.TaskGroup() as group:
        for index in range(number):
            group.create_task(one_by_one(), name=f"hand {index}")


def sweep() -> None:
    """Remove all containers made for benchmarks; for the very end, also of one that is interrupted."""
    query = urlencode({"all": "1", "filters": json.dumps({"label": [LABEL]})})
    for each in json.loads(docker_engine.request("GET", f"/containers/json?{query}")[1]):
        docker_engine.request("DELETE", f"/containers/{each['Id']}?force=1&v=1")
