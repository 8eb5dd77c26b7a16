"""Alarm: how others tell the state of alarms: an operation of ours, asked for as those of ECS are."""

from quarterdeck.engine.core import alarm as core
from quarterdeck.engine.doors.operation import Context, Operation, Write
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events.own import PutAlarmStateRequest, PutAlarmStateResponse


async def _noted(_context: Context, _request: PutAlarmStateRequest, _: Outcome) -> PutAlarmStateResponse:
    return PutAlarmStateResponse()


OPERATIONS: dict[str, Operation] = {"PutAlarmState": Write(decide=core.put, answer=_noted, at_once=True)}
