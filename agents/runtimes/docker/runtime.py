"""Docker runtime: the runtime's verbs as calls of the Docker Engine API.

``start`` looks at the container afterwards: an inspection is 1 ms beside the 250 ms a start takes, and
one that ended at once is then reported as what it is.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import structlog

from quarterdeck.agents.runtimes.docker import (
    events,
    execution,
    leftovers,
    output,
    ports,
    translate,
    wire,
    wire_network,
)
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.docker.cgroup import TaskCgroups
from quarterdeck.agents.runtimes.docker.creation import Creation
from quarterdeck.agents.runtimes.docker.exits import Exits
from quarterdeck.agents.runtimes.docker.images import DockerImages
from quarterdeck.agents.runtimes.docker.networks import DockerNetworks
from quarterdeck.agents.runtimes.docker.options import BYTES_PER_MIB
from quarterdeck.agents.runtimes.errors import (
    CannotInspectContainerError,
    CannotRemoveContainerError,
    CannotStartContainerError,
    CannotStopContainerError,
    ContainerGone,
    ContainerStuck,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.execution import Execution
from quarterdeck.agents.runtimes.port import (
    Changed,
    Container,
    ContainerSpec,
    Exiting,
    Happening,
    Interrupted,
    LogBatches,
    Resync,
    RuntimeInfo,
)
from quarterdeck.events.session import LogQuery, Terminal

SOCKET_PATH = "/var/run/docker.sock"
CPU_UNITS_PER_CORE = 1024
START_SECONDS_MAX = 180.0
STOP_MARGIN_SECONDS = 30.0
REMOVE_SECONDS_MAX = 300.0
RECONNECT_SECONDS_MIN = 0.1
RECONNECT_SECONDS_MAX = 5.0

ALREADY = (": already exists", "id already in use", ": file exists")
"""What Docker says of a container that containerd began to start for a daemon that was killed meanwhile."""

NOT_FOUND = 404
CONFLICT = 409

T = TypeVar("T")

logger = structlog.get_logger(__name__)


class DockerRuntime:
    """Containers of the Docker Engine behind a unix socket."""

    def __init__(self, socket_path: str = SOCKET_PATH) -> None:
        self._api = DockerApi(socket_path)
        self._bounded = output.Bounded(self._api)
        self.images = DockerImages(self._api)
        self.networks = DockerNetworks(self._api)
        self._events = events.Events()
        self._exits = Exits()
        self._gateway = ""
        self._cgroups = TaskCgroups()
        self._creation = Creation(self._api, self._cgroups, self.inspect)

    async def info(self) -> RuntimeInfo:
        """Version and size of the daemon's host."""
        info = _decoded(await self._api.call("GET", "/info"), wire.Info)
        version = _decoded(await self._api.call("GET", "/version"), wire.Version)
        self._cgroups.look(info.cgroup_driver, info.cgroup_version)
        self._bounded.default = info.logging_driver
        return RuntimeInfo(
            name="docker",
            version=version.version,
            api_version=version.api_version,
            cpu=info.ncpu * CPU_UNITS_PER_CORE,
            memory_mib=info.mem_total // BYTES_PER_MIB,
            log_drivers=(*(info.plugins.log or ()), "none"),
            volume_drivers=info.plugins.volume or (),
            bounds_tasks=self._cgroups.usable,
        )

    async def create(self, spec: ContainerSpec) -> str:
        """Its volumes, itself, and the cgroup of its task."""
        return await self._creation.create(await self._bounded.spec(spec))

    async def start(self, container_id: str) -> Container:
        """Start, then inspect."""
        with self._events.starting(container_id):
            return await self._started(container_id)

    async def _started(self, container_id: str) -> Container:
        row = self._creation.chosen(container_id)
        answer = await self._api.call("POST", f"/containers/{container_id}/start", answer_seconds_max=START_SECONDS_MAX)
        if not answer.ok:
            if ports.is_taken(answer.message, row):
                raise ContainerStuck(answer.message)
            if answer.status == NOT_FOUND:
                await self.inspect(container_id)  # 404 is also "no such command": gone only if gone
            if not any(each in answer.message for each in ALREADY):
                raise CannotStartContainerError(answer.message)
            return await self._begun_already(container_id, answer.message)
        return await self.inspect(container_id)

    async def _begun_already(self, container_id: str, why: str) -> Container:
        """How it is if the daemon has heard of its start by now. If not, end what is left of that, and raise."""
        found = await self.inspect(container_id)
        if found.state == "running":
            return found
        has_run = found.state == "exited" and found.started_at is None  # the daemon has heard, and it is over
        if not has_run and await asyncio.to_thread(leftovers.ended, container_id):
            raise ContainerStuck(why)
        raise CannotStartContainerError(why)

    async def stop(self, container_id: str, timeout_seconds: float) -> Container:
        """Docker counts whole seconds: a fraction is rounded up."""
        whole_seconds = math.ceil(timeout_seconds)
        answer = await self._api.call(
            "POST",
            f"/containers/{container_id}/stop",
            {"t": str(whole_seconds)},
            answer_seconds_max=whole_seconds + STOP_MARGIN_SECONDS,
        )
        _settled(answer, CannotStopContainerError)
        return await self.inspect(container_id)

    async def remove(self, container_id: str) -> None:
        """Force; a removal that is under way already counts as ours."""
        answer = await self._api.call(
            "DELETE",
            f"/containers/{container_id}",
            {"force": "1", "v": "1"},
            answer_seconds_max=REMOVE_SECONDS_MAX,
        )
        if not answer.ok and answer.status not in {NOT_FOUND, CONFLICT}:
            raise CannotRemoveContainerError(answer.message)
        self._cgroups.removed(container_id)

    async def remove_volume(self, name: str) -> None:
        """Ask the daemon; a volume in use stays."""
        answer = await self._api.call("DELETE", f"/volumes/{quote(name, safe='')}")
        if not answer.ok and answer.status != NOT_FOUND:
            raise CannotRemoveContainerError(answer.message)

    async def stats(self, container_id: str) -> dict[str, Any]:
        """Ask for one sample; the daemon takes up to a second."""
        answer = await self._api.call("GET", f"/containers/{container_id}/stats", {"stream": "0", "one-shot": "1"})
        _settled(answer, CannotInspectContainerError)
        found: dict[str, Any] = msgspec.json.decode(answer.body)
        return found if (found.get("pids_stats") or {}).get("current") else {}

    async def gateway(self) -> str:
        """Ask for the address of the default bridge, once while the daemon is there."""
        if not self._gateway:
            self._gateway = await self._bridge_gateway()
        return self._gateway

    async def _bridge_gateway(self) -> str:
        answer = await self._api.call("GET", "/networks/bridge")
        found = _decoded(answer, wire_network.Network)
        gateway = next((each.gateway for each in found.ipam.config or () if "." in each.gateway), "")
        if not gateway:
            raise RuntimeUnavailable("Docker's default bridge has no IPv4 gateway")
        return gateway

    async def inspect(self, container_id: str) -> Container:
        """Ask the daemon."""
        inspected = await self._inspected(container_id)
        self._cgroups.holds(inspected.id, inspected.host_config.cgroup_parent)
        if inspected.state.pid:
            self._exits.watch(inspected.id, inspected.state.pid, inspected.config.labels or {})
        return translate.container(inspected, await self.images.digest(inspected.image, inspected.config.image))

    async def _inspected(self, container_id: str) -> wire.Inspected:
        answer = await self._api.call("GET", f"/containers/{container_id}/json")
        _settled(answer, CannotInspectContainerError)
        return _decoded(answer, wire.Inspected)

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """List, then inspect each: the daemon's list has neither exit codes nor times.

        One that the daemon can't show, as it has lost a part of it, must not hide all others.
        """
        params = {"all": "1", "filters": _filters(labels)}
        answer = await self._api.call("GET", "/containers/json", params)
        found = []
        for summary in _decoded(answer, tuple[wire.Summary, ...]):
            with suppress(ContainerGone):  # removed between the list and our look
                found.append(await self._shown(summary))
        return sorted(found, key=lambda container: container.name)

    async def _shown(self, summary: wire.Summary) -> Container:
        try:
            return await self.inspect(summary.id)
        except CannotInspectContainerError as failure:
            logger.warning("a container can't be looked at", container=summary.id, why=failure.detail)
            return translate.listed(summary)

    async def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Happening, None]:
        """Follow the daemon's events, connecting again with growing pauses when it goes away."""
        pause_seconds = RECONNECT_SECONDS_MIN
        while not self._api.closed:
            connected = False
            try:
                async with aclosing(self._subscription(labels)) as items:
                    async for item in items:
                        pause_seconds, connected = RECONNECT_SECONDS_MIN, True
                        yield item
            except RuntimeUnavailable:
                pass
            self._gateway = ""  # a daemon that was started again may have another
            if connected and not self._api.closed:
                yield Interrupted()
            await self._api.pause(pause_seconds)
            pause_seconds = min(pause_seconds * 2, RECONNECT_SECONDS_MAX)

    async def _subscription(self, labels: Mapping[str, str]) -> AsyncGenerator[Changed | Resync, None]:
        """One connection's worth. Raises RuntimeUnavailable or ends when it is cut.

        The daemon sends headers before it subscribes us; ``since`` replays what fell between the two.
        """
        since_seconds = await self._api.daemon_seconds()
        filters = _filters(labels, type=["container"], event=list(events.ACTIONS))
        params = {"since": str(since_seconds), "filters": filters}
        async with self._api.stream("GET", "/events", params) as answer:
            if isinstance(answer, Answer):
                raise RuntimeUnavailable(answer.message)
            yield Resync()
            async with aclosing(aiter(answer)) as lines:
                async for line in lines:
                    change = self._events.changed(msgspec.json.decode(line, type=wire.Event))
                    if change is not None:
                        yield change

    def exits(self, labels: Mapping[str, str]) -> AsyncGenerator[Exiting, None]:
        """Watch their first processes on this host."""
        return self._exits.follow(labels)

    async def logs(self, container_id: str, query: LogQuery) -> LogBatches:
        """Read what the daemon's log driver has kept, if it is one that can."""
        inspected = await self._inspected(container_id)
        async with aclosing(output.read(self._api, container_id, inspected, query)) as batches:
            async for batch in batches:
                yield batch

    async def execute(self, container_id: str, command: tuple[str, ...], terminal: Terminal | None) -> Execution:
        """Run the command as an exec of the daemon's."""
        return await execution.execute(self._api, container_id, command, terminal)

    async def close(self) -> None:
        """Close all connections."""
        self._exits.close()
        await self._api.close()


def _settled(answer: Answer, failure: type[CannotStopContainerError | CannotInspectContainerError]) -> None:
    """Raise what an answer about one container means, if it is not ok."""
    if answer.status == NOT_FOUND:
        raise ContainerGone(answer.message)
    if not answer.ok:
        raise failure(answer.message)


def _decoded(answer: Answer, shape: type[T]) -> T:
    """Decode an answer that has to be ok; one that is not means an unwell daemon."""
    if not answer.ok:
        raise RuntimeUnavailable(answer.message)
    return msgspec.json.decode(answer.body, type=shape)


def _filters(labels: Mapping[str, str], **others: list[str]) -> str:
    wanted = [f"{name}={value}" for name, value in labels.items()]
    return msgspec.json.encode({"label": wanted, **others}).decode()
