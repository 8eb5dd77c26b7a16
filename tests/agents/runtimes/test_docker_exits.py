"""Exits: first processes of containers as this host's kernel tells of them; here they are processes of this test."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.docker.exits import Exits
from quarterdeck.agents.runtimes.port import Exiting
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX

LABELS = {"task": "t"}


@asynccontextmanager
async def process(proc: Path, container: str) -> AsyncIterator[Process]:
    """Have a process that the kernel says is a container's."""
    made = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    folder = proc / str(made.pid)
    folder.mkdir()
    (folder / "cgroup").write_text(f"0::/docker/{container}\n")
    try:
        yield made
    finally:
        if made.returncode is None:
            made.kill()
        await made.wait()


async def first(exits: Exits, labels: dict[str, str], *ends: Process) -> Exiting | None:
    """What is told first of these processes, which are killed one after the other."""

    async def end() -> None:
        for each in ends:
            each.kill()
            await each.wait()

    async with asyncio.timeout(WAIT_SECONDS_MAX), asyncio.TaskGroup() as group, aclosing(exits.follow(labels)) as told:
        group.create_task(end(), name="end")
        return await anext(told, None)


@asynccontextmanager
async def watching(proc: Path, one: str, other: str) -> AsyncIterator[tuple[Exits, Process, Process]]:
    """Have two containers' processes, and nothing watched yet."""
    exits = Exits(proc)
    try:
        async with process(proc, one) as first_process, process(proc, other) as second_process:
            yield exits, first_process, second_process
    finally:
        exits.close()


async def test_a_container_is_told_of_when_its_first_process_ends(tmp_path: Path) -> None:
    async with watching(tmp_path, "c1", "c2") as (exits, one, other):
        exits.watch("c1", one.pid, LABELS)
        exits.watch("c2", other.pid, LABELS)
        exits.watch("c2", other.pid, LABELS)
        assert await first(exits, {}, other) == Exiting("c2", LABELS)
        assert await first(exits, LABELS, one) == Exiting("c1", LABELS)


async def test_a_process_that_is_none_of_the_containers_is_not_watched(tmp_path: Path) -> None:
    async with watching(tmp_path, "c1", "c2") as (exits, one, other):
        exits.watch("c3", one.pid, LABELS)
        exits.watch("c2", other.pid, LABELS)
        assert await first(exits, {}, one, other) == Exiting("c2", LABELS)


async def test_a_later_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    async with watching(tmp_path, "c1", "c1") as (exits, one, later):
        exits.watch("c1", one.pid, {"run": "1"})
        exits.watch("c1", later.pid, {"run": "2"})
        assert await first(exits, {}, one, later) == Exiting("c1", {"run": "2"})


@pytest.mark.parametrize("labels", [{"task": "other"}, {"colour": "red"}])
async def test_only_what_carries_the_labels_is_told(tmp_path: Path, labels: dict[str, str]) -> None:
    async with watching(tmp_path, "c1", "c2") as (exits, one, other):
        exits.watch("c1", one.pid, LABELS)
        exits.watch("c2", other.pid, labels)
        assert await first(exits, labels, one, other) == Exiting("c2", labels)


async def test_a_process_that_is_gone_is_no_error(tmp_path: Path) -> None:
    exits = Exits(tmp_path)
    async with process(tmp_path, "c1") as one:
        one.kill()
        await one.wait()
        exits.watch("c1", one.pid, LABELS)
    exits.close()
    assert [each async for each in exits.follow({})] == []
