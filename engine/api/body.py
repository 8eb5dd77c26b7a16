"""Body: reads a request's body within its limits, and unpacks it if it is gzip'd."""

import asyncio
import zlib

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError, TransferEncodingError

from quarterdeck.engine.api.errors import RequestEntityTooLargeException, RequestTimeoutException
from quarterdeck.engine.core.errors import SerializationException

BODY_BYTES_MAX = 4 * 1024 * 1024
BODY_SECONDS_MAX = 30.0

_GZIP = zlib.MAX_WBITS | 16


async def read(request: web.BaseRequest) -> bytes:
    """Read a body as it was sent. Raises RequestEntityTooLarge-, RequestTimeout- and SerializationException."""
    content = request.content
    if content.is_eof():
        return _within(content.read_nowait(-1))
    if (request.content_length or 0) > BODY_BYTES_MAX:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            return await _collect(request)
    except TimeoutError as error:
        raise RequestTimeoutException(f"The body did not come within {BODY_SECONDS_MAX:.0f} seconds.") from error
    except (PayloadEncodingError, TransferEncodingError, web.RequestPayloadError) as error:
        raise SerializationException(f"The body is broken: {error}.") from error


async def _collect(request: web.BaseRequest) -> bytes:
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise _too_large()
    return bytes(body)


def _within(body: bytes) -> bytes:
    if len(body) > BODY_BYTES_MAX:
        raise _too_large()
    return body


def unpack(body: bytes, encoding: str | None) -> bytes:
    """Undo the Content-Encoding. Raises RequestEntityTooLarge- and SerializationException."""
    if encoding is None or encoding.lower() == "identity":
        return body
    if encoding.lower() != "gzip":
        raise SerializationException(f"The Content-Encoding {encoding[:64]!r} is not supported; gzip is.")
    packed = zlib.decompressobj(_GZIP)
    try:
        plain = packed.decompress(body, BODY_BYTES_MAX + 1)
    except zlib.error as error:
        raise SerializationException(f"The body is not gzip: {error}.") from error
    if len(plain) > BODY_BYTES_MAX:
        raise _too_large()
    if not packed.eof or packed.unused_data:
        raise SerializationException("The body is not gzip, or not all of it, or more than it.")
    return plain


def _too_large() -> RequestEntityTooLargeException:
    return RequestEntityTooLargeException(f"A request may have up to {BODY_BYTES_MAX:,} bytes.")
