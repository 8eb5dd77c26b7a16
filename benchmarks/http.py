"""HTTP: operations with signatures over keep-alive, each answer made anew from the read models; and RunTask's way in.

The engine and its HTTP door are this process, on one core; callers are a process of their own, which sends requests
that were signed beforehand (they are good for five minutes) and reads the answers. Verifying is the server's. "One
core" is per second of processor time that this process used, whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from statistics import median

from benchmarks.commands import NAMESPACE, carry_out, furnish, world
from benchmarks.commands import measure as measured
from benchmarks.harness import RUNS, Row
from quarterdeck.engine.api.keys import AccessKey, Keys
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.api.sigv4 import Authorization, Signed, check_scope, parse, signature, verify
from quarterdeck.engine.doors.door import Call
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.server import calm
from quarterdeck.engine.shell.clock import SystemClock
from quarterdeck.events.log.memory import MemoryLog

TASKS = 10_000
DESCRIBED = 10
CALLERS = 8
SECONDS = 3.0
PER_SECOND_MIN = 1_500
SPREAD_MAX = 4.0
ADDED_MS_MAX = 3.0
VERIFY_US_MAX = 60.0
TARGET = "AmazonEC2ContainerServiceV20141113"


def request_for(key: AccessKey, url: str, operation: str, body: bytes) -> bytes:
    """Sign a request as clients do, whole as it goes over the wire."""
    host = url.rpartition("/")[2]
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"content-type": "application/x-amz-json-1.1", "host": host, "x-amz-date": date}
    headers["x-amz-target"] = f"{TARGET}.{operation}"
    found = Authorization(key.id, date[:8], "us-east-1", "ecs", "aws4_request", ";".join(headers), "")
    proof = signature(found, Signed("POST", "/", "", headers, body), key.secret)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key.id}/{found.scope}, SignedHeaders={found.signed_headers}, Signature={proof}"
    )
    headers |= {"content-length": str(len(body)), "user-agent": "Boto3/1.44.5", "accept-encoding": "identity"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode() + body


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
        self.reader = reader
        self.writer = writer
        self.request = request

    async def once(self) -> None:
        """Send, and read all of the answer."""
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(body)


async def call(host: str, port: int, request: bytes, callers: int, seconds: float) -> None:
    """Be the process of the callers."""
    free = [Caller(*await asyncio.open_connection(host, port), request) for _ in range(callers)]

    async def once() -> None:
        caller = free.pop()
        await caller.once()
        free.append(caller)

    print(json.dumps(await measured(once, callers, seconds)))


async def over_http(url: str, request: bytes, callers: int, seconds: float) -> dict[str, float]:
    """Measure callers in a process of their own."""
    host, _, port = url.rpartition("/")[2].partition(":")
    arguments = ["-m", "benchmarks.http", host, port, request.hex(), str(callers), str(seconds)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return dict(json.loads(said))


@asynccontextmanager
async def serving(replica: Replica) -> AsyncIterator[tuple[str, AccessKey]]:
    """Open the HTTP door."""
    with tempfile.TemporaryDirectory() as data:
        key = Keys(Path(data)).create(NAMESPACE.account, SystemClock().now())
        settings = ApiSettings(listen="127.0.0.1:0", data=Path(data), throttle=False)
        async with serve_api(replica.door, settings) as url:
            yield url, key


async def reads() -> list[Row]:
    """Describe and list among many tasks."""
    rows = []
    async with running(MemoryLog(), ReplicaSettings(heartbeat_timeout=1e9)) as replica:
        await furnish(replica)
        names: list[str] = []
        for _ in range(TASKS // 10):
            answer = await carry_out(replica, "RunTask", {"cluster": "web", "taskDefinition": "job", "count": 10})
            names += [each.task_arn for each in answer.response.tasks]
        calm()
        bodies = {
            f"DescribeTasks of {DESCRIBED}": ("DescribeTasks", {"cluster": "web", "tasks": names[:DESCRIBED]}),
            f"ListTasks among {TASKS:,}": ("ListTasks", {"cluster": "web"}),
        }
        async with serving(replica) as (url, key):
            for name, (operation, body) in bodies.items():
                request = request_for(key, url, operation, json.dumps(body).encode())
                rows += await read(name, url, request)
    return rows


async def read(name: str, url: str, request: bytes) -> list[Row]:
    """Measure one request, RUNS times."""
    runs = []
    for _ in range(RUNS):
        before = time.process_time()
        found = await over_http(url, request, CALLERS, SECONDS)
        one_core = found["per_second"] * SECONDS / (time.process_time() - before)
        runs.append({**found, "one core": one_core, "spread": found["p99"] / found["p50"]})
    middle = {key: median(run[key] for run in runs) for key in runs[0]}
    return [
        Row(name=f"http: {name}, one core", value=middle["one core"], unit="/s", at_least=PER_SECOND_MIN),
        Row(name=f"http: {name}, {CALLERS} callers here and now", value=middle["per_second"], unit="/s"),
        Row(name=f"http: {name}, p50", value=middle["p50"], unit="ms"),
        Row(name=f"http: {name}, p99 / p50", value=middle["spread"], unit="", at_most=SPREAD_MAX),
    ]


async def run_task() -> list[Row]:
    """RunTask, synced, one after another: through the door in this process, and over HTTP."""
    async with world(sync=True) as (_, _, replica), serving(replica) as (url, key):
        body = b'{"cluster":"web","taskDefinition":"job:1"}'
        decoded = replica.door.decode("RunTask", body)
        door = Call(namespace=NAMESPACE, operation="RunTask", actor="bench")
        inside = await measured(lambda: replica.door.carry_out(door, decoded), 1, SECONDS)
        outside = await over_http(url, request_for(key, url, "RunTask", body), 1, SECONDS)
        many = await over_http(url, request_for(key, url, "RunTask", body), 64, SECONDS)
    return [
        Row(name="http: RunTask within the process, p50", value=inside["p50"], unit="ms"),
        Row(name="http: RunTask, p50", value=outside["p50"], unit="ms"),
        Row(name="http: RunTask, added by HTTP", value=outside["p50"] - inside["p50"], unit="ms", at_most=ADDED_MS_MAX),
        Row(name="http: RunTask, 64 callers", value=many["per_second"], unit="/s"),
    ]


def verifying() -> Row:
    """What a signature costs."""
    key = AccessKey(id="AKIAQAAAAAAANOPTZKWC", account=NAMESPACE.account, user="bench", created=0.0, secret="x" * 40)
    wire = request_for(key, "http://127.0.0.1:4280", "RunTask", b"{}").partition(b"\r\n\r\n")[0].decode()
    headers = {name: value for name, _, value in (line.partition(": ") for line in wire.split("\r\n")[1:])}
    now, rounds = time.time(), 20_000  # noqa: TID251 - a benchmark is now

    def once() -> None:
        signed = Signed("POST", "/", "", headers, b"{}")
        found = parse(headers["authorization"])
        check_scope(found, headers, now)
        verify(found, signed, key.secret)

    once()
    began = time.perf_counter()
    for _ in range(rounds):
        once()
    each = (time.perf_counter() - began) / rounds * 1e6
    return Row(name="http: verify a signature", value=each, unit="µs", at_most=VERIFY_US_MAX)


def measure() -> Iterator[Row]:
    """All of it."""
    yield verifying()
    yield from asyncio.run(reads())
    yield from asyncio.run(run_task())


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(call(sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
