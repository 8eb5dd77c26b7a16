"""Health: whether an engine serves, over plain HTTP (``GET /health``), for load balancers and people."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

STOP_SECONDS_MAX = 1.0
SERVING = 200
NOT_SERVING = 503


class Health(msgspec.Struct, frozen=True):
    """What there is to say: the log position all answers are true at, and whose turn of keeping the log it is.

    ``read_sequence`` is how far the read models are.
    """

    status: str
    sequence: int = 0
    epoch: int = 0
    read_sequence: int = 0


@asynccontextmanager
async def answering(listener: socket.socket, look: Callable[[], Health]) -> AsyncIterator[None]:
    """Answer on a socket that is bound already, for the length of a block."""

    async def health(_: web.Request) -> web.Response:
        found = look()
        status = SERVING if found.status == "serving" else NOT_SERVING
        return web.Response(body=msgspec.json.encode(found), content_type="application/json", status=status)

    application = web.Application()
    application.router.add_get("/health", health)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=STOP_SECONDS_MAX)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        yield
    finally:
        await runner.cleanup()
