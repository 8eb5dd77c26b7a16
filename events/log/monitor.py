"""Monitor: what a nats-server tells about itself on its monitoring port, over plain HTTP."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import msgspec

from quarterdeck.events.log.errors import LogMisconfigured, LogUnavailable

GET_SECONDS_MAX = 3.0
ANSWER_BYTES_MAX = 4 << 20
COMPLAINT_BYTES_MAX = 1_000
SERVER_VERSION_MIN = (2, 15, 1)


async def get(url: str, path: str) -> Any:  # noqa: ANN401  # whatever JSON the server tells
    """Fetch one JSON document. Raises LogUnavailable."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(GET_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 8222)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
                answer = await _rest(reader)
            finally:
                writer.close()
                await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            message = (
                f"{url}{path} answers {head.splitlines()[:1]} {body[:COMPLAINT_BYTES_MAX].decode(errors='replace')}"
            )
            raise LogUnavailable(message)
        return msgspec.json.decode(body)
    except (OSError, TimeoutError, msgspec.DecodeError) as error:
        message = f"nothing useful answers at {url}{path}: {str(error) or type(error).__name__}"
        raise LogUnavailable(message) from error


async def _rest(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < ANSWER_BYTES_MAX and (part := await reader.read(1 << 16)):
        answer += part
    return answer


async def confirm_durable(monitors: tuple[str, ...]) -> None:
    """Make sure that every server syncs each write before it acknowledges it. Raises LogMisconfigured."""
    if not monitors:
        message = (
            "nobody confirms that the NATS servers sync every write: no monitor URL is given. "
            "Name the monitoring address of each server (`http: 127.0.0.1:8222` in its configuration), "
            "or give up durability explicitly"
        )
        raise LogMisconfigured(message)
    for monitor in monitors:
        try:
            jetstream = await get(monitor, "/jsz?config=1")
        except LogUnavailable as error:
            message = f"cannot confirm that the NATS server syncs every write: {error}. Is its monitoring port open?"
            raise LogMisconfigured(message) from error
        config = jetstream.get("config", {})
        if not config.get("sync_always"):
            message = (
                f"the NATS server at {monitor} acknowledges before it syncs (a power cut loses acknowledged writes): "
                "set `sync_interval: always` in the jetstream block of its configuration and restart it"
            )
            raise LogMisconfigured(message)


async def write_error(monitor: str) -> str | None:
    """Say what keeps a server from writing; None when nothing does, or nobody answers.

    After a failed write (a full disk, above all) a stream answers publishers no more until its server is restarted.
    """
    try:
        await get(monitor, "/healthz")
    except LogUnavailable as error:
        return str(error) if "write error" in str(error) else None
    return None


def confirm_version(version: tuple[int, int, int]) -> None:
    """Refuse servers with known losses. Raises LogMisconfigured."""
    if version < SERVER_VERSION_MIN:
        found, needed = (".".join(map(str, v)) for v in (version, SERVER_VERSION_MIN))
        message = f"nats-server {found} is too old for a durable log (faults in syncing): run {needed} or newer"
        raise LogMisconfigured(message)
