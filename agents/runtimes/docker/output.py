"""Output: what a container wrote, as the daemon has kept it and as it goes on."""

from collections import deque
from contextlib import aclosing

import msgspec

from quarterdeck.agents.runtimes.docker import wire
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.docker.multiplexed import LogLines, seconds
from quarterdeck.agents.runtimes.errors import CannotReadLogsError, ContainerGone, RuntimeUnavailable
from quarterdeck.agents.runtimes.port import ContainerSpec, LogBatches
from quarterdeck.events import records
from quarterdeck.events.session import FRAME_BYTES_MAX, LogLine, LogQuery

NOT_FOUND = 404
UNREADABLE = "does not support reading"
ROTATING_DRIVERS = ("json-file", "local")
FILE_MIB_MAX = 10
FILES_MAX = 3
"""Of a container whose definition says nothing of logs; Docker alone would let it fill the disk."""


class Bounded:
    """Bounds what the daemon keeps of a container that asks for no log driver, where its own default can be bounded."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self.default: str | None = None
        """The daemon's default driver, once it is known."""

    async def spec(self, spec: ContainerSpec) -> ContainerSpec:
        """Give the spec, with options of the daemon's default driver."""
        if spec.log_driver is not None:
            return spec
        if self.default is None:
            answer = await self._api.call("GET", "/info")
            if not answer.ok:
                raise RuntimeUnavailable(answer.message)
            self.default = msgspec.json.decode(answer.body, type=wire.Info).logging_driver
        if self.default not in ROTATING_DRIVERS:
            return spec
        options = {"max-size": f"{FILE_MIB_MAX}m", "max-file": str(FILES_MAX)}
        return msgspec.structs.replace(spec, log_driver=self.default, log_options=options)


async def read(api: DockerApi, container_id: str, inspected: wire.Inspected, query: LogQuery) -> LogBatches:
    """Ask the daemon. Its tail counts lines after ``until`` too, so such a tail is taken here."""
    late_tail = query.tail if query.until else None
    last: deque[LogLine] = deque(maxlen=late_tail)
    params = _params(query, None if query.until else query.tail)
    async with api.stream("GET", f"/containers/{container_id}/logs", params) as answer:
        if isinstance(answer, Answer):
            raise _refused(answer, inspected.host_config.log_config.type)
        lines = LogLines(terminal=inspected.config.tty)
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                found = [line for line in lines.feed(chunk) if records.wanted(line, query)]
                if late_tail is not None:
                    last.extend(found)
                    continue
                for batch in records.batches(found, FRAME_BYTES_MAX):
                    yield batch
        last.extend(line for line in lines.end() if records.wanted(line, query))
    for batch in records.batches(last, FRAME_BYTES_MAX):
        yield batch


def _params(query: LogQuery, tail: int | None) -> dict[str, str]:
    params = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": "all" if tail is None else str(tail)}
    if query.follow:
        params["follow"] = "1"
    if query.since:
        params["since"] = seconds(query.since)
    if query.until:
        params["until"] = seconds(query.until)
    return params


def _refused(answer: Answer, driver: str) -> Exception:
    if answer.status == NOT_FOUND:
        return ContainerGone(answer.message)
    if UNREADABLE in answer.message:
        return CannotReadLogsError(
            f"The container's log driver {driver} sends its output elsewhere and Docker can't read it back: look "
            "there, or use the log driver json-file, local or journald in the task definition."
        )
    return RuntimeUnavailable(answer.message)
