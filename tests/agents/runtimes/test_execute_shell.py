"""What a command in a real container has: its environment, a terminal with a size, and no life after its session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from quarterdeck.agents.runtimes.execution import Execution
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.runtimes.process.execution import execute
from quarterdeck.events.session import Terminal
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX, DockerCase, ProcessCase, Shell
from tests.agents.runtimes.conftest import swept


@pytest_asyncio.fixture(params=["process", pytest.param("docker", marks=pytest.mark.docker)])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DockerCase | ProcessCase]:
    made: DockerCase | ProcessCase = ProcessCase(tmp_path)
    if request.param == "docker":
        made = DockerCase(tmp_path, request.getfixturevalue("busybox_image"))
    yield made
    await swept(made)


async def running(case: Shell, runtime: Runtime) -> str:
    container_id = await runtime.create(case.spec("runs", case.forever, environment={"WORD": "told"}))
    await runtime.start(container_id)
    return container_id


async def reads(execution: Execution, text: str) -> str:
    """What comes, up to a text."""
    found = ""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        async for each in execution.output():
            found += each.data.decode()
            if text in found:
                return found
    raise AssertionError(f"{text!r} did not come, but {found!r}")


async def test_it_has_the_containers_environment_and_place(runtime: Runtime, case: Shell) -> None:
    command = ("sh", "-c", "echo $WORD; pwd > $READY.place; echo done")
    execution = await runtime.execute(await running(case, runtime), command, None)
    assert await reads(execution, "done") == "told\ndone\n"
    await execution.close()


async def test_a_terminal_has_a_type_and_a_size_that_changes_and_passes_ctrl_c_on(
    runtime: Runtime, case: Shell
) -> None:
    terminal = Terminal(rows=31, columns=97, type="vt220")
    # Docker gives the size a moment after the start.
    first = "until stty size 2>/dev/null | grep -v ^0; do :; done"
    script = f"{first}; trap 'stty size' WINCH; echo $TERM; while :; do sleep 0.05; done"
    execution = await runtime.execute(await running(case, runtime), ("sh", "-c", script), terminal)
    assert "31 97" in await reads(execution, "vt220")
    await execution.resize(12, 34)
    await reads(execution, "12 34")
    await execution.write(b"\x03")
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        assert await execution.exit_code() == 130
    await execution.close()


async def test_what_was_begun_ends_with_its_session(runtime: Runtime, case: Shell) -> None:
    script = "trap '' HUP; : > $READY; while [ -e $READY ]; do : > $READY.alive; sleep 0.05; done"
    container_id = await running(case, runtime)
    execution = await runtime.execute(container_id, ("sh", "-c", script), Terminal())
    await case.ready()
    await execution.close()
    alive = case.folder / "ready.alive"
    alive.unlink(missing_ok=True)
    check = await runtime.execute(container_id, ("sh", "-c", "sleep 0.2; ls $READY.alive; echo looked"), None)
    assert "\nready.alive" not in await reads(check, "looked")
    assert not alive.exists()
    await check.close()


async def test_output_waits_for_who_reads_it(runtime: Runtime, case: Shell) -> None:
    command = ("sh", "-c", "dd if=/dev/zero bs=65536 count=64 2>/dev/null; : > $READY")
    execution = await runtime.execute(await running(case, runtime), command, None)
    size = 0
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        async for each in execution.output():
            assert size or not (case.folder / "ready").exists(), "4 MiB fit nowhere on the way"
            size += len(each.data)
    assert (size, await execution.exit_code()) == (64 * 65536, 0)
    await execution.close()


async def test_a_command_that_has_ended_before_it_is_looked_at_gives_what_it_wrote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = asyncio.create_subprocess_exec

    async def begun_and_ended(*command: str, **options: Any) -> asyncio.subprocess.Process:
        process = await begin(*command, **options)
        await process.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begun_and_ended)
    execution = await execute(("sh", "-c", "echo told; exit 7"), None)
    assert [each.data async for each in execution.output()] == [b"told\n"]
    assert await execution.exit_code() == 7
    await execution.close()
