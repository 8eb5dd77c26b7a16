"""Server: ECS's API on HTTP: ``POST /`` for operations, ``GET /health`` and ``GET /metrics`` beside it.

The order of checks is AWS's (spec §1.4): read the headers and the body, authenticate, find the operation, throttle,
decode, carry out. Every answer is JSON with a request id; what nobody foresaw is a ServerException, and logged.
"""

import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import msgspec
import structlog
from aiohttp import web

from quarterdeck.engine.api import body, protocol
from quarterdeck.engine.api.authenticate import Caller, authentication, lowered
from quarterdeck.engine.api.errors import MethodNotAllowedException, NotFoundException
from quarterdeck.engine.api.metrics import CONTENT_TYPE as METRICS_TYPE
from quarterdeck.engine.api.metrics import OK, SERVING, Metrics
from quarterdeck.engine.api.port import Operations
from quarterdeck.engine.api.settings import ApiSettings, check
from quarterdeck.engine.api.sigv4 import Signed
from quarterdeck.engine.api.throttle import Throttle
from quarterdeck.engine.core.errors import Refusal, ServerException, ThrottlingException
from quarterdeck.engine.doors.door import Answer, Call
from quarterdeck.engine.doors.reply import SEQUENCE
from quarterdeck.engine.shell.clock import Clock, SystemClock

IDLE_OR_HEADERS_SECONDS_MAX = 75.0
"""From connecting, or the last answer, until all headers of the next request have come."""

LINGER_SECONDS_MAX = 5.0
"""How long the rest of a body that was refused is still read, so that its sender gets to see the answer."""

SHUTDOWN_SECONDS_MAX = 5.0
HEADER_BYTES_MAX = 16_384
HEADERS_MAX = 100
IN_FLIGHT_MAX = 512

BACKLOG_MAX = 512

SERVER = "quarterdeck"
ALLOWED = {"/": "POST", "/health": "GET", "/metrics": "GET"}

log = structlog.get_logger(__name__)

Extend = Callable[[web.Application], None]


class Reply(msgspec.Struct, frozen=True):
    """What to send back; ``code`` is the error's, or OK."""

    payload: bytes
    code: str = OK
    status: int = 200
    sequence: int | None = None


class Api:
    """The handlers."""

    def __init__(self, operations: Operations, settings: ApiSettings, clock: Clock | None = None) -> None:
        self._operations = operations
        self._clock = clock or SystemClock()
        self._authenticate = authentication(settings)
        self._throttle = Throttle(settings.rates) if settings.counts_calls else None
        self._metrics = Metrics(operations)
        self._in_flight = 0

    async def operation(self, request: web.Request) -> web.Response:
        """Answer ``POST /``."""
        started = time.perf_counter()
        request_id = protocol.new_request_id()
        target = request.headers.get(protocol.TARGET)
        self._in_flight += 1
        try:
            reply = await self._reply(request, target, request_id)
        finally:
            self._in_flight -= 1
        self._metrics.count(protocol.label(target), reply.code, time.perf_counter() - started)
        return _response(reply, request_id)

    async def health(self, _: web.Request) -> web.Response:
        """Answer ``GET /health``: 200 when operations can be carried out here, else 503."""
        health = self._operations.health()
        status = 200 if health.status == SERVING else 503
        return web.Response(body=msgspec.json.encode(health), status=status, content_type="application/json")

    async def metrics(self, _: web.Request) -> web.Response:
        """Answer ``GET /metrics``."""
        return web.Response(body=self._metrics.text(), headers={"Content-Type": METRICS_TYPE})

    async def _reply(self, request: web.Request, target: str | None, request_id: str) -> Reply:
        try:
            answer = await self._carry_out(request, target, request_id)
            return Reply(protocol.encode(answer.response), sequence=answer.sequence)
        except Refusal as refusal:
            return _refused(refusal)
        except ConnectionError:
            raise  # nobody is left to answer
        except Exception as error:  # whoever asked hears of our mistake
            log.exception("a request failed", request=request_id, target=target)
            return _refused(ServerException(f"The engine failed: {error!r}. Whether it was carried out is not known."))

    async def _carry_out(self, request: web.Request, target: str | None, request_id: str) -> Answer:
        if self._in_flight > IN_FLIGHT_MAX:
            raise ThrottlingException("Rate exceeded")
        sent = await body.read(request)
        caller = self._caller(request, sent)
        operation = protocol.operation_of(target)
        if self._throttle is not None:
            self._throttle.take(caller.namespace, operation, time.monotonic())
        decoded = self._operations.decode(operation, body.unpack(sent, request.headers.get("Content-Encoding")))
        call = Call(namespace=caller.namespace, operation=operation, actor=caller.actor, request=request_id)
        return await self._operations.carry_out(call, decoded)

    def _caller(self, request: web.Request, sent: bytes) -> Caller:
        path, _, query = request.raw_path.partition("?")
        signed = Signed(request.method, path, query, lowered(request.headers), sent)
        return self._authenticate(signed, self._clock.now())


