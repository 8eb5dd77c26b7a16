"""The contract of commands run in containers: streams apart, input, exit code, and an end when nobody wants it."""

from __future__ import annotations

import asyncio

import pytest

from quarterdeck.agents.runtimes.errors import CannotExecuteCommandError, ContainerGone
from quarterdeck.agents.runtimes.port import Execution, Runtime
from quarterdeck.events.session import Terminal
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX, RuntimeCase


async def running(case: RuntimeCase, runtime: Runtime) -> str:
    container_id = await runtime.create(case.spec("runs", case.forever, environment={"WORD": "told"}))
    await runtime.start(container_id)
    return container_id


async def output(execution: Execution) -> dict[str, str]:
    """All that it writes, by stream."""
    found: dict[str, str] = {}
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        async for each in execution.output():
            found[each.stream] = found.get(each.stream, "") + each.data.decode()
    return found


async def test_output_comes_by_stream_then_the_exit_code(case: RuntimeCase, runtime: Runtime) -> None:
    execution = await runtime.execute(await running(case, runtime), case.greet, None)
    assert await output(execution) == {"stdout": "out\n", "stderr": "err\n"}
    assert await execution.exit_code() == 3
    await execution.close()


async def test_it_reads_what_it_is_given_until_that_ends(case: RuntimeCase, runtime: Runtime) -> None:
    execution = await runtime.execute(await running(case, runtime), case.cat, None)
    found: list[dict[str, str]] = []

    async def read() -> None:
        found.append(await output(execution))

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        for word in (b"one\n", b"", b""):
            await execution.write(word)
    assert found == [{"stdout": "one\n"}]
    assert await execution.exit_code() == 0
    await execution.close()


async def test_one_that_nobody_wants_any_more_is_ended(case: RuntimeCase, runtime: Runtime) -> None:
    execution = await runtime.execute(await running(case, runtime), case.cat, Terminal())
    await execution.resize(10, 20)
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        await execution.close()


async def test_a_command_that_is_not_there_ends_with_126_or_127(case: RuntimeCase, runtime: Runtime) -> None:
    execution = await runtime.execute(await running(case, runtime), ("no-such-command",), None)
    said = await output(execution)
    assert "no-such-command" in "".join(said.values())
    assert await execution.exit_code() in {126, 127}
    await execution.close()


async def test_no_command_runs_where_no_container_does(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await running(case, runtime)
    await runtime.stop(container_id, 0)
    with pytest.raises(CannotExecuteCommandError, match="not running"):
        await runtime.execute(container_id, case.greet, None)
    await runtime.remove(container_id)
    with pytest.raises(ContainerGone):
        await runtime.execute(container_id, case.greet, None)
