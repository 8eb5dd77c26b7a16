"""HTTP: operations with signatures over keep-alive, each answer made anew from the read models; and RunTask's way in.

The engine and its HTTP door are this process, on one core; callers are a process of their own, which sends requests
that were signed beforehand (they are good for five minutes) and reads the answers. Verifying is the server's. "One
core" is per second of processor time that this process used, whatever else the machine does.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from statistics import median

import structlog

from benchmarks import moto
from benchmarks.commands import NAMESPACE, SECONDS, embedded, over_nats, world
from benchmarks.harness import RUNS, Row
from benchmarks.http_callers import CALLERS, Caller, address, filled, over_http, request_for, serving
from quarterdeck.engine.api.keys import AccessKey
from quarterdeck.engine.api.sigv4 import Signed, check_scope, parse, verify

TASKS = 10_000
DESCRIBED = 10
SAMPLES = 2_000
PER_SECOND_MIN = 1_500
SPREAD_MAX = 4.0
ADDED_MS_MAX = 3.0
VERIFY_US_MAX = 60.0


async def reads() -> list[Row]:
    """Describe and list among many tasks."""
    rows = []
    async with filled(TASKS) as (replica, names):
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
        found = await over_http(url, request)
        one_core = found.per_second * SECONDS / (time.process_time() - before)
        runs.append((one_core, found.per_second, found.p50, found.p99 / found.p50))
    one_core, here, half, spread = (median(column) for column in zip(*runs, strict=True))
    return [
        Row(name=f"http: {name}, one core", value=one_core, unit="/s", at_least=PER_SECOND_MIN),
        Row(name=f"http: {name}, {CALLERS} callers here and now", value=here, unit="/s"),
        Row(name=f"http: {name}, p50", value=half, unit="ms"),
        Row(name=f"http: {name}, p99 / p50", value=spread, unit="", at_most=SPREAD_MAX),
        Row(
            name=f"http: {name}, p99 / p50 in processor time",
            value=await work(url, request),
            unit="",
            at_most=SPREAD_MAX,
        ),
    ]


async def work(url: str, request: bytes) -> float:
    """Ask again and again from within this process: how uneven the work is, whoever else wants the processor."""
    caller = Caller(*address(url), [request], 0)
    taken = []
    for _ in range(SAMPLES):
        before = time.process_time()
        await caller.once()
        taken.append(time.process_time() - before)
    taken.sort()
    return taken[SAMPLES * 99 // 100] / taken[SAMPLES // 2]


async def run_task() -> list[Row]:
    """RunTask, synced, one after another: through the door in this process, over NATS, and over HTTP."""
    async with world(sync=True) as (server, _, replica), serving(replica) as (url, key):
        request = request_for(key, url, "RunTask", b'{"cluster":"web","taskDefinition":"job:1"}')
        inside = await embedded(replica, 1)
        nats = await over_nats(server, 1)
        http = await over_http(url, request, callers=1)
        many = await over_http(url, request, callers=64)
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
    yield from moto.measure()
