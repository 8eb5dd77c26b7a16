"""What a daemon answers that took over from a killed one: a daemon of values, as no real one can be brought to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.docker.runtime import ALREADY
from quarterdeck.agents.runtimes.errors import CannotStartContainerError

NEVER = "0001-01-01T00:00:00Z"
ID = "c0de" * 16


@asynccontextmanager
async def served(folder: Path, app: web.Application) -> AsyncIterator[DockerRuntime]:
    """A runtime whose daemon is this."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "docker.sock")).start()
    runtime = DockerRuntime(str(folder / "docker.sock"))
    try:
        yield runtime
    finally:
        await runtime.close()
        await runner.cleanup()


async def started(folder: Path, refusal: str, **state: Any) -> str:
    """The state of a container whose start is refused with these words, and that is found like this."""
    found = {"Id": ID, "Name": "/n", "Image": "i", "Created": "2026-01-01T00:00:05Z", "Config": {"Image": "i"}}
    found |= {"State": {"ExitCode": 0, "StartedAt": NEVER, "FinishedAt": NEVER, **state}}
    found |= {"HostConfig": {}, "NetworkSettings": {}}

    async def start(_: web.Request) -> web.Response:
        return web.json_response({"message": refusal}, status=500)

    async def inspect(_: web.Request) -> web.Response:
        return web.json_response(found)

    async def image(_: web.Request) -> web.Response:
        return web.json_response({"message": "No such image"}, status=404)

    app = web.Application()
    app.router.add_post(f"/containers/{ID}/start", start)
    app.router.add_get(f"/containers/{ID}/json", inspect)
    app.router.add_get("/images/{name:.*}/json", image)
    async with served(folder, app) as runtime:
        return (await runtime.start(ID)).state


@pytest.mark.parametrize("words", ALREADY)
async def test_a_start_that_was_carried_out_for_a_killed_daemon_is_taken(tmp_path: Path, words: str) -> None:
    assert await started(tmp_path, f"task 1{words}", Status="running") == "running"


async def test_what_has_run_for_a_killed_daemon_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(CannotStartContainerError, match="id already in use"):
        await started(tmp_path, "id already in use", Status="created", FinishedAt="2026-01-01T00:00:09Z")


async def test_any_other_refusal_stands(tmp_path: Path) -> None:
    with pytest.raises(CannotStartContainerError, match="no such device"):
        await started(tmp_path, "no such device", Status="running")


async def test_a_container_that_docker_lists_and_can_not_show_does_not_hide_the_others(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"Id": "broken", "Names": ["/b"], "Image": "i", "Labels": {"a": "b"}, "State": "dead", "Created": 7},
        {"Id": "gone", "Names": ["/g"], "Image": "i", "State": "exited", "Created": 7},
        {"Id": "odd", "Names": ["/o"], "Image": "i", "State": "running", "Created": 9},
    ]

    async def listed(_: web.Request) -> web.Response:
        return web.json_response(rows)

    async def inspect(request: web.Request) -> web.Response:
        if request.match_info["id"] == "gone":
            return web.json_response({"message": "No such container: gone"}, status=404)
        return web.json_response({"message": "RWLayer of container is unexpectedly nil"}, status=500)

    app = web.Application()
    app.router.add_get("/containers/json", listed)
    app.router.add_get("/containers/{id}/json", inspect)
    async with served(tmp_path, app) as runtime:
        found = await runtime.list({})
    assert [(each.name, each.state, each.labels, each.created_at) for each in found] == [
        ("b", "exited", {"a": "b"}, 7.0),
        ("o", "running", {}, 9.0),
    ]
