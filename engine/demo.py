"""Demo: a guided tour on a throw-away `up`; every step is checked, and the first that does not hold ends it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from quarterdeck.agents.runtimes.process.store import Store
from quarterdeck.engine import docker_engine, host, rebuild
from quarterdeck.engine.remote import RemoteClient, connect
from quarterdeck.engine.settings import Settings
from quarterdeck.engine.up import Instance, Up, started
from quarterdeck.events import shapes
from quarterdeck.events.names import short_name

COUNT = 6
LOST_AFTER_SECONDS = 1.0
STEP_SECONDS_MAX = 20.0
POLL_SECONDS = 0.05
SERVICE = "web"
COMMAND = "trap 'exit 0' TERM; while true; do sleep 0.2; done"


class DoesNotHold(Exception):
    """A step of the tour did not show what it should."""


Say = Callable[[str], None]
Held = Callable[[], Awaitable[str | None]]


class Task(msgspec.Struct, frozen=True):
    """A running task: its id, where it is, and its container."""

    id: str
    container_instance: str
    zone: str
    container: str


async def run(settings: Settings, say: Say) -> None:
    """Take the tour. Raises DoesNotHold, and whatever keeps an `up` from starting."""
    began = asyncio.get_running_loop().time()
    choice = await host.choose(settings.runtime, settings.docker_socket)
    async with _image(choice, settings, say) as (choice, image):
        say(f"runtime {choice.name}: {choice.why}")
        with TemporaryDirectory(prefix="quarterdeck-demo-", ignore_cleanup_errors=True) as directory:
            async with started(_throw_away(settings, choice, Path(directory))) as up:
                client = await connect(up.running.nats, creds=up.running.engine_creds)
                async with client:
                    await Tour(up, client, image, say).take()
            say("everything is stopped and removed")
    say(f"all steps hold, in {asyncio.get_running_loop().time() - began:.1f} s")


def _throw_away(settings: Settings, choice: host.Choice, data: Path) -> Settings:
    return msgspec.structs.replace(
        settings,
        data=data,
        listen="127.0.0.1:0",
        nats_port=0,
        instances=3,
        zones=2,
        runtime=choice.name,
        lost_after=LOST_AFTER_SECONDS,
        stop_tasks=True,
    )


@asynccontextmanager
async def _image(choice: host.Choice, settings: Settings, say: Say) -> AsyncIterator[tuple[host.Choice, str]]:
    """Have an image for the length of a block; where there is none to be had, use host processes, and say so."""
    if choice.name != "docker":
        yield choice, "none"
        return
    try:
        image, made = await docker_engine.provide_image(settings.docker_socket)
    except docker_engine.DockerRefused as error:
        yield host.Choice("process", f"Docker answers, but {error}"), "none"
        return
    say(f"image {image}" + (", made here without a registry" if made else ""))
    try:
        yield choice, image
    finally:
        if made:
            with suppress(docker_engine.DockerRefused):
                await docker_engine.remove_image(settings.docker_socket, image)


class Tour:
    """The steps, in order."""

    def __init__(self, up: Up, client: RemoteClient, image: str, say: Say) -> None:
        self._up = up
        self._client = client
        self._image = image
        self._say = say
        self._zones = {each.container_instance: each.zone for each in up.instances}

    async def take(self) -> None:
        """Take all steps. Raises DoesNotHold."""
        await self._instances()
        await self._service()
        await self._kill_a_container()
        lost = next(each for each in self._up.instances if each.zone.endswith("b"))
        await self._stop_an_agent(lost)
        await self._bring_it_back(lost)
        await self._deregister(self._up.instances[0])
        await self._rebuild()

    async def _instances(self) -> None:
        async def active() -> str | None:
            found = await self._described(list(self._zones))
            states = {(each.status, each.agent_connected) for each in found}
            return None if states == {("ACTIVE", True)} else str(states)

        took = await self._until(active)
        zones = ", ".join(sorted(self._zones.values()))
        self._say(f"1  3 container instances in {zones}: ACTIVE, agentConnected TRUE ({took:.1f} s)")

    async def _service(self) -> None:
        container = {
            "name": SERVICE,
            "image": self._image,
            "command": ["sh", "-c", COMMAND],
            "memory": 32,
            "stopTimeout": 2,
        }
        await self._client.register_task_definition(family=SERVICE, container_definitions=[container])
        await self._client.create_service(service_name=SERVICE, task_definition=SERVICE, desired_count=COUNT)
        took = await self._until(self._spread)
        self._say(f"2  a service of {COUNT} tasks runs, spread {await self._counts()} ({took:.1f} s)")

    async def _kill_a_container(self) -> None:
        victim = (await self._tasks())[0]
        before = {each.id for each in await self._tasks()}
        await self._kill(victim)

        async def replaced() -> str | None:
            now = {each.id for each in await self._tasks()}
            return None if len(now) == COUNT and victim.id not in now else f"{len(now)} tasks run"

        took = await self._until(replaced)
        new = next(each for each in await self._tasks() if each.id not in before)
        why = (await self._client.describe_tasks(tasks=[victim.id])).tasks or [shapes.Task()]
        self._say(f"3  killed the container of task {victim.id[:8]} behind its back: {why[0].stopped_reason};")
        self._say(f"   task {new.id[:8]} runs in its place, in {new.zone}, {took:.2f} s after the kill")

    async def _stop_an_agent(self, lost: Instance) -> None:
        await lost.child.stop()

        async def disconnected() -> str | None:
            found = await self._described([lost.container_instance])
            return "agentConnected is TRUE" if found[0].agent_connected else None

        async def moved() -> str | None:
            places = [each.container_instance for each in await self._tasks()]
            there = len(places) - places.count(lost.container_instance)
            return None if there == COUNT else f"{there} tasks run elsewhere"

        await self._until(disconnected)
        self._say(f"4  stopped the agent {lost.child.name}: agentConnected FALSE, its containers go on")
        took = await self._until(moved)
        zone = next(each.zone for each in await self._tasks() if each.container_instance != lost.container_instance)
        self._say(f"   {LOST_AFTER_SECONDS:g} s later its tasks are replaced in {zone} ({took:.1f} s)")

    async def _bring_it_back(self, lost: Instance) -> None:
        lost.child.start()

        async def right() -> str | None:
            found = await self._described([lost.container_instance])
            if not found[0].agent_connected:
                return "the instance that is back is not connected"
            return await self._spread()

        took = await self._until(right)
        self._say(f"5  brought it back: agentConnected TRUE, superseded tasks are stopped, {COUNT} run,")
        self._say(
            f"   and zones are rebalanced, one task started before one stops: {await self._counts()} ({took:.1f} s)"
        )

    async def _deregister(self, gone: Instance) -> None:
        name = gone.container_instance
        await self._client.update_container_instances_state(container_instances=[name], status="DRAINING")

        async def drained() -> str | None:
            found = await self._described([name])
            left = (found[0].running_tasks_count or 0) + (found[0].pending_tasks_count or 0)
            return f"{left} tasks are left on it" if left else await self._spread()

        took = await self._until(drained)
        await self._client.deregister_container_instance(container_instance=name)
        listed = (await self._client.list_container_instances()).container_instance_arns or []
        status = (await self._described([name]))[0].status
        if status != "INACTIVE" or any(short_name(each) == name for each in listed):
            raise DoesNotHold(f"the deregistered instance is {status}; listed are {listed}")
        self._say(f"6  drained {gone.child.name} and deregistered it: INACTIVE, no longer listed, its tasks run")
        self._say(f"   elsewhere, spread {await self._counts()} ({took:.1f} s)")

    async def _rebuild(self) -> None:
        live = await self._client.fingerprint()
        began = asyncio.get_running_loop().time()
        async with aclosing(self._client.records(until=live.sequence)) as batches:
            view = await rebuild.view_at(batches)
        took = asyncio.get_running_loop().time() - began
        if view.fingerprint() != live.fingerprint:
            raise DoesNotHold(f"the state rebuilt up to {live.sequence} is not the live one")
        self._say(f"7  rebuilt the state from the log alone, up to position {live.sequence} ({took * 1000:.0f} ms):")
        self._say(f"   it equals the live one, fingerprint {live.fingerprint[:16]}")

    async def _spread(self) -> str | None:
        """Tell what is missing to all tasks running, as many in one zone as in the other."""
        zones = Counter(each.zone for each in await self._tasks())
        return None if sorted(zones.values()) == [COUNT // 2, COUNT // 2] else f"running are {dict(zones)}"

    async def _counts(self) -> str:
        zones = Counter(each.zone for each in await self._tasks())
        return " and ".join(f"{count} in {zone}" for zone, count in sorted(zones.items()))

    async def _tasks(self) -> list[Task]:
        """The service's tasks that run and are wanted."""
        listed = (await self._client.list_tasks(service_name=SERVICE, desired_status="RUNNING")).task_arns
        found = (await self._client.describe_tasks(tasks=listed)).tasks if listed else []
        return [self._task(each) for each in found or [] if each.last_status == each.desired_status == "RUNNING"]

    def _task(self, found: shapes.Task) -> Task:
        instance = short_name(found.container_instance_arn or "")
        containers = found.containers or [shapes.Container()]
        return Task(short_name(found.task_arn or ""), instance, self._zones[instance], containers[0].runtime_id or "")

    async def _described(self, names: list[str]) -> list[shapes.ContainerInstance]:
        return (await self._client.describe_container_instances(container_instances=names)).container_instances or []

    async def _kill(self, task: Task) -> None:
        if self._up.choice.name == "docker":
            await docker_engine.kill(self._up.settings.docker_socket, task.container)
            return
        instance = next(each for each in self._up.instances if each.container_instance == task.container_instance)
        pids = Store(instance.data / host.CONTAINERS).pids(task.container)
        assert pids is not None, f"the process of {task.container} is not known"
        os.kill(pids.command_pid, signal.SIGKILL)

    async def _until(self, missing: Held) -> float:
        """Wait until nothing is missing; gives the seconds it took. Raises DoesNotHold."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        what: str | None = "nothing was seen"
        with suppress(TimeoutError):
            async with asyncio.timeout(STEP_SECONDS_MAX):
                while (what := await missing()) is not None:
                    await asyncio.sleep(POLL_SECONDS)
        if what is not None:
            raise DoesNotHold(f"after {STEP_SECONDS_MAX:g} s {what}")
        return loop.time() - began
