"""Commands: the operations of ECS as NATS requests, ``qd.cmd.<region>.<account>.<cluster>.<Operation>``.

The payload is the operation's JSON, the answer its JSON response or ``{"__type", "message"}`` with the header
``Qd-Error``; every answer has ``Qd-Sequence``. A command id (``Qd-Command-Id`` or ``Nats-Msg-Id``) makes a repeat
get the first outcome. The subject's cluster stands in for a body that names none; two that differ are refused.
"""

import msgspec
from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import InvalidParameterException, Refusal
from quarterdeck.engine.doors.door import Call, Door
from quarterdeck.engine.doors.intake import Intake
from quarterdeck.engine.doors.operation import request_type
from quarterdeck.engine.doors.reply import ACTOR, COMMAND, MESSAGE_ID, Reply, answered, refused
from quarterdeck.engine.doors.target import Target, parse_target
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events import operations
from quarterdeck.events.log.connect import Link
from quarterdeck.events.names import Namespace, short_name

PREFIX = "qd.cmd."
SHAPE = "<region>.<account>.<cluster>.<Operation>"
COMMAND_ID_LENGTH_MAX = 255
ACTOR_LENGTH_MAX = 2_048

_MEMBERS = ("cluster", "cluster_name")
_HAVE: dict[str, str] = {
    name: member for name in operations.ALL for member in _MEMBERS if member in request_type(name).__struct_fields__
}
"""In which member of its request an operation names its cluster; not all do."""


class DoorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may tune of the doors on NATS.

    ``trust_actor`` believes the header Qd-Actor: only where everybody who may connect is the operator's own.
    ``in_flight_max`` bounds the commands under way; above it the answer is ThrottlingException.
    """

    trust_actor: bool = False
    in_flight_max: int = 2_048


class Messages:
    """Carries out messages: what NATS requests and the durable queue have in common."""

    def __init__(self, door: Door, keeper: Keeper, settings: DoorSettings) -> None:
        self._door = door
        self._keeper = keeper
        self._trust_actor = settings.trust_actor

    async def carry_out(self, prefix: str, message: Msg, token: str = "") -> Reply:
        """Carry a message's command out; what is refused is a reply too."""
        try:
            target = parse_target(message.subject, prefix, SHAPE)
            (operation,) = target.rest
            headers = message.headers
            request = fill_cluster(operation, self._door.decode(operation, message.data), target)
            call = Call(
                namespace=target.namespace,
                operation=operation,
                actor=actor(target.namespace, headers, trusted=self._trust_actor),
                token=command_id(headers) or token,
            )
            answer = await self._door.carry_out(call, request)
        except Refusal as refusal:
            return refused(refusal, self._keeper.sequence)
        return answered(answer.response, answer.sequence)


class Commands:
    """The door for requests."""

    def __init__(self, link: Link, keeper: Keeper, messages: Messages, settings: DoorSettings) -> None:
        self._messages = messages
        self.intake = Intake(link, f"{PREFIX}>", self._answer, lambda: keeper.sequence, settings.in_flight_max)

    async def run(self) -> None:
        """Answer requests until cancelled."""
        await self.intake.run()

    async def _answer(self, message: Msg) -> Reply:
        return await self._messages.carry_out(PREFIX, message)


def actor(namespace: Namespace, headers: dict[str, str] | None, *, trusted: bool) -> str:
    """Tell who asks: whom the message names, if senders are trusted, else root. Raises InvalidParameterException."""
    claimed = headers.get(ACTOR) if headers and trusted else None
    if not claimed:
        return namespace.root_arn()
    if len(claimed) > ACTOR_LENGTH_MAX or not claimed.isprintable():
        raise InvalidParameterException(f"{ACTOR} must be at most {ACTOR_LENGTH_MAX} printable characters.")
    return claimed


def command_id(headers: dict[str, str] | None) -> str:
    """Find the id a sender gave its command, empty if none. Raises InvalidParameterException."""
    if not headers:
        return ""
    found = headers.get(COMMAND) or headers.get(MESSAGE_ID) or ""
    if len(found) > COMMAND_ID_LENGTH_MAX or not found.isprintable():
        raise InvalidParameterException(f"A command id must be at most {COMMAND_ID_LENGTH_MAX} printable characters.")
    return found


def fill_cluster(operation: str, request: msgspec.Struct, target: Target) -> msgspec.Struct:
    """Let the subject's cluster stand in for one the body does not name. Raises InvalidParameterException."""
    member = _HAVE.get(operation)
    if not target.cluster or member is None:
        return request
    named = getattr(request, member)
    if named is None:
        return msgspec.structs.replace(request, **{member: target.cluster})
    if short_name(named) != target.cluster:
        raise InvalidParameterException(
            f"The subject names cluster {target.cluster}, the request cluster {named}. They must be the same."
        )
    return request
