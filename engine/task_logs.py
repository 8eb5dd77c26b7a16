"""Task logs: what the containers of a task, or of all tasks of a service, wrote: in order, and as it goes on."""

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from quarterdeck.engine.caller import Unreachable, refusal
from quarterdeck.engine.core.errors import (
    InvalidParameterException,
    Refusal,
    ResourceNotFoundException,
    ServerException,
)
from quarterdeck.engine.merge import Merge, Source
from quarterdeck.engine.streams import Streams
from quarterdeck.events import records, shapes
from quarterdeck.events.cursor import Cursor
from quarterdeck.events.log.channel import ChannelClosed
from quarterdeck.events.names import short_name
from quarterdeck.events.session import FRAME_BYTES_MAX, Ended, Lines, LogLine, LogQuery, ReadLogs

LOOK_SECONDS = 1.0
"""Between looks for tasks that were started meanwhile."""
AGAIN_SECONDS = 1.0
TRIES_MAX = 3
"""Then one who follows is told, and goes on trying; the others are refused."""
DESCRIBED_MAX = 100
NANOSECONDS = 1_000_000_000


class Line(msgspec.Struct, frozen=True):
    """What a container of a task wrote: ``at`` in nanoseconds since the epoch, ``stream`` stdout or stderr."""

    at: int
    task: str
    container: str
    stream: str
    data: bytes
    whole: bool = True

    @property
    def text(self) -> str:
        """What was written, without its end; what is not UTF-8 is replaced."""
        return self.data.decode(errors="replace").removesuffix("\n").removesuffix("\r")

    @property
    def time(self) -> datetime:
        """When, to the microsecond."""
        seconds, rest = divmod(self.at, NANOSECONDS)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)


class Place(NamedTuple):
    """A container, and where it is or was."""

    cluster: str
    container_instance: str
    task: str
    container: str

    def __str__(self) -> str:
        """Name it as lines of several are."""
        return f"{self.task}/{self.container}"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whose logs: a task's or a service's, of one container or all."""

    cluster: str | None = None
    task: str = ""
    service: str = ""
    container: str = ""
    query: LogQuery = LogQuery()


class Tries(msgspec.Struct):
    """How often in a row nothing could be read."""

    count: int = 0


Problem = Callable[[str, Refusal], None]


def _raised(_where: str, error: Refusal) -> None:
    raise error


class LogReader(Streams):
    """A client that reads logs."""

    async def logs(  # noqa: PLR0913 - what may be asked
        self,
        *,
        cluster: str | None = None,
        task: str = "",
        service: str = "",
        container: str = "",
        since: float | None = None,
        until: float | None = None,
        tail: int | None = None,
        follow: bool = False,
        problem: Problem = _raised,
    ) -> AsyncGenerator[Line, None]:
        """Give the lines of a task's containers, or of those of all tasks of a service, in the order of their times.

        ``since`` and ``until`` are in seconds since the epoch, ``tail`` counts from the end of each container. A
        follower of a task ends with it, one of a service takes in tasks that are started later. What can't be read is
        raised (Refusal), or handed to ``problem`` with the container it is about. Raises Unreachable.
        """
        query = LogQuery(_nanoseconds(since or 0), _nanoseconds(until or 0), tail, follow)
        wanted = Wanted(cluster=cluster, task=task, service=service, container=container, query=query)
        async with aclosing(_Reading(self, wanted, problem).lines()) as lines:
            async for line in lines:
                yield line


class _Reading:
    """One reading: its sources come with the tasks."""

    def __init__(self, client: Streams, wanted: Wanted, problem: Problem) -> None:
        self._client = client
        self._wanted = wanted
        self._problem = problem
        self._merge: Merge[Line] = Merge()
        self._seen: set[Place] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def lines(self) -> AsyncGenerator[Line, None]:
        """Give what the sources have.

        No part of the group fails: it would cancel whoever is at work on the line given last.
        """
        async with asyncio.TaskGroup() as group:
            self._begin(group, self._look(group), "tasks whose logs are read")
            try:
                async with aclosing(self._merge.items()) as items:
                    async for line in items:
                        yield line
            except GeneratorExit:
                return
            except (Refusal, Unreachable) as error:
                failure = error
            else:
                return
            finally:
                for task in self._tasks:
                    task.cancel()
        raise failure

    def _begin(self, group: asyncio.TaskGroup, work: Coroutine[Any, Any, None], name: str) -> None:
        async def guarded() -> None:
            try:
                await work
            except (Refusal, Unreachable) as error:
                self._merge.fail(error)

        self._tasks.append(group.create_task(guarded(), name=name))

    async def _look(self, group: asyncio.TaskGroup) -> None:
        """Find the containers, and those that come."""
        wanted = self._wanted
        while True:
            tasks = await described(self._client, wanted)
            for place in places(tasks, wanted.container):
                if place not in self._seen:
                    self._seen.add(place)
                    name = f"logs of {place.container} of {place.task}"
                    self._begin(group, self._pump(place, self._merge.source()), name)
            if not wanted.query.follow or (wanted.task and all(each.container_instance_arn for each in tasks)):
                break
            await asyncio.sleep(LOOK_SECONDS)
        self._merge.close()

    async def _pump(self, place: Place, source: Source[Line]) -> None:
        """Bring a container's lines to its source; after an interruption go on behind the last one."""
        cursor = Cursor(self._wanted.query)
        tries = Tries()
        try:
            while True:
                tries.count += 1
                try:
                    await self._read(place, cursor, source, tries)
                except ChannelClosed as error:
                    if tries.count == TRIES_MAX and await self._without_agent(place, cursor, source, error):
                        return
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    return
        except ResourceNotFoundException as error:
            if not await self._stored(place, cursor, source):
                self._problem(str(place), error)
        except Refusal as error:
            self._problem(str(place), error)
        finally:
            source.end()

    async def _without_agent(self, place: Place, cursor: Cursor, source: Source[Line], error: ChannelClosed) -> bool:
        """Bring what was stored; whether that is all for now. Raises Refusal if it is nothing, unless one follows."""
        stored = await self._stored(place, cursor, source)
        if self._wanted.query.follow:
            self._problem(str(place), await self._away(place, error))
        elif not stored:
            raise await self._away(place, error) from error
        return not self._wanted.query.follow

    async def _stored(self, place: Place, cursor: Cursor, source: Source[Line]) -> bool:
        """Bring what was stored of a container whose agent can't tell; whether that was anything."""
        content = await self._client.stored_log(place.task, place.container)
        if content is None:
            return False
        lines = records.stored(await asyncio.to_thread(gzip.decompress, content))
        for batch in records.batches(records.picked(lines, cursor.again()), FRAME_BYTES_MAX):
            await source.put([_line(place, each) for each in cursor.new(batch)])
        return True

    async def _read(self, place: Place, cursor: Cursor, source: Source[Line], tries: "Tries") -> None:
        asked = ReadLogs(task=place.task, container=place.container, query=cursor.again())
        async with self._client.called(place.cluster, place.container_instance) as channel:
            await channel.send(asked)
            while True:
                match await channel.receive():
                    case Lines(lines=lines):
                        tries.count = 0
                        await source.put([_line(place, each) for each in cursor.new(lines)])
                    case Ended(error="", code=""):
                        return
                    case Ended(error=message, code=code):
                        raise refusal(code or "ServerException", message)
                    case _:
                        continue

    async def _away(self, place: Place, error: ChannelClosed) -> Refusal:
        """Say since when an agent is away, and what can be done."""
        since = await self._client.away_since(place.cluster, place.container_instance)
        when = f" since {datetime.fromtimestamp(since, UTC).isoformat(timespec='seconds')}" if since else ""
        return ServerException(
            f"The logs of task {place.task} are on container instance {place.container_instance}, whose agent does not "
            f"answer{when} ({error}). They can be read when it is back; its host has them in the agent's data."
        )


