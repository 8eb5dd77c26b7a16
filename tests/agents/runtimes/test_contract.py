"""The contract of runtimes: what an agent may rely on, whichever runtime it drives."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotPullContainerError,
    CannotStartContainerError,
    ContainerGone,
    ImageMissing,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.port import PortMapping, Runtime
from tests.agents.runtimes.cases import RuntimeCase, exited

LONG_SECONDS = 30.0
SHORT_SECONDS = 0.3


async def test_it_says_what_it_is_and_how_much_it_has(runtime: Runtime) -> None:
    info = await runtime.info()
    assert info.name in {"docker", "process", "simulated"}
    assert info.version
    assert info.cpu >= 1024
    assert info.cpu % 1024 == 0
    assert info.memory_mib >= 64


async def test_a_container_is_created_started_killed_and_removed(case: RuntimeCase, runtime: Runtime) -> None:
    spec = case.spec("life", case.forever)
    container_id = await runtime.create(spec)
    created = await runtime.inspect(container_id)
    assert (created.id, created.name, created.image) == (container_id, spec.name, spec.image)
    assert created.labels == spec.labels
    assert (created.state, created.started_at, created.exit_code) == ("created", None, None)

    running = await runtime.start(container_id)
    assert (running.state, running.exit_code, running.reason) == ("running", None, None)
    assert running.started_at is not None
    assert running == await runtime.inspect(container_id)

    stopped = await runtime.stop(container_id, 0)
    assert (stopped.state, stopped.ports) == ("exited", ())
    assert stopped.exit_code in {137, 143}  # whichever signal came first
    assert stopped.finished_at is not None
    assert stopped.finished_at >= running.started_at

    await runtime.remove(container_id)
    with pytest.raises(ContainerGone):
        await runtime.inspect(container_id)
    assert await case.leftovers() == []


@pytest.mark.parametrize("code", [0, 3, 255])
async def test_an_exit_code_is_reported(case: RuntimeCase, runtime: Runtime, code: int) -> None:
    container_id = await runtime.create(case.spec("exits", case.exits(code)))
    await runtime.start(container_id)
    ended = await exited(runtime, container_id)
    assert (ended.exit_code, ended.reason, ended.oom_killed) == (code, None, False)
    assert ended.started_at is not None
    assert ended.finished_at is not None


async def test_environment_entry_point_and_command_reach_the_program(case: RuntimeCase, runtime: Runtime) -> None:
    spec = case.spec("told", case.exits_as_told(), environment={"CODE": "38", "OTHER": "a b\n=c"})
    container_id = await runtime.create(spec)
    await runtime.start(container_id)
    assert (await exited(runtime, container_id)).exit_code == 42


async def test_a_container_that_exited_starts_again(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("again", case.exits(3)))
    first = await runtime.start(container_id)
    await exited(runtime, container_id)
    second = await runtime.start(container_id)
    assert first.started_at is not None
    assert second.started_at is not None
    assert second.started_at >= first.started_at
    assert (await exited(runtime, container_id)).exit_code == 3


async def test_starting_a_running_container_changes_nothing(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("twice", case.forever))
    assert await runtime.start(container_id) == await runtime.start(container_id)


async def test_stop_sends_sigterm_first(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("polite", case.on_sigterm(7)))
    await runtime.start(container_id)
    await case.ready()
    assert (await runtime.stop(container_id, LONG_SECONDS)).exit_code == 7


async def test_stop_kills_what_ignores_sigterm(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("deaf", case.on_sigterm(None)))
    await runtime.start(container_id)
    await case.ready()
    assert (await runtime.stop(container_id, SHORT_SECONDS)).exit_code == 137


async def test_stopping_what_does_not_run_changes_nothing(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("still", case.forever))
    assert (await runtime.stop(container_id, SHORT_SECONDS)).state == "created"
    await runtime.start(container_id)
    stopped = await runtime.stop(container_id, 0)
    assert await runtime.stop(container_id, 0) == stopped


async def test_removing_is_idempotent_and_ends_what_runs(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("removed", case.forever))
    await runtime.start(container_id)
    await runtime.remove(container_id)
    await runtime.remove(container_id)
    assert await runtime.list(case.labels) == []


async def test_what_is_gone_cannot_be_started_stopped_or_inspected(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("gone", case.forever))
    await runtime.remove(container_id)
    for call in (runtime.start(container_id), runtime.stop(container_id, 0), runtime.inspect(container_id)):
        with pytest.raises(ContainerGone):
            await call


async def test_creating_again_after_a_crash_finds_the_first(case: RuntimeCase, runtime: Runtime) -> None:
    spec = case.spec("same", case.forever)
    container_id = await runtime.create(spec)
    assert await runtime.create(spec) == container_id
    await runtime.start(container_id)
    assert await runtime.create(spec) == container_id


async def test_a_name_of_another_container_is_refused(case: RuntimeCase, runtime: Runtime) -> None:
    await runtime.create(case.spec("name", case.forever, labels={"task": "1"}))
    with pytest.raises(CannotCreateContainerError, match="is already in use") as refused:
        await runtime.create(case.spec("name", case.forever, labels={"task": "2"}))
    assert refused.value.reason.startswith("CannotCreateContainerError: ")


async def test_a_name_is_free_again_after_removal(case: RuntimeCase, runtime: Runtime) -> None:
    spec = case.spec("reused", case.forever)
    first = await runtime.create(spec)
    await runtime.remove(first)
    assert await runtime.create(spec) != first


async def test_a_missing_image_is_told_apart_and_cannot_be_pulled(case: RuntimeCase, runtime: Runtime) -> None:
    spec = msgspec.structs.replace(case.spec("image", case.forever), image="missing.invalid/image:1")
    if not case.images_matter:
        await runtime.images.pull(spec.image)
        await runtime.create(spec)
        return
    with pytest.raises(ImageMissing):
        await runtime.create(spec)
    with pytest.raises(CannotPullContainerError) as failed:
        await runtime.images.pull(spec.image)
    assert failed.value.reason.startswith("CannotPullContainerError: Error response from daemon: ")


async def test_a_command_that_does_not_exist_fails_to_start(case: RuntimeCase, runtime: Runtime) -> None:
    container_id = await runtime.create(case.spec("unknown", case.unknown))
    with pytest.raises(CannotStartContainerError) as failed:
        await runtime.start(container_id)
    assert failed.value.reason.startswith("CannotStartContainerError: ")
    assert case.unknown.command[0] in failed.value.reason
    assert (await runtime.inspect(container_id)).state == "created"


async def test_a_dynamic_host_port_is_reported(case: RuntimeCase, runtime: Runtime) -> None:
    ports = (PortMapping(80), PortMapping(53, protocol="udp"))
    container_id = await runtime.create(case.spec("dynamic", case.forever, ports=ports))
    running = await runtime.start(container_id)
    assert {(port.container_port, port.protocol) for port in running.ports} == {(53, "udp"), (80, "tcp")}
    assert all(port.host_port > 1023 for port in running.ports)
    assert all(port.bind_address == "0.0.0.0" for port in running.ports)
    assert (await runtime.inspect(container_id)).ports == running.ports


async def test_a_taken_host_port_fails_to_start(case: RuntimeCase, runtime: Runtime) -> None:
    owner = await runtime.create(case.spec("owner", case.forever, ports=(PortMapping(80),)))
    taken = (await runtime.start(owner)).ports
    late = await runtime.create(case.spec("late", case.forever, ports=taken))
    with pytest.raises(CannotStartContainerError, match="port is already allocated"):
        await runtime.start(late)
    assert (await runtime.inspect(late)).state == "created"
    await runtime.stop(owner, 0)
    assert (await runtime.start(late)).ports == taken


async def test_containers_are_listed_by_their_labels(case: RuntimeCase, runtime: Runtime) -> None:
    red = await runtime.create(case.spec("b", case.forever, labels={"colour": "red"}))
    blue = await runtime.create(case.spec("a", case.exits(3), labels={"colour": "blue"}))
    await runtime.start(blue)
    ended = await exited(runtime, blue)
    assert await runtime.list(case.labels) == [ended, await runtime.inspect(red)]
    assert [found.id for found in await runtime.list({**case.labels, "colour": "red"})] == [red]
    assert await runtime.list({**case.labels, "colour": "green"}) == []


async def test_another_runtime_object_adopts_what_runs(case: RuntimeCase) -> None:
    before = case.open()
    spec = case.spec("adopted", case.on_sigterm(7), ports=(PortMapping(80),))
    running = await before.start(await before.create(spec))
    ended_id = await before.create(case.spec("ended", case.exits(3)))
    await before.start(ended_id)
    await case.ready()
    await before.close()

    after = case.open()
    assert (await exited(after, ended_id)).exit_code == 3
    assert running in await after.list(case.labels)
    assert await after.create(spec) == running.id
    assert await after.start(running.id) == running
    assert (await after.stop(running.id, LONG_SECONDS)).exit_code == 7
    await after.close()


async def test_removing_a_volume_that_is_not_there_changes_nothing(runtime: Runtime) -> None:
    await runtime.remove_volume("no-such-volume")


async def test_a_closed_runtime_is_unavailable(case: RuntimeCase, runtime: Runtime) -> None:
    await runtime.close()
    await runtime.close()
    with pytest.raises(RuntimeUnavailable):
        await runtime.list(case.labels)
