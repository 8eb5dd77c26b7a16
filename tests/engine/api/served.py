"""Served: an engine on a log in memory, with the HTTP door, in a thread; for clients that block, as boto3 does."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from quarterdeck.engine.api.keys import AccessKey, Keys
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.replica import Replica, ReplicaSettings, running
from quarterdeck.events.log.memory import MemoryLog

ACCOUNT = "123456789012"
REGION = "us-east-1"
TARGET = "AmazonEC2ContainerServiceV20141113"
SECONDS_MAX = 20.0


class Served:
    """A running server, and clients of it."""

    def __init__(self, url: str, replica: Replica, key: AccessKey | None) -> None:
        self.url = url
        self.replica = replica
        self.key = key

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.rpartition("/")[2].rpartition(":")
        return host, int(port)

    @property
    def position(self) -> int:
        """How much is in the log: what changes nothing does not move it."""
        return self.replica.keeper.sequence

    def client(self, key_id: str = "", secret: str = "", **config: Any) -> Any:
        """Make a client of boto3 as its users do."""
        return boto3.client(
            "ecs",
            endpoint_url=self.url,
            region_name=config.pop("region", REGION),
            aws_access_key_id=key_id or (self.key.id if self.key else "test"),
            aws_secret_access_key=secret or (self.key.secret if self.key else "test"),
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection of no particular client."""
        return http.client.HTTPConnection(*self.address, timeout=SECONDS_MAX)

    def post(self, operation: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
        """Send one request unsigned, for servers that are open."""
        connection = self.connect()
        try:
            return post(connection, operation, body, **headers)
        finally:
            connection.close()


def post(
    connection: http.client.HTTPConnection, operation: str, body: bytes, **headers: str
) -> tuple[int, dict[str, Any]]:
    """Send a request on a connection that is kept; its status and its JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", "/", body, {"X-Amz-Target": f"{TARGET}.{operation}", **named})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


@contextmanager
def served(data: Path, **settings: Any) -> Iterator[Served]:
    """Run a server for the length of a block; `keys` if nothing else is said."""
    api = ApiSettings(listen="127.0.0.1:0", data=data, **settings)
    key = Keys(data).create(ACCOUNT, 1.0, "tester") if api.auth == "keys" else None
    ready = threading.Event()
    found: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, Served]] = []

    async def serve() -> None:
        stop = asyncio.Event()
        async with running(MemoryLog(), ReplicaSettings()) as replica, serve_api(replica.door, api) as url:
            found.append((asyncio.get_running_loop(), stop, Served(url, replica, key)))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="server", daemon=True)
    thread.start()
    assert ready.wait(SECONDS_MAX)
    loop, stop, running_server = found[0]
    try:
        yield running_server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(SECONDS_MAX)
