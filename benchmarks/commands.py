"""Commands: RunTask, fully durable, by callers in the engine's process and over NATS; and how fast a log is replayed.

Every RunTask places one task on one of INSTANCES registered, connected instances that nobody runs: two events. The read
models, the feed and all doors run in the same process, and catch up behind. The floor is the bare append of a
commit's bytes, one under way, on the same server; `no sync` is the price of durability: the same with a server that
acknowledges before it syncs.
"""

import asyncio
import gc
import json
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import nats
import structlog

from benchmarks.harness import Row
from quarterdeck.engine.doors.door import Answer, Call
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.server import calm, serving
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.codec import unseal
from quarterdeck.events.log.configuration import ServerSettings
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.jetstream import JetStreamLog, Settings, open_log
from quarterdeck.events.log.server import Server
from quarterdeck.events.names import Namespace
from quarterdeck.events.wanted import Heartbeat
from quarterdeck.projections.live.view import LiveView

INSTANCES = 100
ZONES = 3
NAMESPACE = Namespace("us-east-1", "000000000000")
SUBJECT = "qd.cmd.us-east-1.000000000000.web."
RUN_TASK = b'{"taskDefinition":"job:1"}'
REQUEST_SECONDS_MAX = 30.0
CATCH_UP_SECONDS_MAX = 120.0
SECONDS = 4.0
COMMIT_BYTES = 700
WARM_UP = 20

Once = Callable[[], Awaitable[object]]


@asynccontextmanager
async def world(*, sync: bool) -> AsyncIterator[tuple[Server, JetStreamLog, Replica]]:
    """Run a server, an engine on it, and instances to place on."""
    with tempfile.TemporaryDirectory() as data:
        async with Server(ServerSettings(data=Path(data), sync_always=sync)) as server:
            log = await open_log(server.address(), Settings(durable=sync, monitors=(server.monitor_url,)))
            link = await connect(server.address(), "doors")
            try:
                async with running(log, ReplicaSettings(heartbeat_timeout=1e9)) as replica:
                    await furnish(replica)
                    calm()
                    async with serving(replica, link):
                        yield server, log, replica
            finally:
                await link.close()
                await log.close()


async def carry_out(replica: Replica, operation: str, body: object) -> Answer:
    """Carry an operation out in this process."""
    request = replica.door.decode(operation, json.dumps(body).encode())
    return await replica.door.carry_out(Call(namespace=NAMESPACE, operation=operation, actor="bench"), request)


async def furnish(replica: Replica) -> None:
    """Make a cluster, a task definition and the instances."""
    await carry_out(replica, "CreateCluster", {"clusterName": "web"})
    container = {"name": "app", "image": "app", "cpu": 64, "memory": 64}
    await carry_out(replica, "RegisterTaskDefinition", {"family": "job", "containerDefinitions": [container]})
    for number in range(INSTANCES):
        body = {
            "cluster": "web",
            "totalResources": [{"name": name, "type": "INTEGER", "integerValue": 10**9} for name in ("CPU", "MEMORY")],
            "attributes": [{"name": "ecs.availability-zone", "value": f"us-east-1{'abc'[number % ZONES]}"}],
        }
        answer = await carry_out(replica, "RegisterContainerInstance", body)
        name = answer.response.container_instance.container_instance_arn.rsplit("/", 1)[1]
        await replica.heartbeats.beat(Instance(str(NAMESPACE), "web", name), Heartbeat(session="bench"))


class Figures(msgspec.Struct):
    """What many calls took: how many a second, and percentiles in ms."""

    per_second: float
    p50: float
    p99: float


async def time_calls(once: Once, callers: int, seconds: float = SECONDS) -> Figures:
    """Call at once from many places for a while."""
    taken: list[float] = []

    async def caller(until: float) -> None:
        while (began := time.perf_counter()) < until:
            await once()
            taken.append(time.perf_counter() - began)

    for _ in range(WARM_UP):
        await once()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(callers):
            group.create_task(caller(began + seconds), name=f"caller {number}")
    elapsed = time.perf_counter() - began
    taken.sort()
    half, most = (1000 * taken[int(len(taken) * each)] for each in (0.5, 0.99))
    return Figures(len(taken) / elapsed, half, most)


async def embedded(replica: Replica, callers: int) -> Figures:
    """Measure callers in the engine's process."""
    request = replica.door.decode("RunTask", b'{"cluster":"web","taskDefinition":"job:1"}')
    call = Call(namespace=NAMESPACE, operation="RunTask", actor="bench")
    return await time_calls(lambda: replica.door.carry_out(call, request), callers)


