"""The simulated runtime's own: time by its clock, harm on request, and room for many."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from contextlib import aclosing

import msgspec
import pytest

from quarterdeck.agents.runtimes.errors import ContainerGone, RuntimeUnavailable
from quarterdeck.agents.runtimes.port import OUT_OF_MEMORY, Changed, ContainerSpec, Ended, PortMapping, Resync
from quarterdeck.agents.runtimes.simulated import Behaviour, SimulatedHost, SimulatedRuntime
from quarterdeck.agents.runtimes.simulated.behaviour import Image

MANY = 20_000
TURNS_MAX = 100


class ManualClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.order = itertools.count()
        self.sleeping: list[tuple[float, int, asyncio.Event]] = []

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        heapq.heappush(self.sleeping, (self.seconds + seconds, next(self.order), woken))
        await woken.wait()

    async def go(self, seconds: float) -> None:
        """Let that much time pass, and everything happen that is due meanwhile."""
        end = self.seconds + seconds
        await settle()
        while self.sleeping and self.sleeping[0][0] <= end:
            self.seconds, _, woken = heapq.heappop(self.sleeping)
            woken.set()
            await settle()
        self.seconds = end


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(TURNS_MAX):
        await asyncio.sleep(0)


def host_where(**behaviours: Behaviour) -> tuple[ManualClock, SimulatedHost, SimulatedRuntime]:
    """A host where a container behaves as its image is called."""
    clock = ManualClock()
    host = SimulatedHost(clock, behaviour_of=lambda spec: behaviours.get(spec.image, Behaviour()))
    return clock, host, SimulatedRuntime(host)


async def started(runtime: SimulatedRuntime, name: str, image: str = "default") -> str:
    return (await runtime.start(await runtime.create(ContainerSpec(name, image)))).id


async def states(runtime: SimulatedRuntime) -> list[str]:
    return [container.state for container in await runtime.list({})]


async def test_containers_end_at_their_time_and_in_order() -> None:
    clock, host, runtime = host_where(long=Behaviour(run_seconds=20), short=Behaviour(run_seconds=5, exit_code=3))
    async with aclosing(runtime.follow({})) as changes:
        long, short = await started(runtime, "1", "long"), await started(runtime, "2", "short")
        assert await anext(changes) == Resync()
        await clock.go(4.9)
        assert await states(runtime) == ["running", "running"]
        await clock.go(0.1)
        ended = await runtime.inspect(short)
        assert (ended.state, ended.exit_code, ended.finished_at) == ("exited", 3, 5.0)
        assert await anext(changes) == Changed(short, {}, Ended(3, 5.0))
        await clock.go(15)
        assert (await runtime.inspect(long)).finished_at == 20.0
        assert await anext(changes) == Changed(long, {}, Ended(0, 20.0))
    await host.close()


async def test_the_end_of_an_earlier_run_does_not_end_a_later_one() -> None:
    clock, host, runtime = host_where(job=Behaviour(run_seconds=10))
    job = await started(runtime, "job", "job")
    await clock.go(9)
    host.kill(job)
    await runtime.start(job)
    await clock.go(9)
    assert await states(runtime) == ["running"]
    await clock.go(1)
    assert await states(runtime) == ["exited"]
    await host.close()


async def test_starting_stopping_and_pulling_take_their_time() -> None:
    slow = Behaviour(start_seconds=2, stop_seconds=3)
    clock = ManualClock()
    host = SimulatedHost(clock, behaviour_of=lambda _: slow, image_of=lambda _: Image(pull_seconds=4, present=False))
    runtime = SimulatedRuntime(host)

    async def live() -> float | None:
        await runtime.images.pull("slow")
        container_id = await runtime.create(ContainerSpec("slow", "slow"))
        await runtime.start(container_id)
        return (await runtime.stop(container_id, 30)).finished_at

    async with asyncio.TaskGroup() as group:
        life = group.create_task(live(), name="life")
        await clock.go(9)
    assert life.result() == 9.0


async def test_a_memory_kill_has_ecs_reason() -> None:
    clock, host, runtime = host_where(greedy=Behaviour(run_seconds=1, oom=True))
    greedy = await started(runtime, "greedy", "greedy")
    await clock.go(1)
    ended = await runtime.inspect(greedy)
    assert (ended.exit_code, ended.oom_killed, ended.reason) == (137, True, OUT_OF_MEMORY)
    await host.close()


async def test_what_vanished_is_gone_and_its_ports_are_free() -> None:
    _, host, runtime = host_where()
    spec = ContainerSpec("web", "web", ports=(PortMapping(80, 8080),))
    web = await runtime.create(spec)
    await runtime.start(web)
    host.vanish(web)
    with pytest.raises(ContainerGone):
        await runtime.inspect(web)
    assert (await runtime.start(await runtime.create(spec))).ports == spec.ports


async def test_while_the_daemon_is_away_nothing_answers_and_nothing_is_seen() -> None:
    clock, host, runtime = host_where(job=Behaviour(run_seconds=5))
    job = await started(runtime, "job", "job")
    async with aclosing(runtime.follow({})) as changes:
        assert await anext(changes) == Resync()
        host.daemon_away()
        with pytest.raises(RuntimeUnavailable):
            await runtime.inspect(job)
        await clock.go(5)
        host.daemon_back()
        assert await anext(changes) == Resync()
        assert (await runtime.inspect(job)).state == "exited"
        await runtime.remove(job)
        assert await anext(changes) == Changed(job, {})
    await host.close()


async def test_a_follower_of_an_absent_daemon_waits_for_it() -> None:
    _, host, _ = host_where()
    host.daemon_away()
    runtime = SimulatedRuntime(host)
    async with aclosing(runtime.follow({})) as changes, asyncio.TaskGroup() as group:
        first = group.create_task(anext(changes), name="first")
        await settle()
        assert not first.done()
        host.daemon_back()
    assert first.result() == Resync()


async def test_dynamic_ports_run_out_and_come_back() -> None:
    _, host, runtime = host_where()
    first = await runtime.create(ContainerSpec("first", "i", ports=(PortMapping(80),)))
    port = (await runtime.start(first)).ports[0].host_port
    host.kill(first)
    second = await runtime.create(ContainerSpec("second", "i", ports=(PortMapping(80),)))
    assert (await runtime.start(second)).ports[0].host_port == port + 1


async def test_equal_histories_have_equal_results() -> None:
    async def history() -> list[bytes]:
        clock, host, runtime = host_where(job=Behaviour(run_seconds=3))
        for number in range(10):
            await started(runtime, f"job-{number}", "job")
            await clock.go(1)
        await host.close()
        return [msgspec.json.encode(container) for container in await runtime.list({})]

    assert await history() == await history()


async def test_tens_of_thousands_run_with_few_tasks() -> None:
    clock, host, runtime = host_where(job=Behaviour(run_seconds=60))
    before = len(asyncio.all_tasks())
    async with asyncio.timeout(10):
        for number in range(MANY):
            await started(runtime, str(number), "job" if number % 2 else "default")
        assert len(asyncio.all_tasks()) == before + 1
        await clock.go(60)
        assert (await states(runtime)).count("exited") == MANY // 2
    await host.close()
