"""Docker runtime: the runtime's verbs as calls of the Docker Engine API.

``start`` looks at the container afterwards: an inspection is 1 ms beside the 250 ms a start takes, and
one that ended at once is then reported as what it is.
"""

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TypeVar

import msgspec

from quarterdeck.agents.runtimes.changes import carries
from quarterdeck.agents.runtimes.docker import execution, output, translate, wire
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.errors import (
    CannotCreateContainerError,
    CannotInspectContainerError,
    CannotPullContainerError,
    CannotRemoveContainerError,
    CannotStartContainerError,
    CannotStopContainerError,
    ContainerGone,
    ImageMissing,
    RuntimeUnavailable,
)
from quarterdeck.agents.runtimes.port import (
    Changed,
    Container,
    ContainerSpec,
    Execution,
    LogBatches,
    Resync,
    RuntimeInfo,
)
from quarterdeck.events.session import LogQuery, Terminal

SOCKET_PATH = "/var/run/docker.sock"
CPU_UNITS_PER_CORE = 1024
CREATE_SECONDS_MAX = 240.0
START_SECONDS_MAX = 180.0
STOP_MARGIN_SECONDS = 30.0
REMOVE_SECONDS_MAX = 300.0
PULL_SILENCE_SECONDS_MAX = 60.0
NAME_ATTEMPTS_MAX = 3
RECONNECT_SECONDS_MIN = 0.1
RECONNECT_SECONDS_MAX = 5.0
EVENTS = ("start", "die", "oom", "destroy", "pause", "unpause")
"""Actions worth a look; asking for these leaves the exec_* of health probes with the daemon."""

NOT_FOUND = 404
CONFLICT = 409

T = TypeVar("T")


class DockerRuntime:
    """Containers of the Docker Engine behind a unix socket."""

    def __init__(self, socket_path: str = SOCKET_PATH) -> None:
        self._api = DockerApi(socket_path)
        self._bounded = output.Bounded(self._api)

    async def info(self) -> RuntimeInfo:
        """Version and size of the daemon's host."""
        info = _decoded(await self._api.call("GET", "/info"), wire.Info)
        version = _decoded(await self._api.call("GET", "/version"), wire.Version)
        return RuntimeInfo(
            name="docker",
            version=version.version,
            api_version=version.api_version,
            cpu=info.ncpu * CPU_UNITS_PER_CORE,
            memory_mib=info.mem_total // translate.BYTES_PER_MIB,
        )

    async def pull(self, image: str) -> None:
        """Pull without credentials of our own. A minute without a word from the daemon is weather."""
        repository, tag = translate.image_reference(image)
        params = {"fromImage": repository, "tag": tag}
        async with self._api.stream(
            "POST", "/images/create", params, silence_seconds_max=PULL_SILENCE_SECONDS_MAX
        ) as answer:
            if isinstance(answer, Answer):
                raise CannotPullContainerError(answer.message)
            async with aclosing(aiter(answer)) as lines:
                async for line in lines:
                    progress = msgspec.json.decode(line, type=wire.Progress)
                    if progress.error is not None:
                        raise CannotPullContainerError(progress.error)

    async def create(self, spec: ContainerSpec) -> str:
        """Create at once, and look only when the daemon objects."""
        body = translate.create_request(await self._bounded.spec(spec))
        for _ in range(NAME_ATTEMPTS_MAX):
            answer = await self._api.call(
                "POST",
                "/containers/create",
                {"name": spec.name},
                body=body,
                answer_seconds_max=CREATE_SECONDS_MAX,
            )
            if answer.ok:
                return _decoded(answer, wire.Created).id
            if answer.status == NOT_FOUND:  # a spec names nothing else that could be missing
                raise ImageMissing(answer.message)
            if answer.status != CONFLICT:
                raise CannotCreateContainerError(answer.message)
            existing = await self._named(spec.name)
            if existing is not None:
                return _adopted(existing, spec, answer)
        raise CannotCreateContainerError(answer.message)

    async def _named(self, name: str) -> Container | None:
        try:
            return await self.inspect(name)
        except ContainerGone:  # removed between the conflict and our look: try the name again
            return None

    async def start(self, container_id: str) -> Container:
        """Start, then inspect."""
        answer = await self._api.call("POST", f"/containers/{container_id}/start", answer_seconds_max=START_SECONDS_MAX)
        if not answer.ok:
            if answer.status == NOT_FOUND:
                await self.inspect(container_id)  # 404 is also "no such command": gone only if gone
            raise CannotStartContainerError(answer.message)
        return await self.inspect(container_id)

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

    async def remove_volume(self, name: str) -> None:
        """Ask the daemon; a volume in use stays."""
        answer = await self._api.call("DELETE", f"/volumes/{name}")
        if not answer.ok and answer.status != NOT_FOUND:
            raise CannotRemoveContainerError(answer.message)

    async def inspect(self, container_id: str) -> Container:
        """Ask the daemon."""
        return translate.container(await self._inspected(container_id))

    async def _inspected(self, container_id: str) -> wire.Inspected:
        answer = await self._api.call("GET", f"/containers/{container_id}/json")
        _settled(answer, CannotInspectContainerError)
        return _decoded(answer, wire.Inspected)

    async def list(self, labels: Mapping[str, str]) -> list[Container]:
        """List, then inspect each: the daemon's list has neither exit codes nor times."""
        params = {"all": "1", "filters": _filters(labels)}
        answer = await self._api.call("GET", "/containers/json", params)
        found = []
        for summary in _decoded(answer, tuple[wire.Summary, ...]):
            existing = await self._named(summary.id)
            if existing is not None:
                found.append(existing)
        return sorted(found, key=lambda container: container.name)

    async def follow(self, labels: Mapping[str, str]) -> AsyncGenerator[Changed | Resync, None]:
        """Follow the daemon's events, connecting again with growing pauses when it goes away."""
        pause_seconds = RECONNECT_SECONDS_MIN
        while not self._api.closed:
            try:
                async with aclosing(self._subscription(labels)) as items:
                    async for item in items:
                        pause_seconds = RECONNECT_SECONDS_MIN
                        yield item
            except RuntimeUnavailable:
                pass
            await self._api.pause(pause_seconds)
            pause_seconds = min(pause_seconds * 2, RECONNECT_SECONDS_MAX)

    async def _subscription(self, labels: Mapping[str, str]) -> AsyncGenerator[Changed | Resync, None]:
        """One connection's worth. Raises RuntimeUnavailable or ends when it is cut.

        The daemon sends headers before it subscribes us; ``since`` replays what fell between the two.
        """
        since_seconds = await self._api.daemon_seconds()
        filters = _filters(labels, type=["container"], event=list(EVENTS))
        params = {"since": str(since_seconds), "filters": filters}
        async with self._api.stream("GET", "/events", params) as answer:
            if isinstance(answer, Answer):
                raise RuntimeUnavailable(answer.message)
            yield Resync()
            async with aclosing(aiter(answer)) as lines:
                async for line in lines:
                    event = msgspec.json.decode(line, type=wire.Event)
                    yield Changed(event.actor.id, translate.event_labels(event))

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
        await self._api.close()


def _adopted(existing: Container, spec: ContainerSpec, answer: Answer) -> str:
    """Ours if it carries our labels; more of them is fine, Docker adds those of the image."""
    if not carries(existing.labels, spec.labels):
        raise CannotCreateContainerError(answer.message)
    return existing.id


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
