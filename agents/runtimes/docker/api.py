"""Api: HTTP to a Docker Engine over its unix socket; knows answers and weather, not containers.

Paths carry no version: the daemon then speaks its own newest one, which is what a negotiation would
settle on. What is used here has not changed since 1.24.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec

from quarterdeck.agents.runtimes.docker import wire
from quarterdeck.agents.runtimes.errors import RuntimeUnavailable

CONNECTIONS_MAX = 1_000
CONNECT_SECONDS_MAX = 5.0
ANSWER_SECONDS_MAX = 30.0
LINE_BYTES_MAX = 1 << 20
OK_MAX = 399
UPGRADED = 101
HIJACK = """POST {path} HTTP/1.1
Host: docker
Connection: Upgrade
Upgrade: tcp
Content-Type: application/json
Content-Length: {size}

"""

Params = Mapping[str, str]


class Answer(msgspec.Struct, frozen=True):
    """Status and body of an answer."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Done, or (304) there was nothing to do."""
        return self.status <= OK_MAX

    @property
    def message(self) -> str:
        """What the daemon said instead, in the words its own clients use."""
        return f"Error response from daemon: {refusal(self.body)}"


def refusal(body: bytes) -> str:
    """The message of an answer that is not ok; the body itself if it is something else."""
    try:
        return msgspec.json.decode(body, type=wire.Refusal).message
    except msgspec.DecodeError:
        return body.decode(errors="replace").strip()


class Lines:
    """The lines of an answer that goes on."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """As they come, where it is not lines."""
        async for chunk in self._content.iter_any():
            yield chunk

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        """One JSON text each, until the daemon ends it."""
        rest = b""
        async for chunk in self._content.iter_any():
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                raise RuntimeUnavailable(f"a line of more than {LINE_BYTES_MAX} bytes")
            for line in lines:
                if line.strip():
                    yield line


class DockerApi:
    """One daemon's API. Every call raises RuntimeUnavailable when the daemon is away or too slow."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._open: aiohttp.ClientSession | None = None
        self._closing = asyncio.Event()
        self._streams: set[aiohttp.StreamReader] = set()

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._closing.is_set()

    async def pause(self, seconds: float) -> None:
        """Wait that long, or until ``close``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def call(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        *,
        body: msgspec.Struct | bytes | None = None,
        answer_seconds_max: float = ANSWER_SECONDS_MAX,
    ) -> Answer:
        """One request and its whole answer, whatever its status."""
        limit = aiohttp.ClientTimeout(total=answer_seconds_max, connect=CONNECT_SECONDS_MAX)
        async with self._request(method, path, params, body, limit) as response:
            return Answer(response.status, await response.read())

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        params: Params,
        *,
        headers: Params | None = None,
        silence_seconds_max: float | None = None,
    ) -> AsyncGenerator[Answer | Lines, None]:
        """One request: the lines of its answer as they come, or the Answer if it is not ok."""
        limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS_MAX, sock_read=silence_seconds_max)
        async with self._request(method, path, params, None, limit, headers) as response:
            if response.status > OK_MAX:
                yield Answer(response.status, await response.read())
                return
            self._streams.add(response.content)
            try:
                yield Lines(response.content)
            finally:
                self._streams.discard(response.content)

    async def hijack(
        self, path: str, body: msgspec.Struct
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | Answer:
        """POST, and have the connection itself from there on; the Answer if the daemon does not give it away."""
        data = msgspec.json.encode(body)
        head = HIJACK.format(path=path, size=len(data)).replace("\n", "\r\n").encode()
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                reader, writer = await asyncio.open_unix_connection(self._socket_path, limit=LINE_BYTES_MAX)
            try:
                writer.write(head + data)
                async with asyncio.timeout(ANSWER_SECONDS_MAX):
                    refused = await _refused_upgrade(reader)
            except BaseException:
                writer.close()
                raise
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise RuntimeUnavailable(f"Docker at {self._socket_path}: {str(error) or type(error).__name__}") from error
        if refused is None:
            return reader, writer
        writer.close()
        return refused

    async def daemon_seconds(self) -> int:
        """The daemon's clock, in whole seconds."""
        limit = aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        async with self._request("GET", "/_ping", None, None, limit) as response:
            return int(parsedate_to_datetime(response.headers["Date"]).timestamp())

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: msgspec.Struct | bytes | None,
        limit: aiohttp.ClientTimeout,
        headers: Params | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        data = msgspec.json.encode(body) if isinstance(body, msgspec.Struct) else body
        headers = (
            headers if not isinstance(body, msgspec.Struct) else {**(headers or {}), "Content-Type": "application/json"}
        )
        try:
            async with self._session().request(
                method, path, params=params, data=data, headers=headers, timeout=limit
            ) as response:
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RuntimeUnavailable(f"Docker at {self._socket_path}: {str(error) or type(error).__name__}") from error

    def _session(self) -> aiohttp.ClientSession:
        if self.closed:
            raise RuntimeUnavailable("this runtime was closed")
        if self._open is None:
            connector = aiohttp.UnixConnector(self._socket_path, limit=CONNECTIONS_MAX)
            self._open = aiohttp.ClientSession("http://docker", connector=connector)
        return self._open

    async def close(self) -> None:
        """End all requests; those under way raise RuntimeUnavailable."""
        self._closing.set()
        for content in self._streams:  # aiohttp closes the socket, but does not wake who reads from it
            content.set_exception(aiohttp.ClientConnectionError("this runtime was closed"))
        if self._open is not None:
            await self._open.close()


async def _refused_upgrade(reader: asyncio.StreamReader) -> Answer | None:
    """Read an answer; None if the daemon gives the connection away."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
    status = int(head.split(maxsplit=2)[1])
    return None if status == UPGRADED else Answer(status, await reader.read())
