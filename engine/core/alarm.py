"""Alarm: takes the state of alarms that others watch over, and gives deployments up that ring one (spec §9.5).

ECS polls CloudWatch; here whoever watches tells: PutAlarmState, in the words of CloudWatch's SetAlarmState.
"""

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.rollback import fail
from quarterdeck.engine.core.service_step import Site
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events.alarm import AlarmStateChanged
from quarterdeck.events.own import PutAlarmStateRequest
from quarterdeck.events.service import DeploymentFailed
from quarterdeck.projections.live.service import ALARM

STATES = ("OK", "ALARM", "INSUFFICIENT_DATA")
NAME_CHARACTERS_MAX = 255
REASON_CHARACTERS_MAX = 1023
ALARMS_MAX = 10_000
REASON = "ECS deployment failed: alarm(s) detected."
NAME = "ECS deployment alarms"


def put(turn: Turn, request: PutAlarmStateRequest) -> None:
    """Note the state of an alarm; one that is in it already is no event."""
    name, state = request.alarm_name or "", request.state_value
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise InvalidParameterException(f"alarmName must have from 1 to {NAME_CHARACTERS_MAX} characters.")
    if state not in STATES:
        raise InvalidParameterException(f"stateValue should be one of [{','.join(STATES)}]")
    known = turn.state.alarms
    if name not in known and len(known) >= ALARMS_MAX and state != "OK":
        raise InvalidParameterException(f"At most {ALARMS_MAX} alarms can be other than OK.")
    if known.get(name, "OK") != state:
        reason = (request.state_reason or "")[:REASON_CHARACTERS_MAX]
        turn.emit(AlarmStateChanged(alarm=name, state=state, reason=reason))


def rings(site: Site) -> bool:
    """Give the PRIMARY deployment up if one of its alarms rings that did not when it began."""
    turn, cluster, service, primary = site
    alarms = service.settings.deployment_configuration.alarms
    if alarms is None or not alarms.enable or primary.completed or primary.failure or primary.rolls_back:
        return False
    known = turn.state.alarms
    ringing = [each for each in alarms.alarm_names or [] if known.get(each) == ALARM and each not in primary.ringing]
    if not ringing:
        return False
    failed = DeploymentFailed(
        cluster=cluster.name,
        service=service.name,
        deployment=primary.id,
        cause="ALARMS",
        reason=REASON,
        alarms=ringing,
    )
    fail(turn, failed, back=NAME if alarms.rollback else "")
    return True
