"""Events: what the daemon tells of containers, as changes to look at."""

from collections.abc import Iterator
from contextlib import contextmanager

from quarterdeck.agents.runtimes.docker import translate, wire
from quarterdeck.agents.runtimes.port import Changed, Ended

ACTIONS = ("start", "die", "oom", "destroy", "pause", "unpause", "health_status")
"""Actions worth a look; asking for these leaves the exec_* of health probes with the daemon."""

EXIT_CODE = "exitCode"
NANOSECONDS_PER_SECOND = 1_000_000_000


class Events:
    """Makes changes of events, and keeps what one event says for a later one.

    What `die` says is all there is to know of the end of a run. An inspection would have to wait until the daemon has
    taken the container's network and file system apart, which takes as long as half a start.
    """

    def __init__(self) -> None:
        self._oom_killed: set[str] = set()
        self._starting: set[str] = set()

    @contextmanager
    def starting(self, container_id: str) -> Iterator[None]:
        """Start a container in this block, and look at it after that: its `start` is no news."""
        self._starting.add(container_id)
        try:
            yield
        finally:
            self._starting.discard(container_id)

    def changed(self, event: wire.Event) -> Changed | None:
        """Make a change of an event; None if it is no news."""
        container_id = event.actor.id
        if event.action == "start" and container_id in self._starting:
            return None
        if event.action == "oom":
            self._oom_killed.add(container_id)
        how = self._ended(event) if event.action == "die" else None
        if event.action in {"start", "die", "destroy"}:
            self._oom_killed.discard(container_id)
        return Changed(container_id, translate.event_labels(event), how)

    def _ended(self, event: wire.Event) -> Ended | None:
        code = event.actor.attributes.get(EXIT_CODE, "")
        if not code.isdecimal() or not event.time_nano:
            return None
        return Ended(int(code), event.time_nano / NANOSECONDS_PER_SECOND, event.actor.id in self._oom_killed)
