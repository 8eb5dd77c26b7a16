"""Endurance: a hundred clients over HTTP at once, for a minute: no error, and memory that does not grow.

Engine, log and doors as `up` has them, on a NATS server; a tenth of the requests change something (tags, which replace
one another, so that there is not more to keep). An error would end the callers, and with them the benchmark.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import structlog

from benchmarks.commands import NAMESPACE, carry_out, world
from benchmarks.harness import Row
from benchmarks.http_callers import over_http, request_for, serving
from quarterdeck.engine.replica import Replica

CLIENTS = 100
SECONDS = 60.0
STEPS = 6
TASKS = 1_000
DESCRIBED = 10
READS = 9
MIB = 1 << 20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
GROWTH_MAX = 3.0


def measure(seconds: float = SECONDS) -> Iterator[Row]:
    """Run it, and look at the memory STEPS times."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield from asyncio.run(endure(seconds))


async def endure(seconds: float) -> list[Row]:
    """Have clients ask until the time is over."""
    async with world(sync=True) as (_, _, replica), serving(replica) as (url, key):
        tasks = await _tasks(replica)
        described = json.dumps({"cluster": "web", "tasks": tasks[:DESCRIBED]}).encode()
        requests = [request_for(key, url, "DescribeTasks", described), request_for(key, url, "ListTasks", LIST)]
        requests = [*(requests * READS)[:READS], request_for(key, url, "TagResource", _tag("1"))]
        requests += [*requests[:READS], request_for(key, url, "TagResource", _tag("2"))]
        async with asyncio.TaskGroup() as group:
            looks = group.create_task(_look(seconds), name="memory")
            calls = group.create_task(over_http(url, *requests, callers=CLIENTS, seconds=seconds), name="callers")
        figures, sizes = calls.result(), looks.result()
    step = seconds / STEPS
    rows = [
        Row(name=f"http: memory after {step * (number + 1):.0f} s of {CLIENTS} clients", value=size, unit="MiB")
        for number, size in enumerate(sizes)
    ]
    return [
        *rows,
        Row(name="http: memory, growth once warm", value=slope(sizes[1:], step), unit="MiB/min", at_most=GROWTH_MAX),
        Row(name=f"http: {CLIENTS} clients, without an error", value=figures.per_second, unit="/s"),
        Row(name=f"http: {CLIENTS} clients, p99 / p50", value=figures.p99 / figures.p50, unit=""),
    ]


LIST = b'{"cluster":"web"}'


def _tag(value: str) -> bytes:
    tags = [{"key": "round", "value": value}]
    return json.dumps({"resourceArn": NAMESPACE.cluster_arn("web"), "tags": tags}).encode()


async def _tasks(replica: Replica) -> list[str]:
    body = {"cluster": "web", "taskDefinition": "job", "count": 10}
    runs = [await carry_out(replica, "RunTask", body) for _ in range(TASKS // 10)]
    return [each.task_arn for run in runs for each in run.response.tasks]


async def _look(seconds: float) -> list[float]:
    sizes = []
    for _ in range(STEPS):
        await asyncio.sleep(seconds / STEPS)
        sizes.append(_resident())
    return sizes


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / MIB


def slope(sizes: list[float], step: float) -> float:
    """Fit a line; how much it rises in a minute."""
    middle = (len(sizes) - 1) / 2
    rise = sum((place - middle) * size for place, size in enumerate(sizes))
    return rise / sum((place - middle) ** 2 for place in range(len(sizes))) / step * 60
