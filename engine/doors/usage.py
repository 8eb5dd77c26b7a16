"""Usage: hears what agents tell of what containers use, and tells it to who asks.

Heard on ``qd.stats.<region>.<account>.<cluster>.<container instance>``, plain NATS: what is lost is told again soon.
Requests to ``qd.usage.<region>.<account>.<cluster>`` are answered with the last figures of each instance.
"""

import asyncio
from contextlib import suppress

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.doors.intake import Intake
from quarterdeck.engine.doors.questions import USAGE as ASKED
from quarterdeck.engine.doors.questions import Figures
from quarterdeck.engine.doors.reply import Reply, answered
from quarterdeck.engine.doors.target import parse_target
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.usage import Usage
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.log.connect import Link
from quarterdeck.events.stats import InstanceStats

HEARD = "qd.stats."
HEARD_SHAPE = "<region>.<account>.<cluster>.<container instance>"
ASKED_SHAPE = "<region>.<account>.<cluster>"
IN_FLIGHT_MAX = 16

log = structlog.get_logger(__name__)


class UsageDoor:
    """The door for figures, both ways."""

    def __init__(self, link: Link, keeper: Keeper, usage: Usage) -> None:
        self._link = link
        self._usage = usage
        self._keeper = keeper
        self.intake = Intake(link, f"{ASKED}>", self._answer, lambda: keeper.sequence, IN_FLIGHT_MAX)

    async def run(self) -> None:
        """Hear and answer until cancelled."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.intake.run(), name="questions about usage")
            subscription = await self._link.client.subscribe(f"{HEARD}>", cb=self._heard)
            try:
                await asyncio.Event().wait()
            finally:
                with suppress(nats.errors.Error):
                    await subscription.unsubscribe()

    async def _heard(self, message: Msg) -> None:
        try:
            target = parse_target(message.subject, HEARD, HEARD_SHAPE)
            stats = msgspec.json.decode(message.data, type=InstanceStats)
        except (InvalidParameterException, msgspec.MsgspecError) as error:
            log.warning("figures that can't be read", subject=message.subject, error=str(error))
            return
        self._usage.hear(Instance(str(target.namespace), target.cluster, target.rest[0]), stats)

    async def _answer(self, message: Msg) -> Reply:
        target = parse_target(message.subject, ASKED, ASKED_SHAPE)
        return answered(Figures(self._usage.of(str(target.namespace), target.cluster)), self._keeper.sequence)
