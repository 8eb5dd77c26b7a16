"""Reply: an answer as NATS carries it: JSON, and headers that say where in the log it is true and what went wrong."""

import msgspec

from quarterdeck.engine.core.errors import Refusal, ServerException

SEQUENCE = "Qd-Sequence"
ERROR = "Qd-Error"
ACTOR = "Qd-Actor"
COMMAND = "Qd-Command-Id"
COMMIT = "Qd-Commit"
CAUSE = "Qd-Cause"
MESSAGE_ID = "Nats-Msg-Id"

SERVER_STATUS = 500

_encoder = msgspec.json.Encoder()


class Reply(msgspec.Struct, frozen=True):
    """What to send back; ``error`` is ECS's code, empty if there is none; ``retry`` says that it was weather."""

    payload: bytes
    headers: dict[str, str]
    error: str = ""
    retry: bool = False


def answered(response: object, sequence: int) -> Reply:
    """Answer with a response that is true at a position."""
    return Reply(_encoder.encode(response), {SEQUENCE: str(sequence)})


def refused(refusal: Refusal, sequence: int) -> Reply:
    """Answer with an error of the ECS API, its members in ECS's spelling."""
    headers = {SEQUENCE: str(sequence), ERROR: refusal.code}
    return Reply(_encoder.encode(document(refusal)), headers, refusal.code, refusal.status >= SERVER_STATUS)


def failed(operation: str, error: Exception, sequence: int) -> Reply:
    """Answer that we made a mistake."""
    message = f"{operation} failed inside the engine: {error!r}. Whether it was carried out is not known."
    return refused(ServerException(message), sequence)


def document(refusal: Refusal) -> dict[str, object]:
    """Write an error as ECS does."""
    members = {_camel(name): value for name, value in refusal.members.items() if value is not None}
    return {"__type": refusal.code, "message": refusal.message, **members}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
