"""HTTP callers: requests signed as clients do, sent over connections that are kept, by a process of their own."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import msgspec

from benchmarks.commands import NAMESPACE, SECONDS, Figures, carry_out, furnish, time_calls
from quarterdeck.engine.api.keys import AccessKey, Keys
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.api.sigv4 import Authorization, Signed, signature
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.engine.server import calm
from quarterdeck.engine.shell.clock import SystemClock
from quarterdeck.events.log.memory import MemoryLog

TARGET = "AmazonEC2ContainerServiceV20141113"
CALLERS = 8
END_SECONDS_MAX = 30.0


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
    """One connection, made anew when the server closes it after an answer, as moto's does."""

    def __init__(self, host: str, port: int, requests: Sequence[bytes], first: int) -> None:
        self.address = (host, port)
        self.requests = cycle([*requests[first:], *requests[:first]])
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def once(self) -> None:
        """Send, and read all of the answer."""
        if self.streams is None:
            self.streams = await asyncio.open_connection(*self.address)
        reader, writer = self.streams
        writer.write(next(self.requests))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(body)
        if b"\r\nConnection: close" in head:
            writer.close()
            self.streams = None


async def call(host: str, port: int, callers: int, seconds: float, requests: Sequence[bytes]) -> None:
    """Be the process of the callers; each sends the requests in turn."""
    free = [Caller(host, port, requests, number % len(requests)) for number in range(callers)]

    async def once() -> None:
        caller = free.pop()
        await caller.once()
        free.append(caller)

    async with asyncio.timeout(seconds + END_SECONDS_MAX):
        print(msgspec.json.encode(await time_calls(once, callers, seconds)).decode())


def address(url: str) -> tuple[str, int]:
    """Take the host and the port out of a URL."""
    host, _, port = url.rpartition("/")[2].partition(":")
    return host, int(port)


async def over_http(url: str, *requests: bytes, callers: int = CALLERS, seconds: float = SECONDS) -> Figures:
    """Measure callers in a process of their own."""
    host, port = address(url)
    arguments = ["-m", "benchmarks.http_callers", host, str(port), str(callers), str(seconds)]
    arguments += [each.hex() for each in requests]
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


@asynccontextmanager
async def filled(tasks: int) -> AsyncIterator[tuple[Replica, list[str]]]:
    """Run a replica on a log in memory, with so many tasks; their ARNs."""
    async with running(MemoryLog(), ReplicaSettings(heartbeat_timeout=1e9)) as replica:
        await furnish(replica)
        names: list[str] = []
        for _ in range(tasks // 10):
            answer = await carry_out(replica, "RunTask", {"cluster": "web", "taskDefinition": "job", "count": 10})
            names += [each.task_arn for each in answer.response.tasks]
        calm()
        yield replica, names


if __name__ == "__main__":
    _, at, port_number, how_many, how_long, *sent = sys.argv
    asyncio.run(call(at, int(port_number), int(how_many), float(how_long), [bytes.fromhex(each) for each in sent]))
