"""The endpoints over HTTP, on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from quarterdeck.agents.endpoints.engine import Engine
from quarterdeck.agents.endpoints.paths import Paths, load, path_of, save
from quarterdeck.agents.endpoints.rate import Bucket
from quarterdeck.agents.endpoints.server import Endpoints
from quarterdeck.agents.home import Home
from quarterdeck.agents.link import Answer, Refused
from quarterdeck.agents.reporter import Tokens
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.task import Task, observe
from quarterdeck.events import shapes
from quarterdeck.events.names import parse_arn
from tests.agents.endpoints.test_documents import planned, running
from tests.agents.world import INSTANCE, NAMESPACE, FakeEngine, FakeLink, ManualClock


class AnsweringLink(FakeLink):
    """An engine that has one tag for each resource, and protects tasks with minutes."""

    async def call(
        self, cluster: str, operation: str, request: msgspec.Struct, answer: type[Answer], command: str
    ) -> Answer:
        found: msgspec.Struct
        match request:
            case shapes.ListTagsForResourceRequest():
                kind = (request.resource_arn or "").split(":")[5].partition("/")[0]
                found = shapes.ListTagsForResourceResponse(tags=[shapes.Tag(key="of", value=kind)])
            case shapes.UpdateTaskProtectionRequest(expires_in_minutes=None):
                raise Refused("InvalidParameterException", "no minutes")
            case shapes.UpdateTaskProtectionRequest():
                told = shapes.ProtectedTask(protection_enabled=request.protection_enabled, expiration_date=7.0)
                found = shapes.UpdateTaskProtectionResponse(protected_tasks=[told])
            case _:
                failure = shapes.Failure(arn="task", reason="TASK_NOT_VALID")
                found = shapes.GetTaskProtectionResponse(protected_tasks=[], failures=[failure])
        assert isinstance(found, answer)
        return found


class Figures:
    """What a container uses, always the same."""

    async def of(self, container_id: str) -> dict[str, Any]:
        return {"id": container_id, "cpu_stats": {}}


@asynccontextmanager
async def served(folder: Path, tasks: dict[str, Task]) -> AsyncIterator[tuple[Endpoints, aiohttp.ClientSession]]:
    clock = ManualClock()
    instance = parse_arn(NAMESPACE.container_instance_arn("moon", INSTANCE))
    assert instance is not None
    endpoints = Endpoints(
        instance,
        tasks,
        SimulatedRuntime(SimulatedHost(clock)),
        Figures(),
        Engine(instance, Home(AnsweringLink(FakeEngine()), "moon", INSTANCE, "s"), Tokens("s")),
        clock,
        folder=folder,
        key="secret",
        zone="us-east-1a",
        version="1",
        introspection_port=0,
    )
    serving = asyncio.get_running_loop().create_task(endpoints.run(), name="endpoints")
    try:
        async with asyncio.timeout(5):
            await endpoints.known.wait()
        async with aiohttp.ClientSession() as session:
            yield endpoints, session
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def test_a_container_reads_itself_its_task_and_what_they_use(tmp_path: Path) -> None:
    task = planned()
    observe(task, "app", running(task, "app"))
    async with served(tmp_path, {task.id: task}) as (endpoints, session):
        uri = endpoints.uri(task.id, "app", "127.0.0.1")
        read = {path: await (await session.get(uri + path)).json() for path in ("", "/task", "/stats", "/task/stats")}
    assert read[""]["Name"] == "app"
    assert read["/task"]["TaskARN"] == task.arn
    assert read["/stats"] == {"id": "id-app", "cpu_stats": {}}
    assert list(read["/task/stats"]) == ["id-app"]


async def test_a_container_asks_the_engine_for_its_tags_and_the_protection_of_its_task(tmp_path: Path) -> None:
    task = planned()
    async with served(tmp_path, {task.id: task}) as (endpoints, session):
        uri = endpoints.uri(task.id, "app", "127.0.0.1")
        tagged = await (await session.get(f"{uri}/taskWithTags")).json()
        assert (tagged["TaskTags"], tagged["ContainerInstanceTags"]) == ({"of": "task"}, {"of": "container-instance"})
        state = endpoints.uri(task.id, "app", "127.0.0.1", "api") + "/task-protection/v1/state"
        wanted = {"ProtectionEnabled": True, "ExpiresInMinutes": 5}
        answer = await (await session.put(state, json=wanted)).json()
        expected = {"ProtectionEnabled": True, "TaskArn": task.arn, "ExpirationDate": "1970-01-01T00:00:07.000000Z"}
        assert answer == {"protection": expected}
        refused = await session.put(state, json={"ProtectionEnabled": True})
        assert (refused.status, (await refused.json())["error"]["Code"]) == (400, "InvalidParameterException")
        assert (await session.put(state, data="nonsense")).status == 400
        assert (await (await session.get(state)).json())["failure"]["Reason"] == "TASK_NOT_VALID"


async def test_who_does_not_know_the_path_learns_nothing(tmp_path: Path) -> None:
    task = planned()
    async with served(tmp_path, {task.id: task}) as (endpoints, session):
        uri = endpoints.uri(task.id, "app", "127.0.0.1")
        guessed = uri[:-1] + ("0" if uri[-1] != "0" else "1")
        for wrong in (guessed, uri.rpartition("/")[0] + "/app", uri + "/credentials"):
            assert (await session.get(wrong)).status == 404


async def test_the_host_sees_the_agent_and_all_its_tasks(tmp_path: Path) -> None:
    task = planned()
    async with served(tmp_path, {task.id: task}) as (endpoints, session):
        base = endpoints.uri("", "", "127.0.0.1").partition("/v4/")[0]
        metadata = await (await session.get(f"{base}/v1/metadata")).json()
        assert metadata == {
            "Cluster": "moon",
            "ContainerInstanceArn": NAMESPACE.container_instance_arn("moon", INSTANCE),
            "Version": "Quarterdeck agent - v1",
        }
        everything = await (await session.get(f"{base}/v1/tasks")).json()
        assert [each["Arn"] for each in everything["Tasks"]] == [task.arn]
        one = await (await session.get(f"{base}/v1/tasks", params={"taskarn": task.arn})).json()
        assert one["Family"] == "web"
        assert (await session.get(f"{base}/v1/tasks", params={"dockerid": "none"})).status == 404


async def test_more_than_the_agent_answers_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path, {}) as (endpoints, session):
        uri = endpoints.uri("", "", "127.0.0.1")
        statuses = [(await session.get(uri)).status for _ in range(61)]
    assert (statuses[0], statuses[-1]) == (404, 429)


async def test_port_and_paths_are_the_same_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, {}) as (endpoints, _):
        before = endpoints.uri("task", "app", "127.0.0.1")
    async with served(tmp_path, {}) as (endpoints, _):
        assert endpoints.uri("task", "app", "127.0.0.1") == before
    assert load(tmp_path, "other").key == "secret"


def test_a_key_that_can_not_be_read_is_made_anew(tmp_path: Path) -> None:
    save(tmp_path, load(None, "first"))
    assert load(tmp_path, "second").key == "first"
    (tmp_path / "endpoints.json").write_text("nonsense")
    assert load(tmp_path, "second").key == "second"


def test_a_path_is_a_containers_alone_and_ends_with_its_task() -> None:
    task = planned()
    tasks = {task.id: task}
    paths = Paths("key", tasks)
    assert paths.find(path_of("key", task.id, "side")) == (task, "side")
    assert paths.find(path_of("other", task.id, "side")) is None
    del tasks[task.id]
    assert paths.find(path_of("key", task.id, "side")) is None


@pytest.mark.parametrize(("pause", "more"), [(0.0, 0), (0.5, 1), (10.0, 2)])
def test_a_bucket_fills_up_to_its_size(pause: float, more: int) -> None:
    bucket = Bucket(2.0, 2.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100.0 + pause) for _ in range(3)] == [True] * more + [False] * (3 - more)
