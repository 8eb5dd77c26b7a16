"""Process runtime: the runtime's verbs on host processes, each under a shim that outlives the agent.

For laptops and CI without Docker: nothing is isolated. Images are ignored, so a command is needed; what
else is ignored is said in ``launch``. Memory limits what a process may allocate and never kills it.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from quarterdeck.agents.runtimes.changes import ChangeFeed, carries
from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotExecuteCommandError,
    CannotRemoveContainerError,
    CannotStartContainerError,
    CannotStopContainerError,
    ContainerGone,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.execution import Execution
from quarterdeck.agents.runtimes.exits import ExitFeed
from quarterdeck.agents.runtimes.network import NoNetworks
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, Exiting, Happening, LogBatches, RuntimeInfo
from quarterdeck.agents.runtimes.process import execution, launch, output, supervision
from quarterdeck.agents.runtimes.process.health import HealthChecks
from quarterdeck.agents.runtimes.process.images import NoImages
from quarterdeck.agents.runtimes.process.store import Ports, Store
from quarterdeck.agents.runtimes.process.usage import usage
from quarterdeck.agents.runtimes.process.watch import Watch
from quarterdeck.events.session import LogQuery, Terminal

CPU_UNITS_PER_CORE = 1024
KILL_SECONDS_MAX = 10.0
NAME_ATTEMPTS_MAX = 3
LOOPBACK = "127.0.0.1"


class ProcessRuntime:
    """Containers as host processes, kept under one data directory, which must be no other agent's."""

    def __init__(self, data: Path) -> None:
        self.images = NoImages()
        self.networks = NoNetworks()
        self._store = Store(data)
        self._feed = ChangeFeed()
        self._exits = ExitFeed()
        self._checks = HealthChecks(self._store, self._publish)
        self._watches: dict[str, Watch] = {}
        self._starting: dict[str, Ports] = {}
        self._opened = False
        self._closed = False

    async def info(self) -> RuntimeInfo:
        """The host: its kernel stands for the version."""
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return RuntimeInfo(
            name="process",
            version=os.uname().release,
            api_version="",
            cpu=len(os.sched_getaffinity(0)) * CPU_UNITS_PER_CORE,
            memory_mib=memory_bytes // launch.BYTES_PER_MIB,
        )

    async def create(self, spec: ContainerSpec) -> str:
        """Write the container's directory."""
        store = self._ready()
        launch.check(spec)
        for _ in range(NAME_ATTEMPTS_MAX):
            existing = store.named(spec.name)
            if existing is None:
                created = _created(store, spec)
                if created is not None:
                    return created
            elif carries(store.spec(existing).labels, spec.labels):
                return existing
        raise CannotCreateContainerError(f'Conflict. The container name "{spec.name}" is already in use')

    async def start(self, container_id: str) -> Container:
        """Choose ports, run the shim, and wait until it has started the command or failed."""
        store = self._ready()
        if container_id in self._starting or store.container(container_id).state == "running":
            return self._seen(container_id)
        await self._settled(container_id)
        spec = store.spec(container_id)
        ports = launch.assign(spec, self._taken_ports())
        self._starting[container_id] = ports
        try:
            _prepare(store, container_id, spec, ports)
            await supervision.begin(store.directory(container_id), spec)
            self._watch(container_id)
        finally:
            del self._starting[container_id]
        self._feed.publish(container_id, spec.labels)
        return self._seen(container_id)

    def _taken_ports(self) -> Ports:
        running = [watch.ports for watch in self._watches.values()]
        return tuple(port for ports in (*running, *self._starting.values()) for port in ports)

    async def stop(self, container_id: str, timeout_seconds: float) -> Container:
        """SIGTERM to the command, wait, SIGKILL."""
        store = self._ready()
        watch = self._watch(container_id)
        if watch is not None and store.container(container_id).state == "running":
            watch.signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(timeout_seconds):
                    await watch.ended.wait()
            except TimeoutError:
                await self._kill(watch)
        return self._seen(container_id)

    async def _kill(self, watch: Watch) -> None:
        """Raises CannotStopContainerError if even that does not end it."""
        watch.signal(signal.SIGKILL)
        try:
            async with asyncio.timeout(KILL_SECONDS_MAX):
                await watch.ended.wait()
        except TimeoutError as error:
            raise CannotStopContainerError(
                f"tried to kill it, but it did not end within {KILL_SECONDS_MAX:.0f} seconds"
            ) from error

    async def _settled(self, container_id: str) -> None:
        """Kill whatever still runs of it, if only a shim about to end."""
        watch = self._watch(container_id)
        if watch is not None:
            await self._kill(watch)

    async def remove(self, container_id: str) -> None:
        """Kill it, then delete its directory, with logs and all it wrote to its working directory."""
        store = self._ready()
        try:
            await self._settled(container_id)
            labels = store.spec(container_id).labels
            await asyncio.to_thread(store.remove, container_id)
        except ContainerGone:  # gone, or another call was faster
            return
        except CannotStopContainerError as failure:
            raise CannotRemoveContainerError(failure.detail) from failure
        self._feed.publish(container_id, labels)

    async def remove_volume(self, name: str) -> None:
        """Nothing: mounts are ignored."""

    async def stats(self, container_id: str) -> dict[str, Any]:
        """Sum up its processes."""
        store = self._ready()
        pids = store.pids(container_id)
        if pids is None or not pids.command_lives:
            return {}
        limit = launch.data_bytes(store.spec(container_id))
        return usage(pids.command_pid, limit, time.time())  # noqa: TID251 - as the file times are

    async def gateway(self) -> str:
        """Its processes are on this host."""
        return LOOPBACK

    async def inspect(self, container_id: str) -> Container:
        """Read the container's directory."""
        self._ready()
        return self._seen(container_id)

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Read all directories."""
        store = self._ready()
        found = []
        for container_id in store.ids():
            with suppress(ContainerGone):  # a thread removes it meanwhile
                found.append(self._seen(container_id))
        wanted = [container for container in found if carries(container.labels, labels)]
        return sorted(wanted, key=lambda container: container.name)

    def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Happening, None]:
        """Follow what this object starts, removes, and sees ending; it adopts what runs already."""
        self._ready()
        return self._feed.follow(labels)

    def exits(self, labels: Mapping[str, str]) -> AsyncGenerator[Exiting, None]:
        """Nothing: that a process ended is told with how it did."""
        self._ready()
        return self._exits.follow(labels)

    async def logs(self, container_id: str, query: LogQuery) -> LogBatches:
        """Read what the shim has kept; one that has not started yet has written nothing."""
        store = self._ready()
        directory = store.directory(container_id)

        def ended() -> bool:
            try:
                return store.container(container_id).state == "exited"
            except ContainerGone:
                return True

        async with aclosing(output.read(directory, query, ended)) as batches:
            async for batch in batches:
                yield batch

    async def execute(self, container_id: str, command: tuple[str, ...], terminal: Terminal | None) -> Execution:
        """Run the command as the shim runs the container's own."""
        store = self._ready()
        if store.container(container_id).state != "running":
            raise CannotExecuteCommandError(f"Container {container_id} is not running")
        spec, directory = store.spec(container_id), store.directory(container_id)
        name = terminal.type if terminal is not None else ""
        whole = (*supervision.SHIM, "enter", str(directory), name, *launch.settings(spec, directory / "work"), *command)
        return await execution.execute(whole, terminal)

    async def close(self) -> None:
        """Stop watching; processes and shims go on."""
        self._closed = True
        for watch in self._watches.values():
            watch.close()
        self._watches.clear()
        self._feed.close()
        self._exits.close()
        await self._checks.close()

    def _ready(self) -> Store:
        """The store, on first use with everything that runs in it watched."""
        if self._closed:
            raise RuntimeUnavailable("this runtime was closed")
        if not self._opened:
            self._opened = True
            self._store.open()
            for container_id in self._store.ids():
                self._watch(container_id)
        return self._store

    def _watch(self, container_id: str) -> Watch | None:
        """The watch on its processes, None if it has none."""
        if container_id in self._watches:
            return self._watches[container_id]
        pids = self._store.pids(container_id)
        if pids is None or not (pids.shim_lives or pids.command_lives):
            return None
        ports = self._store.ports(container_id)
        watch = Watch(pids, ports, partial(self._ended, container_id))
        self._watches[container_id] = watch
        self._checks.begin(container_id)
        return watch

    def _ended(self, container_id: str) -> None:
        """The shim is gone; a command it left behind (it was killed) goes too."""
        watch = self._watches.pop(container_id)
        if watch.pids.command_lives:
            watch.signal(signal.SIGKILL)
        self._checks.end(container_id)
        self._publish(container_id)

    def _publish(self, container_id: str) -> None:
        """Tell followers to look at a container, if it is still there."""
        try:
            labels = self._store.spec(container_id).labels
        except ContainerGone:
            return
        self._feed.publish(container_id, labels)

    def _seen(self, container_id: str) -> Container:
        """What its directory says, with its health while it runs. Raises ContainerGone."""
        container = self._store.container(container_id)
        if container.state != "running":
            return container
        return msgspec.structs.replace(container, health=self._checks.health(container_id))


def _created(store: Store, spec: ContainerSpec) -> str | None:
    try:
        return store.create(spec)
    except OSError as error:
        raise CannotCreateContainerError(error.strerror or str(error)) from error


def _prepare(store: Store, container_id: str, spec: ContainerSpec, ports: Ports) -> None:
    try:
        store.prepare(container_id, ports, launch.environment(spec, ports))
    except OSError as error:
        raise CannotStartContainerError(error.strerror or str(error)) from error
