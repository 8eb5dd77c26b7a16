"""Service event: what a service says of itself (spec §7.6), the last of it; and why a deployment does not get on."""

import sqlite3
from collections.abc import Callable, Sequence

from quarterdeck.events import service as events
from quarterdeck.events.commit import Commit
from quarterdeck.projections.models import cluster, service_message

SCHEMA = """
CREATE TABLE service_event (
    number INTEGER PRIMARY KEY, service INTEGER NOT NULL, at REAL NOT NULL, message TEXT NOT NULL
);
CREATE INDEX service_event_service ON service_event (service);
"""
"""``number`` is that of the event a message tells of, times PLACES: of a task there is one about it, and one about all
that its commit stopped.
"""
PLACES = 2
MESSAGES_MAX = 100
"""Messages kept of a service (spec §7.1)."""

FIND = "SELECT number FROM service WHERE cluster = ? AND name = ?"
SAY = "INSERT INTO service_event (number, service, at, message) VALUES (?, ?, ?, ?)"
TRIM = """
DELETE FROM service_event
WHERE service = ?1 AND number <= (
    SELECT number FROM service_event WHERE service = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2
)
"""
STUCK = "UPDATE deployment SET stuck = ? WHERE cluster = ? AND id = ?"
FREED = """
UPDATE deployment SET stuck = NULL WHERE service = (SELECT number FROM service WHERE cluster = ? AND name = ?)
"""
ALL_STUCK = """
SELECT DISTINCT service.cluster, service.name FROM deployment JOIN service ON service.number = deployment.service
WHERE stuck IS NOT NULL
"""

Key = tuple[int, str, str]
"""Cluster, service, and the zone tasks are moved from or to, empty if they are not."""
Done = dict[Key, list[tuple[int, str]]]


class Fold:
    """How events add to what services say."""

    def __init__(self, connection: sqlite3.Connection, clusters: cluster.Fold) -> None:
        self._connection = connection
        self._clusters = clusters
        self._said: dict[int, None] = {}
        self._stuck: set[tuple[int, str]] | None = None
        self._started: Done = {}
        self._stopped: Done = {}

    def deployment_started(self, event: events.DeploymentStarted, commit: Commit, number: int) -> None:
        """Say that a service goes back."""
        if event.rolls_back:
            self.say(event, commit, number, service_message.rolling_back(event.service, event.deployment))

    def deployment_completed(self, event: events.DeploymentCompleted, commit: Commit, number: int) -> None:
        """Say that a deployment is done."""
        self.say(event, commit, number, service_message.completed(event.service, event.deployment))

    def deployment_failed(self, event: events.DeploymentFailed, commit: Commit, number: int) -> None:
        """Say that a deployment was given up."""
        self.say(event, commit, number, service_message.failed(event))

    def deployment_blocked(self, event: events.ServiceDeploymentBlocked, commit: Commit, number: int) -> None:
        """Say that the deployment configuration lets nothing happen."""
        message = service_message.blocked(event.service)
        bounds = f" (at least {event.lower} must stay healthy, at most {event.upper} may be there)"
        self._stick(event, commit, message + bounds)
        self.say(event, commit, number, message)

    def steady(self, event: events.ServiceSteadyStateReached, commit: Commit, number: int) -> None:
        """Say that the steady state was reached."""
        self.say(event, commit, number, service_message.steady(event.service))

    def placement_failed(self, event: events.ServiceTaskPlacementFailed, commit: Commit, number: int) -> None:
        """Say why a task found no room."""
        message = service_message.unplaceable(event)
        numbers = f" (container-instance {event.closest}: {event.detail})" if event.detail else ""
        self._stick(event, commit, message + numbers)
        self.say(event, commit, number, message)

    def scale_in_blocked(self, event: events.ServiceScaleInBlocked, commit: Commit, number: int) -> None:
        """Say that protected tasks keep the service from scaling in."""
        self.say(event, commit, number, service_message.scale_in_blocked(event.service, event.deployment))

    def start_impaired(self, event: events.ServiceTaskStartImpaired, commit: Commit, number: int) -> None:
        """Say that tasks keep failing to start."""
        self.say(event, commit, number, service_message.impaired(event.service))

    def rebalancing(self, event: events.RebalancingEvent, commit: Commit, number: int) -> None:
        """Say how zone rebalancing goes; a task that was started for it is told of apart from others."""
        if not isinstance(event, events.ServiceRebalancingTaskStarted):
            self.say(event, commit, number, service_message.rebalancing(event))
            return
        inside = self._clusters.find(commit.namespace, event.cluster)
        usual = self._started.get((inside.number, event.service, ""), [])
        moved = [each for each in usual if each[1] == event.task]
        usual[:] = [each for each in usual if each[1] != event.task]
        self._started.setdefault((inside.number, event.service, event.zone), []).extend(moved)

    def task_started(self, inside: int, service: str, number: int, task: str) -> None:
        """Keep a task that was created for the message about this commit."""
        self._started.setdefault((inside, service, ""), []).append((number, task))
        self.freed(inside, service)

    def freed(self, inside: int, service: str) -> None:
        """Let go of why a service's deployments do not get on: they do, or it is asked for something else."""
        key = (inside, service)
        if self._stuck is None:
            self._stuck = set(self._connection.execute(ALL_STUCK).fetchall())
        if key in self._stuck:
            self._connection.execute(FREED, key)
            self._stuck.discard(key)

    def task_stopped(self, inside: int, service: str, number: int, task: str, moved_from: str = "") -> None:
        """Keep a task the scheduler stopped for the message about this commit."""
        self._stopped.setdefault((inside, service, moved_from), []).append((number, task))

    def task_unhealthy(self, inside: int, service: str, number: int, task: str, at: float) -> None:
        """Say that a task failed its health checks, before it is told with all that its commit stopped."""
        row = self._connection.execute(FIND, (inside, service)).fetchone()
        if row is not None:
            self._write(number * PLACES, row[0], at, service_message.unhealthy(service, task))

    @property
    def acted(self) -> bool:
        """Whether the commit did something to a service's tasks."""
        return bool(self._started or self._stopped)

    def end_commit(self, at: float) -> None:
        """Say what the commit did to services' tasks."""
        self._tell(self._stopped, at, service_message.stopped)
        self._tell(self._started, at, service_message.started)

    def flush(self) -> None:
        """Let go of old messages."""
        self._connection.executemany(TRIM, [(service, MESSAGES_MAX) for service in self._said])
        self._said.clear()

    def say(self, event: events.ServiceEvent, commit: Commit, number: int, message: str) -> None:
        """Add a message to the service's events."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        (service,) = self._connection.execute(FIND, (inside.number, event.service)).fetchone()
        self._write(number * PLACES, service, commit.at, message)

    def _tell(self, done: Done, at: float, text: Callable[[str, Sequence[str], str], str]) -> None:
        for (inside, name, zone), tasks in done.items():
            row = self._connection.execute(FIND, (inside, name)).fetchone()
            for part in service_message.batches(tasks) if row else ():
                said = text(name, [task for _, task in part], zone)
                self._write(part[0][0] * PLACES + 1, row[0], at, said)
        done.clear()

    def _write(self, number: int, service: int, at: float, message: str) -> None:
        self._connection.execute(SAY, (number, service, at, message))
        self._said[service] = None

    def _stick(self, event: events.DeploymentEvent, commit: Commit, message: str) -> None:
        """Keep why a deployment does not get on, until it does: ECS's text, and the numbers."""
        inside = self._clusters.find(commit.namespace, event.cluster)
        self._connection.execute(STUCK, (message, inside.number, event.deployment))
        self._stuck = None
