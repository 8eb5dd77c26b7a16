"""The contract of following: a Resync first, then a hint for whatever happens to the containers one looks at."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from quarterdeck.agents.runtimes.errors import ContainerGone
from quarterdeck.agents.runtimes.port import Resync, Runtime
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX, RuntimeCase, exited, next_change


async def test_a_kill_behind_the_agents_back_is_seen(case: RuntimeCase, runtime: Runtime) -> None:
    async with aclosing(runtime.follow(case.labels)) as changes:
        assert await anext(changes) == Resync()
        spec = case.spec("killed", case.forever)
        running = await runtime.start(await runtime.create(spec))
        assert (await next_change(changes, running.id)).labels == spec.labels
        await case.kill(running)
        while (await runtime.inspect(running.id)).state == "running":
            await next_change(changes, running.id)
        ended = await runtime.inspect(running.id)
        assert (ended.state, ended.exit_code) == ("exited", 137)


async def test_an_end_by_itself_is_seen(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("ends", case.exits(3)))
    async with aclosing(runtime.follow(case.labels)) as changes:
        assert await anext(changes) == Resync()
        await runtime.start(container_id)
        while (await runtime.inspect(container_id)).state != "exited":
            await next_change(changes, container_id)


async def test_a_removal_is_seen(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("removed", case.forever))
    async with aclosing(runtime.follow(case.labels)) as changes:
        assert await anext(changes) == Resync()
        await runtime.remove(container_id)
        await next_change(changes, container_id)
    with pytest.raises(ContainerGone):
        await runtime.inspect(container_id)


async def test_what_was_adopted_is_followed(case: RuntimeCase, runtime: Runtime) -> None:
    running = await runtime.start(await runtime.create(case.spec("adopted", case.forever)))
    await runtime.close()
    after = case.open()
    async with aclosing(after.follow(case.labels)) as changes:
        assert await anext(changes) == Resync()
        await case.kill(running)
        await next_change(changes, running.id)
        assert (await exited(after, running.id)).exit_code == 137
    await after.close()


async def test_containers_with_other_labels_are_not_followed(case: RuntimeCase, runtime: Runtime) -> None:
    other = await runtime.create(case.spec("other", case.forever, labels={"colour": "red"}))
    ours = await runtime.create(case.spec("ours", case.forever, labels={"colour": "blue"}))
    async with aclosing(runtime.follow({**case.labels, "colour": "blue"})) as changes:
        assert await anext(changes) == Resync()
        await runtime.start(other)
        await runtime.start(ours)
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            first = await anext(changes)
        assert first != Resync()
        assert getattr(first, "id", None) == ours


async def test_followers_end_with_the_runtime(case: RuntimeCase, runtime: Runtime) -> None:
    seen = []

    async def follow() -> None:
        async with aclosing(runtime.follow(case.labels)) as changes:
            async for item in changes:
                seen.append(item)
                started.set()

    started = asyncio.Event()
    async with asyncio.timeout(WAIT_SECONDS_MAX), asyncio.TaskGroup() as group:
        group.create_task(follow(), name="follower")
        await started.wait()
        await runtime.close()
    assert seen == [Resync()]
