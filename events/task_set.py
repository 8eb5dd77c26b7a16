"""Task set: the events of the sets of tasks that a service with the controller EXTERNAL is made of (spec §9.8)."""

from math import ceil

from quarterdeck.events import shapes
from quarterdeck.events.service import ServiceEvent

SHARE_DIGITS = 6
"""After the point: what lies behind is the error of a percentage in floating point, and asks for no task of its own."""


def share(desired: int, scale: float) -> int:
    """Work out how many of a service's tasks a task set should have, in percent, rounded up."""
    return ceil(round(desired * scale / 100, SHARE_DIGITS))


class TaskSetEvent(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """An event about one task set, named ``ecs-svc/<digits>``."""

    task_set: str


class TaskSetCreated(TaskSetEvent, frozen=True, kw_only=True, gc=False):
    """A task set came to be, ACTIVE; ``scale`` is its share of the service's desired count, in percent."""

    task_definition: str
    scale: float
    external_id: str = ""
    launch_type: str = "EC2"
    network_configuration: shapes.NetworkConfiguration | None = None
    load_balancers: list[shapes.LoadBalancer] = []
    service_registries: list[shapes.ServiceRegistry] = []
    tags: list[shapes.Tag] = []
    token: str = ""
    request: str = ""


class TaskSetScaled(TaskSetEvent, frozen=True, kw_only=True, gc=False):
    """A task set's share changed."""

    scale: float


class PrimaryTaskSetChanged(TaskSetEvent, frozen=True, kw_only=True, gc=False):
    """A task set became PRIMARY: what it is made from is the service's own now."""


class TaskSetSteadyStateReached(TaskSetEvent, frozen=True, kw_only=True, gc=False):
    """A task set has as many tasks running as it should have, and no other."""


class TaskSetDeleted(TaskSetEvent, frozen=True, kw_only=True, gc=False):
    """A task set became DRAINING: it wants no tasks any more."""

    force: bool = False


class TaskSetDrained(TaskSetEvent, frozen=True, kw_only=True, gc=False):
    """The last task of a deleted task set is STOPPED; the set is gone."""
