"""Exits: first processes of containers as this host's kernel tells of them; here they are processes of this test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.docker.exits import Exits
from quarterdeck.agents.runtimes.port import Exiting
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX

LABELS = {"task": "t"}


@asynccontextmanager
async def process(proc: Path, container: str) -> AsyncIterator[asyncio.subprocess.Process]:
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


async def first(exits: Exits, ends: asyncio.subprocess.Process, labels: dict[str, str]) -> Exiting | None:
    """What is told first once a process is killed; None if nothing is until all is closed."""

    async def end() -> None:
        ends.kill()
        await ends.wait()

    async with asyncio.timeout(WAIT_SECONDS_MAX), asyncio.TaskGroup() as group, aclosing(exits.follow(labels)) as told:
        group.create_task(end(), name="end")
        return await anext(told, None)


async def test_a_container_is_told_of_when_its_first_process_ends(tmp_path: Path) -> None:
    exits = Exits(tmp_path)
    async with process(tmp_path, "c1") as one, process(tmp_path, "c2") as other:
        exits.watch("c1", one.pid, LABELS)
        exits.watch("c2", other.pid, LABELS)
        exits.watch("c2", other.pid, LABELS)
        assert await first(exits, other, {}) == Exiting("c2", LABELS)
        assert await first(exits, one, LABELS) == Exiting("c1", LABELS)
    exits.close()


async def test_a_process_that_is_none_of_the_containers_is_not_watched(tmp_path: Path) -> None:
    exits = Exits(tmp_path)
    async with process(tmp_path, "c1") as one, process(tmp_path, "c2") as other:
        exits.watch("c3", one.pid, LABELS)
        exits.watch("c2", other.pid, LABELS)
        one.kill()
        await one.wait()
        assert await first(exits, other, {}) == Exiting("c2", LABELS)
    exits.close()


async def test_a_later_run_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    exits = Exits(tmp_path)
    async with process(tmp_path, "c1") as one, process(tmp_path, "c1") as later:
        exits.watch("c1", one.pid, LABELS)
        exits.watch("c1", later.pid, LABELS)
        one.kill()
        await one.wait()
        assert await first(exits, later, {}) == Exiting("c1", LABELS)
    exits.close()


async def test_a_process_that_is_gone_is_no_error(tmp_path: Path) -> None:
    exits = Exits(tmp_path)
    async with process(tmp_path, "c1") as one:
        one.kill()
        await one.wait()
        exits.watch("c1", one.pid, LABELS)
    exits.close()
    assert [each async for each in exits.follow({})] == []


@pytest.mark.parametrize("labels", [{"task": "other"}, {"colour": "red"}])
async def test_only_what_carries_the_labels_is_told(tmp_path: Path, labels: dict[str, str]) -> None:
    exits = Exits(tmp_path)
    async with process(tmp_path, "c1") as one, process(tmp_path, "c2") as other:
        exits.watch("c1", one.pid, LABELS)
        exits.watch("c2", other.pid, labels)
        one.kill()
        await one.wait()
        assert await first(exits, other, labels) == Exiting("c2", labels)
    exits.close()
