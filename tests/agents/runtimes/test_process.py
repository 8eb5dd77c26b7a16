"""The process runtime's own: what a host process gets, and what becomes of it when its keepers are killed."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotExecuteCommandError,
    CannotRemoveContainerError,
    CannotStartContainerError,
    ContainerGone,
)
from quarterdeck.agents.runtimes.health import HealthCheck
from quarterdeck.agents.runtimes.options import Options
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, PortMapping, Resync, TaskBounds
from quarterdeck.agents.runtimes.process import ProcessRuntime, execution, launch, shim, supervision
from quarterdeck.agents.runtimes.process.store import LOST, Store
from quarterdeck.agents.runtimes.process.watch import Watch
from quarterdeck.events import records
from quarterdeck.events.session import LogQuery, Terminal
from tests.agents.runtimes.cases import ProcessCase, Program, eventually, exited, next_change
from tests.agents.runtimes.conftest import swept
from tests.agents.runtimes.test_contract_health import becomes


@pytest_asyncio.fixture
async def case(tmp_path: Path) -> AsyncIterator[ProcessCase]:
    made = ProcessCase(tmp_path)
    yield made
    await swept(made)


async def output(case: ProcessCase, runtime: ProcessRuntime, script: str, **fields: Any) -> str:
    """What a script prints."""
    container_id = await runtime.create(case.spec("prints", Program(("sh", "-c", script)), **fields))
    await runtime.start(container_id)
    await exited(runtime, container_id)
    return await written(runtime, container_id)


async def written(runtime: ProcessRuntime, container_id: str) -> str:
    lines = [line async for batch in runtime.logs(container_id, LogQuery()) for line in batch]
    return b"".join(line.data for line in lines if line.stream == "stdout").decode()


async def test_the_environment_is_the_specs_and_a_path(case: ProcessCase, runtime: ProcessRuntime) -> None:
    printed = await output(case, runtime, "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | sort")
    assert printed.splitlines() == [f"PATH={launch.PATH}", f"READY={case.ready_path}"]


async def test_ports_are_told_by_the_environment(case: ProcessCase, runtime: ProcessRuntime) -> None:
    ports = (PortMapping(80), PortMapping(81))
    script = "echo $PORT $PORT_80 $PORT_81; : > $READY; sleep 1000"
    spec = case.spec("web", Program(("sh", "-c", script)), ports=ports, environment={"PORT": "80"})
    running = await runtime.start(await runtime.create(spec))
    await case.ready()
    web, admin = (port.host_port for port in running.ports)
    async with asyncio.timeout(10):  # what is written is in the log a moment later
        while not (printed := await written(runtime, running.id)):
            await asyncio.sleep(0.01)
    assert printed == f"{web} {web} {admin}\n"


async def test_weight_and_memory_are_limits_of_the_process(case: ProcessCase, runtime: ProcessRuntime) -> None:
    printed = await output(case, runtime, "nice; ulimit -d", cpu_shares=256, memory_mib=64)
    assert printed == f"{launch.nice(256) + os.nice(0)}\n{64 * 1024}\n"


async def test_it_works_in_a_directory_that_goes_with_it(case: ProcessCase, runtime: ProcessRuntime) -> None:
    assert (await output(case, runtime, "pwd")).startswith(str(case.data))
    with pytest.raises(CannotStartContainerError, match="chdir to '/no-such-place'"):
        spec = case.spec("nowhere", case.forever, working_directory="/no-such-place")
        await runtime.start(await runtime.create(spec))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
async def test_it_becomes_the_user(case: ProcessCase, runtime: ProcessRuntime) -> None:
    printed = await output(case, runtime, "id -u; id -g; id -G", user="65534:65533", working_directory="/")
    assert printed.split() == ["65534", "65533", "65533"]
    with pytest.raises(CannotStartContainerError, match="unable to find user no-such-user"):
        await runtime.start(await runtime.create(case.spec("nobody", case.forever, user="no-such-user")))


async def test_a_port_somebody_listens_on_is_taken(case: ProcessCase, runtime: ProcessRuntime) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        ports = (PortMapping(80, server.getsockname()[1]),)
        container_id = await runtime.create(case.spec("late", case.forever, ports=ports))
        with pytest.raises(CannotStartContainerError, match="port is already allocated"):
            await runtime.start(container_id)


@pytest.mark.parametrize("spec", [ContainerSpec("name", "image"), ContainerSpec("../name", "image", ("true",))])
async def test_what_could_never_start_is_refused(runtime: ProcessRuntime, spec: ContainerSpec) -> None:
    with pytest.raises(CannotCreateContainerError):
        await runtime.create(spec)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": ("echo", "a\0b")},
        {"working_directory": "/\0"},
        {"user": "\0"},
        {"environment": {"A": "x\0B=y"}},
        {"health_check": HealthCheck(("CMD", "\0"))},
    ],
)
async def test_a_null_byte_is_refused(runtime: ProcessRuntime, fields: dict[str, Any]) -> None:
    with pytest.raises(CannotCreateContainerError, match="null byte"):
        await runtime.create(ContainerSpec(**{"name": "null", "image": "image", "command": ("true",), **fields}))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"entry_point": ("echo", "x" * (1 << 20))}, "Argument list too long"),
        ({"user": "99999999999"}, "uid is"),
    ],
)
async def test_what_the_host_refuses_to_start_has_failed(
    case: ProcessCase, runtime: ProcessRuntime, fields: dict[str, Any], why: str
) -> None:
    container_id = await runtime.create(case.spec("refused", case.forever, **fields))
    with pytest.raises(CannotStartContainerError, match=why):
        await runtime.start(container_id)


async def test_a_full_disk_fails_the_container(
    case: ProcessCase, runtime: ProcessRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    container_id = await runtime.create(case.spec("first", case.forever))

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CannotStartContainerError, match="No space left"):
        await runtime.start(container_id)
    with pytest.raises(CannotCreateContainerError, match="No space left"):
        await runtime.create(case.spec("second", case.forever))
    monkeypatch.undo()


async def test_what_is_removed_while_it_is_listed_is_not_in_the_list(
    case: ProcessCase, runtime: ProcessRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = await runtime.create(case.spec("kept", case.forever))
    moved = await runtime.create(case.spec("moved", case.forever))
    decode = msgspec.json.decode
    folder = case.data / "containers"

    def removing(*given: Any, **options: Any) -> Any:
        """Between two looks at its files a thread has taken the container away."""
        if (folder / moved).exists():
            (folder / moved).rename(case.data / "trash" / moved)
        return decode(*given, **options)

    monkeypatch.setattr(msgspec.json, "decode", removing)
    with pytest.raises(ContainerGone):
        await runtime.inspect(moved)
    (case.data / "trash" / moved).rename(folder / moved)
    assert [each.id for each in await runtime.list({})] == [kept]


@pytest.mark.parametrize("name", ["pids", "exit", "spec.json"])
async def test_an_agent_begins_though_the_power_went_before_a_file_was_on_the_disk(
    case: ProcessCase, name: str
) -> None:
    before = case.open()
    container_id = await before.create(case.spec("short", Program(("true",))))
    await before.start(container_id)
    await exited(before, container_id)
    await before.close()
    (case.data / "containers" / container_id / name).write_bytes(b"")
    after = case.open()
    assert [(each.state, each.exit_code) for each in await after.list({})] == {
        "pids": [("exited", 0)],
        "exit": [("exited", None)],
        "spec.json": [],
    }[name]
    await after.close()


def descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough


async def test_a_command_that_can_not_be_run_leaves_no_descriptor_open() -> None:
    before = descriptors()
    for terminal in (None, Terminal(), Terminal(rows=70_000)):
        with pytest.raises(CannotExecuteCommandError):
            await execution.execute(("/no/such/program",), terminal)
    assert descriptors() == before


async def test_a_start_that_is_cancelled_leaves_no_descriptor_open(
    case: ProcessCase, runtime: ProcessRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    program = f"import os, time; open({str(begun)!r}, 'w').close(); os.fork() or time.sleep(3)"
    container_id = await runtime.create(case.spec("slow", case.forever))
    monkeypatch.setattr(supervision, "SHIM", (sys.executable, "-c", program))
    before = descriptors()
    starting = asyncio.get_running_loop().create_task(runtime.start(container_id), name="start")

    await eventually(begun.exists)
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert descriptors() == before


async def test_what_the_command_started_ends_with_it(case: ProcessCase, runtime: ProcessRuntime) -> None:
    container_id = await runtime.create(case.spec("parent", Program(("sh", "-c", "sleep 1000 & exit 5"))))
    await runtime.start(container_id)
    assert (await exited(runtime, container_id)).exit_code == 5
    await eventually(lambda: not case.processes())


def pids_of(case: ProcessCase, container: Container) -> tuple[int, int]:
    pids = Store(case.data).pids(container.id)
    assert pids is not None
    return pids.shim_pid, pids.command_pid


async def test_a_killed_shim_takes_its_command_along(case: ProcessCase, runtime: ProcessRuntime) -> None:
    running = await runtime.start(await runtime.create(case.spec("orphan", case.forever)))
    async with aclosing(runtime.follow(case.labels)) as changes:
        assert await anext(changes) == Resync()
        os.kill(pids_of(case, running)[0], signal.SIGKILL)
        await next_change(changes, running.id)
    lost = await runtime.inspect(running.id)
    assert (lost.state, lost.exit_code, lost.reason) == ("exited", None, LOST)
    await eventually(lambda: not case.processes())


async def test_an_orphan_is_found_after_a_restart_of_the_agent(case: ProcessCase) -> None:
    before = case.open()
    running = await before.start(await before.create(case.spec("orphan", case.forever)))
    await before.close()
    os.kill(pids_of(case, running)[0], signal.SIGKILL)
    after = case.open()
    lost = await exited(after, running.id)
    assert (lost.exit_code, lost.reason) == (None, LOST)
    await eventually(lambda: not case.processes())
    await after.close()


async def test_health_is_known_after_a_restart_of_the_agent_and_checked_at_once(case: ProcessCase) -> None:
    before = case.open()
    check = HealthCheck(("CMD-SHELL", "test ! -e ill"), interval_seconds=0.1, retries=1)
    held = await before.start(await before.create(case.spec("well", case.forever, health_check=check)))
    await becomes(before, held.id, "HEALTHY")
    await before.close()
    spec = msgspec.json.decode((case.data / "containers" / held.id / "spec.json").read_bytes(), type=ContainerSpec)
    slow = msgspec.structs.replace(spec, health_check=msgspec.structs.replace(check, interval_seconds=3600.0))
    (case.data / "containers" / held.id / "spec.json").write_bytes(msgspec.json.encode(slow))
    (case.data / "containers" / held.id / "work" / "ill").touch()
    after = case.open()
    assert (await after.inspect(held.id)).health == "HEALTHY"
    await becomes(after, held.id, "UNHEALTHY")
    await after.stop(held.id, 0)
    assert (await after.start(held.id)).health == "UNKNOWN", "another run"
    await after.close()


async def test_what_does_not_even_end_when_killed_can_not_be_removed(
    case: ProcessCase, runtime: ProcessRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await runtime.start(await runtime.create(case.spec("stubborn", case.forever)))
    with monkeypatch.context() as patched:
        patched.setattr("quarterdeck.agents.runtimes.process.runtime.KILL_SECONDS_MAX", 0.05)
        patched.setattr(Watch, "signal", lambda *_: None)
        with pytest.raises(CannotRemoveContainerError, match="did not end"):
            await runtime.remove(held.id)
    await runtime.remove(held.id)
    assert await runtime.list(case.labels) == []


@pytest.mark.parametrize("kind", ["CMD", "CMD-SHELL"])
async def test_a_health_check_without_a_command_fails(case: ProcessCase, runtime: ProcessRuntime, kind: str) -> None:
    check = HealthCheck((kind,), interval_seconds=0.05, retries=1)
    held = await runtime.start(await runtime.create(case.spec("checked", case.forever, health_check=check)))
    await becomes(runtime, held.id, "UNHEALTHY")


async def test_a_reused_pid_is_not_taken_for_the_container(case: ProcessCase, runtime: ProcessRuntime) -> None:
    container_id = await runtime.create(case.spec("old", case.forever))
    mine = os.getpid()
    (case.data / "containers" / container_id / "pids").write_text(f"{shim.boot_id()} {mine} 1 {mine} 1")
    assert (await runtime.inspect(container_id)).state == "exited"
    await runtime.stop(container_id, 0)
    await runtime.remove(container_id)


async def test_pids_of_another_boot_mean_nothing(case: ProcessCase, runtime: ProcessRuntime) -> None:
    container_id = await runtime.create(case.spec("old", case.forever))
    mine, ticks = os.getpid(), shim.start_ticks(os.getpid())
    (case.data / "containers" / container_id / "pids").write_text(f"other-boot {mine} {ticks} {mine} {ticks}")
    assert (await runtime.inspect(container_id)).state == "exited"
    await runtime.remove(container_id)


async def test_two_agents_starting_one_container_run_it_once(case: ProcessCase, runtime: ProcessRuntime) -> None:
    container_id = await runtime.create(case.spec("once", case.forever))
    spec, directory = Store(case.data).spec(container_id), Store(case.data).directory(container_id)
    Store(case.data).prepare(container_id, (), {"PATH": launch.PATH})
    await supervision.begin(directory, spec)
    first = Store(case.data).pids(container_id)
    await supervision.begin(directory, spec)
    assert Store(case.data).pids(container_id) == first
    assert first is not None
    await eventually(lambda: sorted(case.processes()) == sorted([str(first.shim_pid), str(first.command_pid)]))


async def test_a_removal_that_was_cut_short_is_finished(case: ProcessCase) -> None:
    before = case.open()
    container_id = await before.create(case.spec("half", case.forever))
    await before.close()
    (case.data / "containers" / container_id).rename(case.data / "trash" / container_id)
    after = case.open()
    assert await after.list({}) == []
    assert await after.create(case.spec("half", case.forever)) != container_id
    await after.close()


def test_a_long_log_is_put_aside_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shim, "LOG_BYTES_MAX", 8)
    shim.append(b"12345678")
    assert Path("output.log").read_text() == "12345678"
    shim.append(b"9")
    assert [path.name for path in tmp_path.iterdir()] == ["output.log.1"]
    shim.append(b"next")
    assert (Path("output.log").read_text(), Path("output.log.1").read_text()) == ("next", "123456789")
    shim.append(b"and next")
    assert Path("output.log.1").read_text() == "nextand next"


def test_the_shim_writes_records_as_they_are_read() -> None:
    stream = shim.Stream(b"e")
    kept = stream.records(b"one\nand two\n\x00\xff thr") + stream.records(b"ee\n") + stream.records(b"end")
    kept += stream.records(b"x" * shim.PART_BYTES_MAX) + stream.records(b"")
    read = list(records.lines(kept.splitlines(keepends=True)))
    assert [line.stream for line in read] == ["stderr"] * 5
    ends = ("end" + "x" * shim.PART_BYTES_MAX).encode()
    parts = [(ends[: shim.PART_BYTES_MAX], False), (ends[shim.PART_BYTES_MAX :], False)]
    wholes = [(b"one\n", True), (b"and two\n", True), (b"\x00\xff three\n", True)]
    assert [(line.data, line.whole) for line in read] == [*wholes, *parts]


async def test_a_reader_that_is_slow_misses_nothing_when_a_log_is_put_aside(
    case: ProcessCase, runtime: ProcessRuntime
) -> None:
    spec = case.spec(
        "slow", Program(("sh", "-c", "echo first; : > $READY; while [ -e $READY ]; do :; done; echo last"))
    )
    running = await runtime.start(await runtime.create(spec))
    await case.ready()
    directory = case.data / "containers" / running.id
    async with aclosing(runtime.logs(running.id, LogQuery(follow=True))) as batches:
        read = [line.data for line in await anext(batches)]
        (directory / shim.LOG).rename(directory / f"{shim.LOG}.1")
        (case.folder / "ready").unlink()
        read += [line.data async for batch in batches for line in batch]
    assert read == [b"first\n", b"last\n"]


@pytest.mark.parametrize(("shares", "nice"), [(0, 0), (2, 19), (256, 6), (512, 3), (1024, 0), (4096, 0)])
def test_shares_become_the_nearest_nice(shares: int, nice: int) -> None:
    assert launch.nice(shares) == nice


async def test_what_only_a_container_engine_can_do_is_refused_by_name(
    case: ProcessCase, runtime: ProcessRuntime
) -> None:
    options = Options(privileged=True, dns_servers=("192.0.2.1",))
    with pytest.raises(CannotCreateContainerError, match="host processes can not have: privileged, dns servers"):
        await runtime.create(case.spec("engine", case.forever, options=options))
    with pytest.raises(CannotCreateContainerError, match="ranges of ports"):
        await runtime.create(case.spec("range", case.forever, ports=(PortMapping(80, count=2),)))


async def test_the_memory_of_a_task_bounds_a_process_that_has_no_limit_of_its_own(
    case: ProcessCase, runtime: ProcessRuntime
) -> None:
    assert await output(case, runtime, "ulimit -d", bounds=TaskBounds("t", memory_mib=64)) == f"{64 * 1024}\n"