async def described(client: Streams, wanted: Wanted) -> list[shapes.Task]:
    """Describe the tasks that are meant, those of a service that have stopped included. Raises Refusal."""
    arns = [wanted.task] if wanted.task else await _of_service(client, wanted)
    found: list[shapes.Task] = []
    for start in range(0, len(arns), DESCRIBED_MAX):
        part = arns[start : start + DESCRIBED_MAX]
        found += (await client.describe_tasks(cluster=wanted.cluster, tasks=part)).tasks or []
    if wanted.task and not found:
        raise InvalidParameterException("The referenced task was not found.")
    names = sorted({each.name or "" for task in found for each in task.containers or []})
    if wanted.container and names and wanted.container not in names:
        raise InvalidParameterException(
            f"The container {wanted.container} was not found in the task: it has {', '.join(names)}."
        )
    return found


async def _of_service(client: Streams, wanted: Wanted) -> list[str]:
    arns: list[str] = []
    for status in ("RUNNING", "STOPPED"):
        token: str | None = None
        while True:
            answer = await client.list_tasks(
                cluster=wanted.cluster, service_name=wanted.service, desired_status=status, next_token=token
            )
            arns += answer.task_arns or []
            token = answer.next_token
            if not token:
                break
    return arns


def places(tasks: Iterable[shapes.Task], container: str) -> Iterator[Place]:
    """Yield the containers that are meant, of tasks that have a place."""
    for task in tasks:
        cluster, instance = short_name(task.cluster_arn or ""), short_name(task.container_instance_arn or "")
        for each in task.containers or []:
            if instance and container in {"", each.name}:
                yield Place(cluster, instance, short_name(task.task_arn or ""), each.name or "")


def _line(place: Place, line: LogLine) -> Line:
    return Line(line.at, place.task, place.container, line.stream, line.data, line.whole)


def _nanoseconds(seconds: float) -> int:
    """Cut a time down to microseconds: a float of today's seconds holds no more, and would leave out its own line."""
    return round(seconds * 1_000_000) * 1_000
