"""Alarm: how others tell the state of alarms: an operation of ours, asked for as those of ECS are."""

import msgspec

from quarterdeck.engine.core import alarm as core
from quarterdeck.engine.doors.operation import Context, Own, Write
from quarterdeck.engine.shell.command import Outcome


class PutAlarmStateResponse(msgspec.Struct, frozen=True):
    """Nothing: it is noted."""


async def _noted(_context: Context, _request: core.PutAlarmStateRequest, _: Outcome) -> PutAlarmStateResponse:
    return PutAlarmStateResponse()


OPERATIONS: dict[str, Own] = {
    "PutAlarmState": Own(
        request=core.PutAlarmStateRequest, operation=Write(decide=core.put, answer=_noted, at_once=True)
    ),
}
