"""HTTP: operations with signatures over keep-alive, each answer made anew from the read models; and RunTask's way in.

The engine and its HTTP door are this process, on one core; callers are a process of their own, which sends requests
that were signed beforehand (they are good for five minutes) and reads the answers. Verifying is the server's. "One
core" is per second of processor time that this process used, whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import msgspec
import structlog

from benchmarks.commands import (
    NAMESPACE,
    SECONDS,
    Figures,
    carry_out,
    embedded,
    furnish,
    over_nats,
    time_calls,
    world,
)
from benchmarks.harness import RUNS, Row
from quarterdeck.engine.api.keys import AccessKey, Keys
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.api.sigv4 import Authorization, Signed, check_scope, parse, signature, verify
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.server import calm
from quarterdeck.engine.shell.clock import SystemClock
from quarterdeck.events.log.memory import MemoryLog

TASKS = 10_000
DESCRIBED = 10
CALLERS = 8
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


async def call(host: str, port: int, request: bytes, callers: int) -> None:
    """Be the process of the callers."""
    free = [Caller(*await asyncio.open_connection(host, port), request) for _ in range(callers)]

    async def once() -> None:
        caller = free.pop()
        await caller.once()
        free.append(caller)

    print(msgspec.json.encode(await time_calls(once, callers)).decode())


async def over_http(url: str, request: bytes, callers: int) -> Figures:
    """Measure callers in a process of their own."""
    host, _, port = url.rpartition("/")[2].partition(":")
    arguments = ["-m", "benchmarks.http", host, port, request.hex(), str(callers)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    return msgspec.json.decode(said, type=Figures)


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
        found = await over_http(url, request, CALLERS)
        one_core = found.per_second * SECONDS / (time.process_time() - before)
        runs.append((one_core, found.per_second, found.p50, found.p99 / found.p50))
    one_core, here, half, spread = (median(column) for column in zip(*runs, strict=True))
    return [
        Row(name=f"http: {name}, one core", value=one_core, unit="/s", at_least=PER_SECOND_MIN),
        Row(name=f"http: {name}, {CALLERS} callers here and now", value=here, unit="/s"),
        Row(name=f"http: {name}, p50", value=half, unit="ms"),
        Row(name=f"http: {name}, p99 / p50", value=spread, unit="", at_most=SPREAD_MAX),
    ]


async def run_task() -> list[Row]:
    """RunTask, synced, one after another: through the door in this process, over NATS, and over HTTP."""
    async with world(sync=True) as (server, _, replica), serving(replica) as (url, key):
        request = request_for(key, url, "RunTask", b'{"cluster":"web","taskDefinition":"job:1"}')
        inside = await embedded(replica, 1)
        nats = await over_nats(server, 1)
        http = await over_http(url, request, 1)
        many = await over_http(url, request, 64)
    return [
        Row(name="http: RunTask within the process, p50", value=inside.p50, unit="ms"),
        Row(name="http: RunTask over NATS, p50", value=nats.p50, unit="ms"),
        Row(name="http: RunTask over HTTP, p50", value=http.p50, unit="ms"),
        Row(name="http: RunTask, HTTP more than NATS", value=http.p50 - nats.p50, unit="ms", at_most=ADDED_MS_MAX),
        Row(name="http: RunTask over HTTP, 64 callers", value=many.per_second, unit="/s"),
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
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield verifying()
    yield from asyncio.run(reads())
    yield from asyncio.run(run_task())


if __name__ == "__main__":
    asyncio.run(call(sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]), int(sys.argv[4])))
