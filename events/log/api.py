"""JetStream API: requests in JSON, with the server's error codes told apart.

Raw subjects instead of nats-py's helpers: those hide error codes, poll, or make a task per message.
"""

import msgspec
import nats.errors

from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import Fenced, LogError, LogFull, LogUnavailable, OutcomeUnknown, PayloadTooLarge

REQUEST_SECONDS_MAX = 5.0

WRONG_LAST_SEQUENCE = frozenset({10071, 10164})
NO_ROOM = frozenset({10002, 10023, 10028, 10047})
STORE_FAILED = 10077
MESSAGE_TOO_LARGE = 10054
NOT_ENABLED = frozenset({10039, 10076})
STREAM_NOT_FOUND = 10059
STREAM_NAME_IN_USE = 10058
MESSAGE_NOT_FOUND = 10037
NO_ROOM_WORDS = ("maximum bytes", "maximum messages", "no space left", "insufficient")


class Refusal(msgspec.Struct, frozen=True):
    """The ``error`` of an answer: HTTP-like code, JetStream's own code, words."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Ack(msgspec.Struct, frozen=True):
    """The answer to a publish into a stream."""

    seq: int = 0
    error: Refusal | None = None


class Answer(msgspec.Struct, frozen=True):
    """The part every answer of the API has."""

    error: Refusal | None = None


class RefusedError(Exception):
    """The API said no."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.description} (JetStream error {refusal.err_code})")
        self.refusal = refusal


async def call(link: Link, subject: str, body: object = None, *, seconds_max: float = REQUEST_SECONDS_MAX) -> bytes:
    """Send one API request and return the answer's bytes. Raises RefusedError, LogUnavailable."""
    link.check()
    payload = b"" if body is None else msgspec.json.encode(body)
    try:
        answer = await link.request(f"$JS.API.{subject}", payload, seconds_max)
    except (nats.errors.Error, OSError) as error:
        message = f"JetStream does not answer {subject}: {str(error) or type(error).__name__}"
        raise LogUnavailable(message) from error
    refusal = msgspec.json.decode(answer.data, type=Answer).error
    if refusal is not None:
        if refusal.err_code in NOT_ENABLED or (refusal.code == 503 and refusal.err_code not in NO_ROOM):
            message = f"JetStream is not available: {refusal.description} ({refusal.err_code})"
            raise LogUnavailable(message)
        raise RefusedError(refusal)
    return answer.data


def publish_error(refusal: Refusal) -> LogError:
    """Say what a refused publish means to a writer."""
    words = f"{refusal.description} (JetStream error {refusal.err_code})"
    if refusal.err_code in WRONG_LAST_SEQUENCE:
        return Fenced(words)
    if refusal.err_code == MESSAGE_TOO_LARGE:
        return PayloadTooLarge(words)
    if refusal.err_code in NO_ROOM:
        return LogFull(words)
    if refusal.err_code == STORE_FAILED and any(word in refusal.description.lower() for word in NO_ROOM_WORDS):
        return LogFull(words)
    return OutcomeUnknown(words)
