"""Task row: a task while a batch is folded, and what it adds to the counts of its cluster, deployment and instance."""

from typing import Any

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.task import TaskPlaced, TaskRequested
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.models import cluster

_doc = msgspec.json.Decoder(shapes.Task)
_encode = msgspec.json.Encoder().encode


class Row(msgspec.Struct, gc=False):
    """A task while a batch is folded; written once, at its end.

    ``doc`` is not made before it is needed: most tasks are placed by the commit that requests them.
    ``stored`` is what the counts in the database go by; empty for a task that is not in it yet.
    """

    number: int
    inside: cluster.Reference
    id: str
    definition: str
    service: str | None
    deployment: str | None
    launch_type: str
    cpu: int
    memory: int
    ports: bytes | None
    desired: str = "RUNNING"
    last: str = "PROVISIONING"
    container_instance: int | None = None
    stopped_at: float | None = None
    doc: shapes.Task | None = None
    stored: tuple[str, str, int | None] | None = None
    at: float = 0.0
    requested: TaskRequested | None = None
    placed: TaskPlaced | None = None
    needs: Demand | None = None
    architecture: str = ""


class Counts(msgspec.Struct, frozen=True, gc=False):
    """What one task adds to the counts of its cluster, deployment and instance."""

    wanted: int = 0
    running: int = 0
    pending: int = 0
    provisioning: int = 0
    held: int = 0
    version: int = 0


NOTHING = Counts()
OVER = ("STOPPING", "STOPPED")
"""In these a task holds nothing."""


def counts(desired: str, last: str, container_instance: int | None) -> Counts:
    """Look up what a task in some state adds."""
    return COUNTS[desired, last, container_instance is not None]


def _state_counts(desired: str, last: str, *, bound: bool) -> Counts:
    return Counts(
        wanted=desired == "RUNNING",
        running=last == "RUNNING",
        pending=last == "PENDING",
        provisioning=last == "PROVISIONING",
        held=bound and last not in OVER,
        version=bound + (bound and last in OVER),
    )


COUNTS = {
    (desired, last, bound): _state_counts(desired, last, bound=bound)
    for desired in ("RUNNING", "STOPPED")
    for last in ("PROVISIONING", "PENDING", "RUNNING", *OVER)
    for bound in (False, True)
}


def loaded(inside: cluster.Reference, name: str, columns: tuple[Any, ...]) -> Row:
    """Make a row of what the database holds."""
    row = Row(columns[0], inside, name, *columns[1:-1])
    row.doc = _doc.decode(columns[-1])
    row.stored = (row.desired, row.last, row.container_instance)
    return row


def has_moved(row: Row) -> bool:
    """Whether a column that is in many indexes changed."""
    return row.stored is None or row.stored[::2] != (row.desired, row.container_instance)


def inserted(row: Row, doc: shapes.Task) -> tuple[object, ...]:
    """Parameters of INSERT."""
    return (
        *(row.number, row.inside.number, row.id, row.definition, row.definition.rpartition(":")[0]),
        *(row.service, row.deployment, doc.started_by, row.launch_type, row.cpu, row.memory, row.ports),
        *(row.desired, row.last, row.container_instance, row.stopped_at, _encode(doc)),
    )


def moved(row: Row, doc: shapes.Task) -> tuple[object, ...]:
    """Parameters of MOVE."""
    state = (row.ports, row.desired, row.last, row.container_instance, row.stopped_at)
    return (*state, _encode(doc), row.number)


def updated(row: Row, doc: shapes.Task) -> tuple[object, ...]:
    """Parameters of UPDATE."""
    return (row.ports, row.last, row.stopped_at, _encode(doc), row.number)