def application(api: Api, extend: Extend | None = None) -> web.Application:
    """Put the handlers on their paths; `extend` adds others, such as the console's, before the rest is refused."""
    app = web.Application(client_max_size=body.BODY_BYTES_MAX)
    app.router.add_post("/", api.operation)
    app.router.add_get("/health", api.health)
    app.router.add_get("/metrics", api.metrics)
    if extend is not None:
        extend(app)
    app.router.add_route("*", "/{path:.*}", _nothing_here)
    return app


@asynccontextmanager
async def serve_api(
    operations: Operations,
    settings: ApiSettings,
    listener: socket.socket | None = None,
    *,
    clock: Clock | None = None,
    extend: Extend | None = None,
) -> AsyncIterator[str]:
    """Serve for the length of a block, on a socket bound already or on `listen`; gives the URL.

    Raises ApiSettingsError, and OSError when the port is taken.
    """
    check(settings)
    runner = web.AppRunner(
        application(Api(operations, settings, clock), extend),
        access_log=None,
        auto_decompress=False,  # signatures are over what was sent
        keepalive_timeout=IDLE_OR_HEADERS_SECONDS_MAX,
        lingering_time=LINGER_SECONDS_MAX,
        shutdown_timeout=SHUTDOWN_SECONDS_MAX,
        max_line_size=HEADER_BYTES_MAX,
        max_field_size=HEADER_BYTES_MAX,
        max_headers=HEADERS_MAX,
        logger=_parser_log(),
    )
    await runner.setup()
    try:
        await _site(runner, settings, listener).start()
        yield _url(runner.addresses[0], settings)
    finally:
        await runner.cleanup()


def _site(runner: web.AppRunner, settings: ApiSettings, listener: socket.socket | None) -> web.BaseSite:
    if listener is not None:
        return web.SockSite(runner, listener, ssl_context=_tls(settings), backlog=BACKLOG_MAX)
    host, port = settings.address
    return web.TCPSite(runner, host, port, ssl_context=_tls(settings), backlog=BACKLOG_MAX)


def _url(bound: tuple[str, int], settings: ApiSettings) -> str:
    host, port = bound[:2]
    scheme = "http" if settings.certificate is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _parser_log() -> logging.Logger:
    """Keep quiet about requests that are not HTTP: their senders have been told, and anybody could fill a disk."""
    logger = logging.getLogger(f"{__name__}.aiohttp")
    logger.setLevel(logging.CRITICAL)
    return logger


def _tls(settings: ApiSettings) -> ssl.SSLContext | None:
    if settings.certificate is None or settings.private_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.certificate, settings.private_key)
    return context


async def _nothing_here(request: web.Request) -> web.Response:
    if request.path in ALLOWED:
        allowed = ALLOWED[request.path]
        refusal: Refusal = MethodNotAllowedException(f"{request.path} takes {allowed}, not {request.method}.")
        return _response(_refused(refusal), protocol.new_request_id(), {"Allow": allowed})
    refusal = NotFoundException("There is nothing here. ECS's API is POST /; beside it are GET /health and /metrics.")
    return _response(_refused(refusal), protocol.new_request_id())


def _refused(refusal: Refusal) -> Reply:
    return Reply(protocol.error(refusal), refusal.code, refusal.status)


def _response(reply: Reply, request_id: str, extra: Mapping[str, str] | None = None) -> web.Response:
    headers = {
        "Content-Type": protocol.CONTENT_TYPE,
        protocol.REQUEST_ID: request_id,
        "Server": SERVER,
        **(extra or {}),
    }
    if reply.sequence is not None:
        headers[SEQUENCE] = str(reply.sequence)
    return web.Response(body=reply.payload, status=reply.status, headers=headers)
