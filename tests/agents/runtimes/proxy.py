"""Proxy: a unix socket before a daemon's, so that a test can cut the daemon off without stopping it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

CHUNK_BYTES = 1 << 16


class Proxy:
    """Passes bytes both ways while it is open."""

    def __init__(self, path: Path, target: str) -> None:
        self.path = str(path)
        self.target = target
        self.server: asyncio.Server | None = None
        self.writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self.server = await asyncio.start_unix_server(self.serve, self.path)

    async def cut(self) -> None:
        """Drop all connections and accept no more."""
        assert self.server is not None
        self.server.close()
        os.unlink(self.path)  # noqa: PTH108 - asyncio leaves it there until 3.13
        for writer in list(self.writers):
            writer.transport.abort()
        await self.server.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(self.target)
        self.writers |= {writer, behind_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.pump(reader, behind_writer), name="to the daemon")
                group.create_task(self.pump(behind_reader, writer), name="from the daemon")
        finally:
            self.writers -= {writer, behind_writer}

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
