"""Moto: the same requests to moto_server in the same run, by the processor time that the servers take for an answer.

moto is installed here, for this only, into a folder that is gone afterwards. It lists all tasks at once where ECS, and
Quarterdeck, give a hundred a page: hence a hundred.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from benchmarks.commands import NAMESPACE
from benchmarks.harness import RUNS, Row
from benchmarks.http_callers import filled, over_http, request_for, serving
from quarterdeck.engine.api.keys import AccessKey

PIN = "moto[server]==5.1.22"
TASKS = 100
DESCRIBED = 10
FASTER_MIN = 5.0
SECONDS = 2.0
INSTALL_SECONDS_MAX = 120
START_SECONDS_MAX = 30.0
ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(Path(sys.base_exec_prefix) / "bin/python3")  # the one this environment was made with: it has pip
UV = (PYTHON, str(ROOT / "tools/uv.py"))
KEY = AccessKey(id="AKIAQAAAAAAANOPTZKWC", account=NAMESPACE.account, user="bench", created=0.0, secret="x" * 40)
TICKS = os.sysconf("SC_CLK_TCK")


def measure() -> Iterator[Row]:
    """Install it, and compare; say so where it can't be installed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "moto"
        try:
            install(folder)
        except (subprocess.SubprocessError, OSError) as error:
            why = getattr(error, "stderr", b"") or b""
            print(f"http: nothing to compare with, moto_server can't be installed: {error}\n{why.decode()}")
            return
        yield from asyncio.run(compare(folder))


def install(folder: Path) -> None:
    """Make an environment of its own with moto_server. Raises SubprocessError, OSError."""
    for line in (["venv", "--quiet", "--no-project", "--python", PYTHON, str(folder)], _install(folder)):
        subprocess.run([*UV, *line], check=True, capture_output=True, timeout=INSTALL_SECONDS_MAX)


def _install(folder: Path) -> list[str]:
    return ["pip", "install", "--quiet", "--python", str(folder), PIN]


async def compare(folder: Path) -> list[Row]:
    """Ask both for the same, in turns."""
    async with moto(folder) as (theirs, names, cpu), filled(TASKS) as (replica, ours), serving(replica) as (url, key):
        rows = []
        for what, operation, bodies in (
            (f"DescribeTasks of {DESCRIBED}", "DescribeTasks", [{"tasks": each[:DESCRIBED]} for each in (ours, names)]),
            (f"ListTasks of {TASKS}", "ListTasks", [{}, {}]),
        ):
            here, there = (json.dumps({"cluster": "web", **body}).encode() for body in bodies)
            mine = request_for(key, url, operation, here)
            other = request_for(KEY, theirs, operation, there)
            pairs = [
                (await processor_ms(url, mine, time.process_time), await processor_ms(theirs, other, cpu))
                for _ in range(RUNS)
            ]
            rows += _rows(what, pairs)
    return rows


async def processor_ms(url: str, request: bytes, cpu: Callable[[], float]) -> float:
    """Measure the processor time of an answer, in ms."""
    before = cpu()
    found = await over_http(url, request, seconds=SECONDS)
    return (cpu() - before) / (found.per_second * SECONDS) * 1e3


def _rows(what: str, pairs: list[tuple[float, float]]) -> list[Row]:
    mine, other = (median(column) for column in zip(*pairs, strict=True))
    return [
        Row(name=f"http: {what}, processor time", value=mine, unit="ms"),
        Row(name=f"http: {what}, moto_server's", value=other, unit="ms"),
        Row(name=f"http: {what}, times faster", value=other / mine, unit="x", at_least=FASTER_MIN),
    ]


@asynccontextmanager
async def moto(folder: Path) -> AsyncIterator[tuple[str, list[str], Callable[[], float]]]:
    """Run moto_server with a cluster full of tasks; its URL, their ARNs, and what it has used of the processor."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    line = [str(folder / "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    server = await asyncio.create_subprocess_exec(
        *line, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            while not await asyncio.to_thread(_answers, port):
                await asyncio.sleep(0.1)
        names = await asyncio.to_thread(_furnish, port)
        yield f"http://127.0.0.1:{port}", names, lambda: _cpu(server.pid)
    finally:
        server.terminate()
        await server.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _furnish(port: int) -> list[str]:
    """Make what the other has; on FARGATE, because an instance of moto's would have to be one of its EC2 too."""
    container = {"name": "app", "image": "app", "cpu": 1, "memory": 1}
    _ask(port, "CreateCluster", clusterName="web")
    _ask(port, "RegisterTaskDefinition", family="job", containerDefinitions=[container])
    task = {"cluster": "web", "taskDefinition": "job", "count": 10, "launchType": "FARGATE"}
    runs = [_ask(port, "RunTask", **task) for _ in range(TASKS // 10)]
    return [str(each["taskArn"]) for run in runs for each in run["tasks"]]


def _ask(port: int, operation: str, **members: object) -> dict[str, list[dict[str, object]]]:
    sent = request_for(KEY, f"http://127.0.0.1:{port}", operation, json.dumps(members).encode())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS_MAX)
    head, _, body = sent.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    connection.request("POST", "/", body, headers)
    response = connection.getresponse()
    answer: dict[str, list[dict[str, object]]] = json.loads(response.read())
    if response.status != http.client.OK:
        raise AssertionError(answer)
    return answer