async def over_nats(server: Server, callers: int) -> Figures:
    """Measure callers in a process of their own."""
    arguments = ["-m", "benchmarks.commands", server.url, str(server.creds("operator")), str(callers)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Figures)


async def call_over_nats(url: str, creds: str, callers: int) -> None:
    """Be the process of the callers."""
    client = await nats.connect(url, user_credentials=creds)

    async def once() -> None:
        answer = await client.request(f"{SUBJECT}RunTask", RUN_TASK, timeout=REQUEST_SECONDS_MAX)
        assert "Qd-Error" not in (answer.headers or {}), answer.data

    figures = await time_calls(once, callers)
    await client.close()
    print(msgspec.json.encode(figures).decode())


async def floor() -> Figures:
    """Append bare bytes, each after the one before is acknowledged."""
    with tempfile.TemporaryDirectory() as data:
        async with Server(ServerSettings(data=Path(data))) as server:
            log = await open_log(server.address(), Settings(monitors=(server.monitor_url,)))
            last = (await log.claim("floor")).sequence
            payload = bytes(COMMIT_BYTES)

            async def once() -> None:
                nonlocal last
                last = await log.append(payload, last)

            try:
                return await time_calls(once, 1)
            finally:
                await log.close()


async def replay(log: JetStreamLog) -> float:
    """Fold the whole log from the server; events a second."""
    view = LiveView()
    events = 0
    gc.collect()
    began = time.perf_counter()
    async for batch in log.read():
        for record in batch:
            if record.kind == "commits":
                envelope = unseal(record.payload, record.sequence, view.hash)
                view.fold(envelope)
                events += sum(len(commit.events) for commit in envelope.commits)
    return events / (time.perf_counter() - began)


async def catch_up(replica: Replica) -> float:
    """Wait until the read models have all that was acknowledged; seconds."""
    began = time.perf_counter()
    await replica.projector.wait(replica.keeper.sequence, CATCH_UP_SECONDS_MAX)
    return time.perf_counter() - began


async def durable() -> AsyncIterator[Row]:
    """Measure with a server that syncs before it acknowledges."""
    bare = await floor()
    yield Row(name="floor: a bare append, synced, one caller, p50", value=bare.p50, unit="ms")
    async with world(sync=True) as (server, log, replica):
        alone, many = await embedded(replica, 1), await embedded(replica, 64)
        lag = await catch_up(replica)
        yield Row(name="RunTask: embedded, 1 caller, p50", value=alone.p50, unit="ms", at_most=1.0)
        yield Row(name="         of the floor", value=alone.p50 / bare.p50, unit="x")
        yield Row(name="RunTask: embedded, 64 callers", value=many.per_second, unit="/s", at_least=25_000)
        yield Row(name="         p99", value=many.p99, unit="ms")
        yield Row(name="         read models caught up after", value=lag, unit="s")
        alone, many = await over_nats(server, 1), await over_nats(server, 64)
        await catch_up(replica)
        yield Row(name="RunTask: over NATS, 1 caller, p50", value=alone.p50, unit="ms", at_most=2.0)
        yield Row(name="RunTask: over NATS, 64 callers", value=many.per_second, unit="/s", at_least=10_000)
        yield Row(name="         p99", value=many.p99, unit="ms", at_most=20.0)
        rate = await replay(log)
        yield Row(name="replay: NATS into the live view", value=rate, unit="events/s", at_least=200_000)


async def hasty() -> AsyncIterator[Row]:
    """Measure the price of durability: the same without syncs."""
    async with world(sync=False) as (server, _, replica):
        for callers in (1, 64):
            figures = await embedded(replica, callers)
            yield Row(name=f"no sync: embedded, {callers} callers", value=figures.per_second, unit="/s")
        await catch_up(replica)
        for callers in (1, 64):
            figures = await over_nats(server, callers)
            yield Row(name=f"no sync: over NATS, {callers} callers", value=figures.per_second, unit="/s")


def measure() -> Iterator[Row]:
    """Measure everything."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for rows in (durable, hasty):
        yield from asyncio.run(_all(rows()))


async def _all(rows: AsyncIterator[Row]) -> list[Row]:
    return [row async for row in rows]


with suppress(ImportError):
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

if __name__ == "__main__":
    asyncio.run(call_over_nats(sys.argv[1], sys.argv[2], int(sys.argv[3])))
