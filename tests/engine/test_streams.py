"""The library's logs and commands: read in order, followed over replacements, from tasks that are gone, or refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import quarterdeck
from quarterdeck.engine import task_logs
from quarterdeck.engine.core.errors import (
    InvalidParameterException,
    Refusal,
    ServerException,
    TargetNotConnectedException,
)
from quarterdeck.engine.embedded import Embedded
from quarterdeck.engine.remote import connect
from quarterdeck.engine.running import SERVER
from quarterdeck.engine.task_logs import Line
from quarterdeck.events.log import channel
from quarterdeck.events.session import Terminal
from tests.engine.up_process import alive, until

OPERATOR_CREDS = Path(SERVER) / "creds" / "operator.creds"
TALKS = "for i in 1 2 3; do echo out $i; echo err $i >&2; done; sleep 1000"


@asynccontextmanager
async def engine(script: str = TALKS, **options: Any) -> AsyncIterator[Embedded]:
    """An engine whose family ``web`` runs a script as host processes."""
    async with quarterdeck.embedded(**{"memory": True, "runtime": "process", "instances": 1, **options}) as qd:
        await qd.register_task_definition(
            family="web",
            container_definitions=[{"name": "web", "image": "x", "memory": 16, "command": ["sh", "-c", script]}],
        )
        yield qd
        await emptied(qd)


async def emptied(qd: Embedded) -> None:
    """Stop all: host processes would go on."""
    for each in (await qd.list_services()).service_arns or []:
        await qd.delete_service(service=each, force=True)
    for each in (await qd.list_tasks()).task_arns or []:
        await qd.stop_task(task=each)

    async def stopped() -> bool:
        arns = (await qd.list_tasks(desired_status="STOPPED")).task_arns
        tasks = (await qd.describe_tasks(tasks=arns)).tasks if arns else []
        return all(each.last_status == "STOPPED" for each in tasks or [])

    await until(stopped)


async def task_of(qd: Embedded) -> str:
    """A task that runs."""
    (task,) = (await qd.run_task(task_definition="web", enable_execute_command=True)).tasks or []
    arn = task.task_arn or ""

    async def runs() -> bool:
        return ((await qd.describe_tasks(tasks=[arn])).tasks or [])[0].last_status == "RUNNING"

    await until(runs)
    return arn


async def read(qd: Embedded, **asked: Any) -> list[Line]:
    async with asyncio.timeout(20):
        return [line async for line in qd.logs(**asked)]


async def some(qd: Embedded, count: int, **asked: Any) -> list[Line]:
    """The first lines of those that are followed."""
    found: list[Line] = []
    async with asyncio.timeout(20), aclosing(qd.logs(follow=True, **asked)) as lines:
        async for line in lines:
            found.append(line)
            if len(found) == count:
                break
    return found


async def test_a_task_s_lines_have_their_stream_time_and_container() -> None:
    async with engine() as qd:
        arn = await task_of(qd)
        lines = await some(qd, 6, task=arn)
        assert {(line.task, line.container) for line in lines} == {(arn.rpartition("/")[2], "web")}
        assert [line.text for line in lines if line.stream == "stdout"] == ["out 1", "out 2", "out 3"]
        assert [line.text for line in lines if line.stream == "stderr"] == ["err 1", "err 2", "err 3"]
        assert lines == sorted(lines, key=lambda line: line.at)
        assert await read(qd, task=arn, tail=2) == lines[-2:]
        assert await read(qd, task=arn, since=lines[3].at / 1e9 - 1, until=lines[0].at / 1e9 - 1) == []


async def test_a_service_s_follower_sees_the_replacement_and_the_task_it_replaced() -> None:
    async with engine("echo begun; sleep 1000") as qd:
        await qd.create_service(service_name="web", task_definition="web", desired_count=1)
        (first,) = await some(qd, 1, service="web")
        async with asyncio.timeout(20), aclosing(qd.logs(service="web", follow=True)) as lines:
            assert await anext(lines) == first
            await qd.stop_task(task=first.task)
            second = await anext(lines)
        assert second.text == "begun"
        assert second.task != first.task
        assert await read(qd, service="web") == [first, second]


async def test_an_agent_that_is_away_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_logs, "AGAIN_SECONDS", 0.01)
    async with engine() as qd:
        arn = await task_of(qd)
        await some(qd, 6, task=arn)
        await qd.instances[0].stop()
        with pytest.raises(ServerException, match=r"whose agent does not answer since \d{4}.*when it is back"):
            await read(qd, task=arn)
        told: list[tuple[str, Refusal]] = []
        assert await read(qd, task=arn, problem=lambda *each: told.append(each)) == []
        assert [where for where, _ in told] == [f"{arn.rpartition('/')[2]}/web"]
        await qd.instances[0].start()
        assert len(await read(qd, task=arn)) == 6


async def test_a_follower_is_told_each_time_an_agent_is_away_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_logs, "AGAIN_SECONDS", 0.01)
    told: list[str] = []
    async with engine("n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done") as qd:
        arn = await task_of(qd)
        instance = qd.instances[0]

        async def told_of(times: int) -> bool:
            return len(told) == times

        followed = qd.logs(task=arn, follow=True, problem=lambda where, _: told.append(where))
        async with asyncio.timeout(30), aclosing(followed) as lines:
            for times in (1, 2, 3):
                begun = time.time_ns()  # noqa: TID251 - when lines were written is told by the machine's clock
                while (await anext(lines)).at < begun:
                    pass
                await instance.stop()
                await until(partial(told_of, times))
                await instance.start()


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"task": "f" * 32}, "task was not found"),
        ({"container": "db"}, "container db was not found in the task: it has"),
    ],
)
async def test_what_is_not_there_is_refused(asked: dict[str, str], text: str) -> None:
    async with engine() as qd:
        arn = await task_of(qd)
        with pytest.raises(InvalidParameterException, match=text):
            await read(qd, **{"task": arn, **asked})


async def test_a_command_has_input_output_and_an_exit_code() -> None:
    async with engine() as qd:
        arn = await task_of(qd)
        script = ["sh", "-c", "cat; echo done >&2; exit 5"]
        async with asyncio.timeout(20), qd.execute(task=arn, command=script) as session:
            await session.write(b"one " * 20_000)
            await session.end_input()
            found = {"stdout": b"", "stderr": b""}
            async for each in session.output():
                found[each.stream] += each.data
        assert found == {"stdout": b"one " * 20_000, "stderr": b"done\n"}
        assert session.exit_code == 5


async def test_a_command_ends_with_its_session() -> None:
    async with engine() as qd:
        arn = await task_of(qd)
        told = ""
        async with asyncio.timeout(20), qd.execute(task=arn, command="sh -c 'echo $$; sleep 999'") as session:
            async for each in session.output():
                told += each.data.decode()
                if "\n" in told:
                    break
        async with asyncio.timeout(20), qd.execute(task=arn, command=f"kill -0 {told}") as session:
            async for _ in session.output():
                pass
        assert session.exit_code != 0


async def test_a_command_that_reads_nothing_ends_when_its_client_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(channel, "SILENCE_SECONDS_MAX", 0.5)
    async with engine() as qd:
        arn = await task_of(qd)
        async with (
            asyncio.timeout(20),
            qd.execute(task=arn, command=["sh", "-c", "echo $$; exec sleep 999"]) as session,
        ):
            pid = int((await anext(session.output())).data)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await session.write(bytes(10_000_000))
            assert alive(pid)

        async def ended() -> bool:
            return not alive(pid)

        await until(ended)


async def test_a_terminal_is_resized() -> None:
    async with engine() as qd:
        arn = await task_of(qd)
        command = ["sh", "-c", "stty size; read x; stty size"]
        async with asyncio.timeout(20), qd.execute(task=arn, command=command, terminal=Terminal(7, 70)) as session:
            told = ""
            async for each in session.output():
                told += each.data.decode()
                if told == "7 70\r\n":
                    await session.resize(8, 80)
                    await session.write(b"\n")
        assert told.split() == ["7", "70", "8", "80"]


async def test_a_command_in_a_task_run_without_it_is_refused() -> None:
    async with engine() as qd:
        await qd.run_task(task_definition="web")
        (arn,) = (await qd.list_tasks()).task_arns or []
        with pytest.raises(InvalidParameterException, match="execute command was not enabled"):
            async with qd.execute(task=arn, command="ls"):
                pass


@pytest.mark.nats
async def test_others_read_and_execute_over_nats_and_are_told_since_when_an_agent_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_logs, "AGAIN_SECONDS", 0.01)
    async with engine("for i in $(seq 20000); do echo line $i; done; sleep 1000", memory=False, data=tmp_path) as qd:
        arn = await task_of(qd)
        async with await connect(qd.nats, creds=tmp_path / OPERATOR_CREDS) as other:
            await some(qd, 20_000, task=arn)
            assert [line.text async for line in other.logs(task=arn)] == [f"line {n}" for n in range(1, 20_001)]
            async with other.execute(task=arn, command=["sh", "-c", "echo hi; cat"]) as session:
                await session.end_input()
                assert b"".join([each.data async for each in session.output()]) == b"hi\n"
            assert session.exit_code == 0
            await qd.instances[0].stop()
            (instance,) = (await qd.list_container_instances()).container_instance_arns or []
            async with asyncio.timeout(10):  # the feed says since when, and lags while there is more urgent work
                while await other.away_since("default", instance.rpartition("/")[2]) is None:
                    await asyncio.sleep(0.02)
            with pytest.raises(ServerException, match="whose agent does not answer since 20"):
                async for _ in other.logs(task=arn):
                    pass
            with pytest.raises(TargetNotConnectedException, match="is not connected"):
                async with other.execute(task=arn, command="ls"):
                    pass
        await qd.instances[0].start()
