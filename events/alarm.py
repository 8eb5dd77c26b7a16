"""Alarm: the events of alarms that others watch over, and that deployments may depend on (spec §9.5)."""

from quarterdeck.events.base import Event


class AlarmStateChanged(Event, frozen=True, kw_only=True, gc=False):
    """Somebody told that an alarm is in another state: OK, ALARM or INSUFFICIENT_DATA."""

    alarm: str
    state: str
    reason: str = ""
