"""Agents: the engine's side of what agents ask over NATS, and what they are told.

Requests ``qd.agent.<region>.<account>.<cluster>.<container instance>.wanted``, ``….heartbeat``, ``….secrets`` and
``….session`` (what a session of ExecuteCommand is for); changes go out on
``qd.want.<region>.<account>.<cluster>.<container instance>`` in their order. They may be lost, on the way or here when
too many wait: their positions show it, and an agent lists again.
"""

import asyncio
from collections import deque
from functools import lru_cache
from typing import TypeVar

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import InvalidParameterException, SerializationException, ServerException
from quarterdeck.engine.doors.door import not_kept
from quarterdeck.engine.doors.intake import Intake
from quarterdeck.engine.doors.reply import Reply, answered
from quarterdeck.engine.doors.target import parse_target
from quarterdeck.engine.shell.command import NotKeeper
from quarterdeck.engine.shell.heartbeats import Heartbeats
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.secrets import Secrets
from quarterdeck.engine.shell.sessions import Sessions
from quarterdeck.engine.shell.wanted import Instance, Wanted
from quarterdeck.events.log.connect import Link
from quarterdeck.events.names import Namespace
from quarterdeck.events.secret_exchange import SecretsRequest
from quarterdeck.events.session import Redemption
from quarterdeck.events.wanted import Heartbeat, WantedChange

PREFIX = "qd.agent."
SHAPE = "<region>.<account>.<cluster>.<container instance>.<wanted, secrets, session or heartbeat>"
CHANGES_WAITING_MAX = 100_000
IN_FLIGHT_MAX = 4_096
SUBJECTS_KEPT_MAX = 16_384

T = TypeVar("T")

log = structlog.get_logger(__name__)
_beat = msgspec.json.Decoder(Heartbeat)
_redemption = msgspec.json.Decoder(Redemption)
_secrets = msgspec.json.Decoder(SecretsRequest)
_encoder = msgspec.json.Encoder()


class Agents:
    """The door for agents."""

    def __init__(
        self,
        link: Link,
        keeper: Keeper,
        wanted: Wanted,
        heartbeats: Heartbeats,
        secrets: Secrets,
        sessions: Sessions,
    ) -> None:
        self._link = link
        self._keeper = keeper
        self._wanted = wanted
        self._heartbeats = heartbeats
        self._sessions = sessions
        self._secrets = secrets
        self._changes: deque[tuple[Instance, WantedChange]] = deque(maxlen=CHANGES_WAITING_MAX)
        self._wake = asyncio.Event()
        self.intake = Intake(link, f"{PREFIX}>", self._answer, lambda: keeper.sequence, IN_FLIGHT_MAX)

    async def run(self) -> None:
        """Answer agents and tell them of changes until cancelled."""
        self._wanted.send.append(self._note)
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(self.intake.run(), name="agents' requests")
                parts.create_task(self._tell(), name="changes to agents")
        finally:
            self._wanted.send.remove(self._note)

    async def _answer(self, message: Msg) -> Reply:
        target = parse_target(message.subject, PREFIX, SHAPE)
        name, verb = target.rest
        instance = Instance(str(target.namespace), target.cluster, name)
        try:
            if verb == "heartbeat":
                answer = await self._heartbeats.beat(instance, _decoded(verb, _beat, message.data))
                return answered(answer, self._keeper.sequence)
            if verb == "wanted":
                listing = await self._wanted.listing(instance)
                return answered(listing, listing.sequence)
            if verb == "session":
                redemption = _decoded(verb, _redemption, message.data)
                grant = self._sessions.redeem(instance, redemption, self._keeper.clock.now())
                return answered(grant, self._keeper.sequence)
            if verb == "secrets":
                given = await self._secrets.give(instance, _decoded(verb, _secrets, message.data))
                return answered(given, self._keeper.sequence)
        except NotKeeper as error:
            raise ServerException(not_kept(error)) from error
        raise InvalidParameterException(
            f"Agents ask for wanted, secrets or a session, or send a heartbeat; {verb} is none of it."
        )

    def _note(self, instance: Instance, change: WantedChange) -> None:
        self._changes.append((instance, change))
        self._wake.set()

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._changes:
                instance, change = self._changes.popleft()
                try:
                    await self._link.client.publish(wanted_subject(instance), _encoder.encode(change))
                except nats.errors.Error as error:
                    log.warning("a change could not be sent to an agent", error=str(error))


@lru_cache(SUBJECTS_KEPT_MAX)
def wanted_subject(instance: Instance) -> str:
    """Name the subject on which an instance's changes go out."""
    namespace = Namespace.parse(instance.namespace)
    return f"qd.want.{namespace.region}.{namespace.account}.{instance.cluster}.{instance.container_instance}"


def _decoded(verb: str, decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SerializationException(f"{verb}: {error}") from error
