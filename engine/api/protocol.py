"""Protocol: AWS JSON 1.1, as far as it needs no network: the operation's name, answers and errors (spec §1)."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from quarterdeck.engine.core.errors import Refusal, UnknownOperationException
from quarterdeck.engine.doors.reply import document
from quarterdeck.events import operations

CONTENT_TYPE = "application/x-amz-json-1.1"
REQUEST_ID = "x-amzn-RequestId"
TARGET = "x-amz-target"
TARGET_PREFIX = "AmazonEC2ContainerServiceV20141113."

UNKNOWN = "unknown"
PAGE_BYTES = 4_096

_encoder = msgspec.json.Encoder()
_NAME = re.compile(r"[A-Za-z]{1,64}")


def operation_of(target: str | None) -> str:
    """Read the operation's name from X-Amz-Target. Raises UnknownOperationException."""
    if not target:
        raise UnknownOperationException("The header X-Amz-Target is missing; it says which operation is meant.")
    prefix, name = target[: len(TARGET_PREFIX)], target[len(TARGET_PREFIX) :]
    if prefix != TARGET_PREFIX or not _NAME.fullmatch(name):
        raise UnknownOperationException(f"X-Amz-Target must be {TARGET_PREFIX}<Operation>, not {target[:128]!r}.")
    return name


def label(target: str | None) -> str:
    """Name the operation a target means for metrics; all that are none share one name."""
    name = (target or "").rpartition(".")[2]
    return name if name in operations.ALL else UNKNOWN


def encode(response: Any) -> bytes:  # noqa: ANN401 - any operation's response
    """Write a response. Timestamps have three decimals at most, because decisions know no finer ones."""
    return _encoder.encode(response)


def error(refusal: Refusal) -> bytes:
    """Write an error."""
    return _encoder.encode(document(refusal))


def new_request_id() -> str:
    """Make the id of a request, a UUID of version 4."""
    digits = next(_digits)
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


def _random_digits() -> Iterator[str]:
    """Chance by the page: asking the system for each request's would cost more than all else about its id."""
    while True:
        page = secrets.token_hex(PAGE_BYTES)
        for start in range(0, len(page), 32):
            yield page[start : start + 32]


_digits = _random_digits()
