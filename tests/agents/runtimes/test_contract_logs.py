"""The contract of logs: what a container wrote, stream by stream, with its times, while it runs and after."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from quarterdeck.agents.runtimes.errors import ContainerGone
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.events.session import LogLine, LogQuery
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX, RuntimeCase, exited

LINES = (("stdout", "one"), ("stderr", "two"), ("stdout", "three"), ("stdout", "four"))


async def read(runtime: Runtime, container_id: str, **query: object) -> list[LogLine]:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        found = runtime.logs(container_id, LogQuery(**query))  # type: ignore[arg-type]
        return [line async for batch in found for line in batch]


def said(lines: list[LogLine]) -> list[tuple[str, str]]:
    return [(line.stream, line.data.decode()) for line in lines]


async def test_streams_are_kept_apart_in_order_and_with_times(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("says", case.says(*LINES)))
    started = await runtime.start(container_id)
    ended = await exited(runtime, container_id)
    lines = await read(runtime, container_id)
    assert said(lines) == [(stream, f"{text}\n") for stream, text in LINES]
    times = [line.at for line in lines]
    assert times == sorted(times)
    assert len(set(times)) == len(times)
    assert started.started_at is not None
    assert ended.finished_at is not None
    assert started.started_at - 1 <= times[0] / 1e9 <= times[-1] / 1e9 <= ended.finished_at + 1


async def test_lines_are_picked_by_time_and_from_the_end(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("picked", case.says(*LINES)))
    await runtime.start(container_id)
    await exited(runtime, container_id)
    every = await read(runtime, container_id)
    times = [line.at for line in every]
    assert await read(runtime, container_id, since=times[1]) == every[1:]
    assert await read(runtime, container_id, until=times[3]) == every[:3]
    assert await read(runtime, container_id, tail=2) == every[2:]
    assert await read(runtime, container_id, tail=0) == []
    assert await read(runtime, container_id, tail=1, until=times[3]) == [every[2]]
    assert await read(runtime, container_id, tail=9, since=times[2]) == every[2:]


async def test_followed_logs_end_with_the_container(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("follows", case.says(*LINES)))
    await runtime.start(container_id)
    lines = await read(runtime, container_id, follow=True)
    assert said(lines) == [(stream, f"{text}\n") for stream, text in LINES]
    assert lines == await read(runtime, container_id)
    assert await read(runtime, container_id, follow=True, tail=1) == lines[-1:]


async def test_what_is_written_is_there_while_the_container_runs(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("runs", case.says(("stdout", "hello"), ends=False)))
    await runtime.start(container_id)
    async with asyncio.timeout(WAIT_SECONDS_MAX), aclosing(runtime.logs(container_id, LogQuery(follow=True))) as found:
        assert said(await anext(found)) == [("stdout", "hello\n")]
    assert said(await read(runtime, container_id)) == [("stdout", "hello\n")]
    assert (await runtime.inspect(container_id)).state == "running"


async def test_logs_go_on_over_a_restart_of_the_container(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("again", case.says(("stdout", "here"))))
    for _ in range(2):
        await runtime.start(container_id)
        await exited(runtime, container_id)
    assert said(await read(runtime, container_id)) == [("stdout", "here\n")] * 2


async def test_what_never_started_has_written_nothing(case: RuntimeCase, runtime: Runtime) -> None:
    assert await read(runtime, await runtime.create(case.spec("silent", case.forever))) == []


async def test_what_is_gone_has_no_logs(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("gone", case.forever))
    await runtime.remove(container_id)
    with pytest.raises(ContainerGone):
        await read(runtime, container_id)
