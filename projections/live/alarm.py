"""Alarm: how its events change the live view."""

from quarterdeck.events.alarm import AlarmStateChanged
from quarterdeck.projections.live.states import NamespaceState


def state_changed(namespace: NamespaceState, event: AlarmStateChanged, _at: float) -> None:
    """Note an alarm's state; one that is OK is not remembered."""
    if event.state == "OK":
        namespace.alarms.pop(event.alarm, None)
    else:
        namespace.alarms[event.alarm] = event.state
