"""Docker's own: limits, mounts, memory kills, and a daemon that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from quarterdeck.agents.runtimes.docker import DockerRuntime
from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotCreateVolumeError,
    CannotPullContainerError,
    CannotReadLogsError,
    CannotStartContainerError,
    ContainerStuck,
    ImageMissing,
    ResourceInitializationError,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.options import Options
from quarterdeck.agents.runtimes.port import OUT_OF_MEMORY, Mount, PortMapping, Resync, Volume
from quarterdeck.events.session import LogQuery
from tests import docker_engine
from tests.agents.runtimes.cases import WAIT_SECONDS_MAX, DockerCase, Program, exited, next_change, next_resync
from tests.agents.runtimes.conftest import swept
from tests.agents.runtimes.proxy import Proxy

pytestmark = pytest.mark.docker

MIB = 1 << 20


@pytest_asyncio.fixture
async def case(tmp_path: Path, busybox_image: str) -> AsyncIterator[DockerCase]:
    made = DockerCase(tmp_path, busybox_image)
    yield made
    await swept(made)


@pytest_asyncio.fixture
async def proxy(case: DockerCase) -> AsyncIterator[Proxy]:
    opened = Proxy(case.folder / "docker.sock", case.socket_path)
    await opened.open()
    yield opened
    await opened.cut()


def raw(container_id: str) -> Any:
    status, body = docker_engine.request("GET", f"/containers/{container_id}/json")
    assert status == 200
    return msgspec.json.decode(body)


async def run(case: DockerCase, runtime: DockerRuntime, name: str, script: str, **fields: Any) -> int | None:
    """The exit code of a script."""
    container_id = await runtime.create(case.spec(name, Program(("sh", "-c", script)), **fields))
    await runtime.start(container_id)
    return (await exited(runtime, container_id)).exit_code


async def test_a_container_above_its_memory_is_killed_with_ecs_reason(case: DockerCase, runtime: DockerRuntime) -> None:
    # Docker watches a container's memory from just after its start: what is killed sooner is never called that.
    greedy = Program(("sh", "-c", "sleep 2; exec tail /dev/zero"))
    container_id = await runtime.create(case.spec("oom", greedy, memory_mib=12))
    await runtime.start(container_id)
    ended = await exited(runtime, container_id)
    assert (ended.exit_code, ended.oom_killed, ended.reason) == (137, True, OUT_OF_MEMORY)


async def test_limits_and_labels_reach_docker(case: DockerCase, runtime: DockerRuntime) -> None:
    limits = {"cpu_shares": 512, "cpu_limit": 0.5, "memory_mib": 64, "memory_reservation_mib": 32}
    spec = case.spec("limits", case.forever, user="65534", working_directory="/tmp", **limits)
    inspected = raw(await runtime.create(spec))
    host = inspected["HostConfig"]
    assert (host["CpuShares"], host["NanoCpus"]) == (512, 500_000_000)
    assert (host["Memory"], host["MemoryReservation"]) == (64 * MIB, 32 * MIB)
    config = inspected["Config"]
    assert (config["User"], config["WorkingDir"], config["Labels"]) == ("65534", "/tmp", spec.labels)


async def test_a_bind_mount_makes_its_directory_and_shares_it(case: DockerCase, runtime: DockerRuntime) -> None:
    shared = case.folder / "made" / "here"
    mounts = (Mount(str(shared), "/shared"),)
    assert await run(case, runtime, "writes", "echo 42 > /shared/answer", mounts=mounts) == 0
    assert (shared / "answer").read_text() == "42\n"
    read_only = (Mount(str(shared), "/shared", read_only=True),)
    assert await run(case, runtime, "reads", "exit $(cat /shared/answer)", mounts=read_only) == 42
    assert await run(case, runtime, "cannot", ": > /shared/answer || exit 9", mounts=read_only) != 0


async def test_a_named_volume_outlives_its_containers(case: DockerCase, runtime: DockerRuntime) -> None:
    mounts = (Mount(case.run, "/shared", kind="volume"),)
    try:
        spec = case.spec("writes", Program(("sh", "-c", "echo 42 > /shared/answer")), mounts=mounts)
        container_id = await runtime.create(spec)
        await runtime.start(container_id)
        await exited(runtime, container_id)
        await runtime.remove(container_id)
        assert await run(case, runtime, "reads", "exit $(cat /shared/answer)", mounts=mounts) == 42
    finally:
        await swept(case)
        assert docker_engine.request("DELETE", f"/volumes/{case.run}")[0] == 204


async def test_user_and_working_directory_reach_the_program(case: DockerCase, runtime: DockerRuntime) -> None:
    script = '[ "$(id -u):$(pwd)" = "65534:/etc" ]'
    assert await run(case, runtime, "user", script, user="65534:65534", working_directory="/etc") == 0


async def test_a_container_has_the_hostname_it_is_given(case: DockerCase, runtime: DockerRuntime) -> None:
    assert await run(case, runtime, "host", '[ "$(hostname)" = "moon" ]', hostname="moon") == 0


async def test_in_the_hosts_network_ports_are_the_containers(case: DockerCase, runtime: DockerRuntime) -> None:
    spec = case.spec("host", case.forever, network_mode="host", ports=(PortMapping(18080, 18080),))
    running = await runtime.start(await runtime.create(spec))
    assert running.ports == (PortMapping(18080, 18080),)


async def test_without_a_network_there_are_no_ports(case: DockerCase, runtime: DockerRuntime) -> None:
    running = await runtime.start(await runtime.create(case.spec("none", case.forever, network_mode="none")))
    assert running.ports == ()


async def test_a_range_of_ports_that_another_agent_chose_too_is_to_be_chosen_anew(
    case: DockerCase, runtime: DockerRuntime
) -> None:
    other = DockerRuntime(case.socket_path)
    asked = (PortMapping(9000, bind_address="127.0.0.1", count=3),)
    sleeps = Program(("sleep", "1000"))
    mine, others = [
        await each.create(case.spec(name, sleeps, ports=asked)) for name, each in (("mine", runtime), ("other", other))
    ]
    assert len((await other.start(others)).ports) == 3
    with pytest.raises(ContainerStuck, match=r"port is already allocated|address already in use"):
        await runtime.start(mine)
    await runtime.remove(mine)
    again = await runtime.start(await runtime.create(case.spec("mine", sleeps, ports=asked)))
    assert len(again.ports) == 3
    await other.close()


async def test_docker_says_why_it_refuses(case: DockerCase, runtime: DockerRuntime) -> None:
    with pytest.raises(CannotCreateContainerError, match="Minimum memory limit allowed is 6MB"):
        await runtime.create(case.spec("small", case.forever, memory_mib=1))
    container_id = await runtime.create(case.spec("nobody", case.forever, user="no-such-user"))
    with pytest.raises(CannotStartContainerError, match="unable to find user no-such-user"):
        await runtime.start(container_id)


@pytest.mark.parametrize("image", ["UPPER/Case:1", "bad image"])
async def test_a_name_no_image_can_have_is_told_by_its_pull(
    case: DockerCase, runtime: DockerRuntime, image: str
) -> None:
    with pytest.raises(ImageMissing):
        await runtime.create(msgspec.structs.replace(case.spec("odd", Program(("true",))), image=image))
    with pytest.raises(CannotPullContainerError, match="invalid reference format") as raised:
        await runtime.images.pull(image)
    assert raised.value.final


@pytest.mark.parametrize("image", ["UPPER/Case:1", "bad image", "../containers", "x/../../containers", "a?b#c", ""])
async def test_of_a_name_no_image_can_have_there_is_none(runtime: DockerRuntime, image: str) -> None:
    assert await runtime.images.find(image) is None


async def test_a_name_no_network_can_have_is_the_reason(runtime: DockerRuntime) -> None:
    with pytest.raises(ResourceInitializationError, match="can not be the name of a network"):
        await runtime.networks.ensure("quarterdeck-a-x/../../containers/json", "", {})


async def test_an_image_nobody_has_says_why(runtime: DockerRuntime) -> None:
    with pytest.raises(CannotPullContainerError, match="Error response from daemon: "):
        await runtime.images.pull("localhost:1/nothing:1")


async def test_that_nothing_runs_in_a_container_is_known_while_docker_takes_it_apart(
    case: DockerCase, runtime: DockerRuntime
) -> None:
    running = await runtime.start(await runtime.create(case.spec("killed", case.forever)))

    async def kill() -> None:
        await case.kill(running)

    async with (
        asyncio.timeout(WAIT_SECONDS_MAX),
        asyncio.TaskGroup() as group,
        aclosing(runtime.exits(case.labels)) as told,
    ):
        group.create_task(kill(), name="kill")
        assert (await anext(told)).id == running.id
        assert (await runtime.inspect(running.id)).state in {"running", "exited"}


async def test_a_cut_event_stream_comes_back_with_a_resync(case: DockerCase, proxy: Proxy) -> None:
    runtime = DockerRuntime(proxy.path)
    running = await runtime.start(await runtime.create(case.spec("followed", case.forever)))
    async with aclosing(runtime.follow(case.labels)) as changes:
        assert await anext(changes) == Resync()
        await proxy.cut()
        await case.kill(running)
        await proxy.open()
        await next_resync(changes)
        assert (await exited(runtime, running.id)).exit_code == 137
        await runtime.start(running.id)
        await next_change(changes, running.id)
    await runtime.close()


async def test_without_a_daemon_every_call_says_so_at_once(case: DockerCase, tmp_path: Path) -> None:
    runtime = DockerRuntime(str(tmp_path / "nobody.sock"))
    spec = case.spec("away", case.forever)
    calls = (
        runtime.info(),
        runtime.images.pull(spec.image),
        runtime.create(spec),
        runtime.start("x"),
        runtime.stop("x", 0),
        runtime.remove("x"),
        runtime.inspect("x"),
        runtime.list({}),
    )
    for call in calls:
        with pytest.raises(RuntimeUnavailable, match=r"nobody\.sock"):
            await call
    await runtime.close()


async def test_a_daemon_that_goes_away_and_comes_back_is_used_again(case: DockerCase, proxy: Proxy) -> None:
    runtime = DockerRuntime(proxy.path)
    await runtime.info()
    await proxy.cut()
    with pytest.raises(RuntimeUnavailable):
        await runtime.info()
    await proxy.open()
    assert (await runtime.info()).name == "docker"
    await runtime.close()


async def test_following_waits_for_a_daemon_that_is_not_there_yet(case: DockerCase) -> None:
    proxy = Proxy(case.folder / "late.sock", case.socket_path)
    runtime = DockerRuntime(proxy.path)
    with pytest.raises(RuntimeUnavailable):
        await runtime.info()
    await proxy.open()
    async with aclosing(runtime.follow(case.labels)) as changes:
        await next_resync(changes)
    await runtime.close()
    await proxy.cut()


async def test_what_a_container_keeps_of_its_output_is_bounded_unless_its_definition_says_otherwise(
    case: DockerCase, runtime: DockerRuntime
) -> None:
    plain = await runtime.create(case.spec("plain", case.forever))
    asked = await runtime.create(case.spec("asked", case.forever, log_driver="json-file", log_options={"tag": "x"}))
    assert raw(plain)["HostConfig"]["LogConfig"] == {
        "Type": "json-file",
        "Config": {"max-size": "10m", "max-file": "3"},
    }
    assert raw(asked)["HostConfig"]["LogConfig"] == {"Type": "json-file", "Config": {"tag": "x"}}


async def test_logs_that_go_elsewhere_say_so(case: DockerCase, runtime: DockerRuntime) -> None:
    spec = case.spec("elsewhere", case.says(("stdout", "hello")), log_driver="none")
    container_id = await runtime.create(spec)
    await runtime.start(container_id)
    await exited(runtime, container_id)
    with pytest.raises(CannotReadLogsError, match="log driver none sends its output elsewhere") as caught:
        async for _ in runtime.logs(container_id, LogQuery()):
            pass
    assert "json-file, local or journald" in caught.value.reason


@pytest.mark.parametrize("driver", ["local", "json-file"])
async def test_rotated_logs_are_read_in_order(case: DockerCase, runtime: DockerRuntime, driver: str) -> None:
    options = {"max-size": "20k", "max-file": "3"}
    script = Program(("sh", "-c", "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done"))
    container_id = await runtime.create(case.spec("rotates", script, log_driver=driver, log_options=options))
    await runtime.start(container_id)
    await exited(runtime, container_id)
    read = [line.data async for batch in runtime.logs(container_id, LogQuery()) for line in batch]
    last = int(read[0].split()[1])
    assert read == [b"line %d\n" % number for number in range(last, 3001)]
    assert [each.data async for some in runtime.logs(container_id, LogQuery(tail=3)) for each in some] == read[-3:]


async def test_a_volume_that_must_be_there_and_is_not_is_the_reason(case: DockerCase, runtime: DockerRuntime) -> None:
    mounts = (Mount(case.run, "/shared", kind="volume", volume=Volume(must_exist=True)),)
    with pytest.raises(CannotCreateVolumeError, match=f"there is no volume {case.run} here"):
        await runtime.create(case.spec("volume", case.forever, mounts=mounts))
    nowhere = (Mount(case.run, "/shared", kind="volume", volume=Volume(options={"no-such-option": "1"})),)
    with pytest.raises(CannotCreateVolumeError, match="no-such-option"):
        await runtime.create(case.spec("driver", case.forever, mounts=nowhere))


async def test_a_container_that_is_missing_is_not_taken_for_an_image(case: DockerCase, runtime: DockerRuntime) -> None:
    options = Options(volumes_from=(("no-such-container", False),))
    with pytest.raises(CannotCreateContainerError, match="no-such-container"):
        await runtime.create(case.spec("orphan", case.forever, options=options))
