"""Commands: RunTask, fully durable, by callers in the engine's process and over NATS; and how fast a log is replayed.

``python -m benchmarks.commands [seconds per measurement]``. Every RunTask places one task on one of INSTANCES
registered, connected instances that nobody runs: two events. ``no sync`` is the price of durability: the same with a
server that acknowledges before it syncs.
"""

import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats

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
EVENTS_EACH = 2

Once = Callable[[], Awaitable[object]]


async def measure(once: Once, callers: int, seconds: float) -> dict[str, float]:
    """Call at once from many places for a while; commands a second, and percentiles in ms."""
    taken: list[float] = []

    async def caller(until: float) -> None:
        while (began := time.perf_counter()) < until:
            await once()
            taken.append(time.perf_counter() - began)

    for _ in range(20):
        await once()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(callers):
            group.create_task(caller(began + seconds), name=f"caller {number}")
    elapsed = time.perf_counter() - began
    taken.sort()
    at = {f"p{each}": round(1000 * taken[int(len(taken) * each / 100)], 2) for each in (50, 95, 99)}
    return {"callers": callers, "per_second": round(len(taken) / elapsed), **at}


@asynccontextmanager
async def world(*, sync: bool, doors: bool = True) -> AsyncIterator[tuple[Server, JetStreamLog, Replica]]:
    """Run a server, an engine on it, and instances to place on."""
    with tempfile.TemporaryDirectory() as data:
        async with Server(ServerSettings(data=Path(data), sync_always=sync)) as server:
            log = await open_log(server.address(), Settings(durable=sync, monitors=(server.monitor_url,)))
            link = await connect(server.address(), "doors")
            try:
                async with running(log, ReplicaSettings(heartbeat_timeout=1e9)) as replica:
                    await furnish(replica)
                    calm()
                    if doors:
                        async with serving(replica, link):
                            yield server, log, replica
                    else:
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


async def embedded(replica: Replica, callers: int, seconds: float) -> dict[str, float]:
    """Measure callers in the engine's process."""
    request = replica.door.decode("RunTask", b'{"cluster":"web","taskDefinition":"job:1"}')
    call = Call(namespace=NAMESPACE, operation="RunTask", actor="bench")
    return await measure(lambda: replica.door.carry_out(call, request), callers, seconds)


async def over_nats(server: Server, callers: int, seconds: float) -> dict[str, float]:
    """Measure callers in a process of their own."""
    arguments = ["-m", "benchmarks.commands", "caller", server.url, str(server.creds("operator"))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, str(callers), str(seconds), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return dict(json.loads(said))


async def call_over_nats(url: str, creds: str, callers: int, seconds: float) -> None:
    """Be the process of the callers."""
    client = await nats.connect(url, user_credentials=creds)

    async def once() -> None:
        answer = await client.request(f"{SUBJECT}RunTask", RUN_TASK, timeout=REQUEST_SECONDS_MAX)
        assert "Qd-Error" not in (answer.headers or {}), answer.data

    print(json.dumps(await measure(once, callers, seconds)))
    await client.close()


async def replay(log: JetStreamLog) -> dict[str, float]:
    """Fold the whole log from the server."""
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
    elapsed = time.perf_counter() - began
    return {"events": events, "events_per_second": round(events / elapsed)}


def tell(name: str, figures: dict[str, float]) -> None:
    """Print a line."""
    print(f"{name:42}", "  ".join(f"{key} {value:g}" for key, value in figures.items()), flush=True)


async def main(seconds: float) -> None:
    """Measure everything."""
    for sync in (True, False):
        words = "synced" if sync else "no sync"
        async with world(sync=sync) as (server, log, replica):
            for callers in (1, 64):
                tell(f"RunTask, embedded, {words}", await embedded(replica, callers, seconds))
            for callers in (1, 64):
                tell(f"RunTask, over NATS, {words}", await over_nats(server, callers, seconds))
            tell(f"replay, {words}", await replay(log))


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    if sys.argv[1:2] == ["caller"]:
        asyncio.run(call_over_nats(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
    else:
        asyncio.run(main(float(sys.argv[1]) if sys.argv[1:] else 5.0))
