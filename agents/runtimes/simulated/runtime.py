"""Simulated runtime: the runtime's verbs on a simulated host; only what takes simulated time waits."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from quarterdeck.agents.runtimes.changes import ChangeFeed, carries
from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotExecuteCommandError,
    CannotRemoveContainerError,
    ContainerGone,
    ContainerStuck,
    ImageMissing,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.execution import Execution
from quarterdeck.agents.runtimes.exits import ExitFeed
from quarterdeck.agents.runtimes.network import NoNetworks
from quarterdeck.agents.runtimes.port import Container, ContainerSpec, Exiting, Happening, LogBatches, RuntimeInfo
from quarterdeck.agents.runtimes.simulated.behaviour import Script
from quarterdeck.agents.runtimes.simulated.execution import SimulatedExecution
from quarterdeck.agents.runtimes.simulated.host import SIGKILL_EXIT_CODE, SimulatedHost
from quarterdeck.agents.runtimes.simulated.images import SimulatedImages
from quarterdeck.events import records
from quarterdeck.events.session import LogQuery, Terminal


class SimulatedRuntime:
    """Drives a simulated host; another object on the same host finds the same containers."""

    def __init__(self, host: SimulatedHost) -> None:
        self.images = SimulatedImages(host)
        self.networks = NoNetworks()
        self._host = host
        self._feed = ChangeFeed()
        self._closed = False
        self._exits = ExitFeed()
        host.join(self._feed, self._exits)

    async def info(self) -> RuntimeInfo:
        """As big as the host was made."""
        self._check()
        return self._host.size

    async def create(self, spec: ContainerSpec) -> str:
        """Put it on the host, at once."""
        self._check()
        if await self.images.find(spec.image) is None:
            raise ImageMissing(f"No such image: {spec.image}")
        existing = self._host.named(spec.name)
        if existing is None:
            return self._host.create(spec)
        if not carries(existing.labels, spec.labels):
            raise CannotCreateContainerError(f'Conflict. The container name "{spec.name}" is already in use')
        return existing.id

    async def start(self, container_id: str) -> Container:
        """Start it, after its ``start_seconds``."""
        self._check()
        held = self._host.held(container_id)
        await self._pass(held.behaviour.start_seconds)
        if held.behaviour.stuck:
            raise ContainerStuck("task already exists")
        if self._host.held(container_id).seen.state != "running":
            self._host.start(container_id)
        return held.seen

    async def stop(self, container_id: str, timeout_seconds: float) -> Container:
        """SIGTERM ends it after its ``stop_seconds``, unless the timeout is over before."""
        self._check()
        held = self._host.held(container_id)
        behaviour, run = held.behaviour, held.run
        if held.seen.state == "running":
            honours = not behaviour.ignores_sigterm and behaviour.stop_seconds <= timeout_seconds
            await self._pass(behaviour.stop_seconds if honours else timeout_seconds)
            if self._host.held(container_id).run == run:
                self._host.end(container_id, behaviour.stop_exit_code if honours else SIGKILL_EXIT_CODE)
        return held.seen

    async def remove(self, container_id: str) -> None:
        """Take it off the host."""
        self._check()
        if not container_id:  # as Docker answers
            raise CannotRemoveContainerError('invalid name or ID supplied: ""')
        try:
            self._host.remove(container_id)
        except ContainerGone:
            return

    async def remove_volume(self, name: str) -> None:  # noqa: ARG002 - the port's signature
        """Nothing: there are no volumes on a host of values."""
        self._check()

    async def stats(self, container_id: str) -> dict[str, Any]:
        """Nothing is used on a host of values."""
        self._check()
        held = self._host.held(container_id)
        return {"cpu_stats": {"cpu_usage": {"total_usage": 0}}} if held.seen.state == "running" else {}

    async def gateway(self) -> str:
        """Nobody listens there."""
        return "127.0.0.1"

    async def inspect(self, container_id: str) -> Container:
        """Look."""
        self._check()
        return self._host.held(container_id).seen

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """Look at all."""
        self._check()
        found = [container for container in self._host.containers() if carries(container.labels, labels)]
        return sorted(found, key=lambda container: container.name)

    def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Happening, None]:
        """Follow the host, except while its daemon is away."""
        return self._feed.follow(labels)

    def exits(self, labels: Mapping[str, str]) -> AsyncGenerator[Exiting, None]:
        """Follow the host, whatever its daemon does."""
        return self._exits.follow(labels)

    async def logs(self, container_id: str, query: LogQuery) -> LogBatches:
        """Look at what was written, and on."""
        self._check()
        held = self._host.held(container_id)
        read = held.written
        if first := list(records.picked(held.lines, query)):
            yield first
        while query.follow:
            stirred = self._host.stirred
            over = held.seen.state == "exited" or container_id not in self._ids()
            new = list(held.lines)[-(held.written - read) :] if held.written > read else []
            read = held.written
            if found := [line for line in new if records.wanted(line, query)]:
                yield found
            if over or self._closed:
                return
            await stirred.wait()
            self._host.check()

    async def execute(self, container_id: str, command: tuple[str, ...], terminal: Terminal | None) -> Execution:  # noqa: ARG002 - the port's signature
        """Do as the behaviour says."""
        self._check()
        held = self._host.held(container_id)
        if held.seen.state != "running":
            raise CannotExecuteCommandError(f"Container {container_id} is not running")
        missing = Script(
            says=((f'exec: "{command[0]}": executable file not found in $PATH\n', "stderr"),), exit_code=127
        )
        return SimulatedExecution(held.behaviour.commands.get(command[0], missing))

    async def close(self) -> None:
        """Leave the host as it is."""
        self._closed = True
        self._host.leave(self._feed)
        self._feed.close()
        self._exits.close()

    def _ids(self) -> set[str]:
        return {each.id for each in self._host.containers()}

    def _check(self) -> None:
        if self._closed:
            raise RuntimeUnavailable("this runtime was closed")
        self._host.check()

    async def _pass(self, seconds: float) -> None:
        """Let simulated time pass; the daemon may have gone meanwhile."""
        if seconds > 0:
            await self._host.clock.sleep(seconds)
            self._check()
