"""Task: the events of its life, from the request to STOPPED."""

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.base import ClusterEvent
from quarterdeck.events.explanation import Explanation


class TaskEvent(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """An event about one task, named by its 32 hex digits."""

    task: str


class ContainerReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What an agent says of one container of a task."""

    name: str
    status: str
    runtime_id: str = ""
    image_digest: str = ""
    exit_code: int | None = None
    reason: str = ""
    network_bindings: list[shapes.NetworkBinding] = []
    health_status: str = ""
    restart_count: int = 0


class TaskRequested(TaskEvent, frozen=True, kw_only=True, gc=False):
    """A task was accepted: desired RUNNING, last PENDING once placed.

    ``task_definition`` is ``family:revision``; ``deployment`` is set for a service's task,
    whose ``group`` is ``service:<name>``, and which is placed as its service says.
    """

    task_definition: str
    group: str
    started_by: str = ""
    deployment: str = ""
    launch_type: str = "EC2"
    overrides: shapes.TaskOverride | None = None
    tags: list[shapes.Tag] = []
    enable_execute_command: bool = False
    network_configuration: shapes.NetworkConfiguration | None = None
    placement_constraints: list[shapes.PlacementConstraint] = []
    placement_strategy: list[shapes.PlacementStrategy] = []


class TaskQueued(TaskEvent, frozen=True, kw_only=True, gc=False):
    """A standalone task found no room and waits for it in PROVISIONING, up to ``until`` (seconds since the epoch).

    What follows is a place, or STOPPED. ``reason`` is what it waited for when it came.
    """

    until: float
    reason: str
    explanation: Explanation
    placement_constraints: list[shapes.PlacementConstraint] = []
    placement_strategy: list[shapes.PlacementStrategy] = []


class TaskPlaced(TaskEvent, frozen=True, kw_only=True, gc=False):
    """A task was bound to an instance; its resources are taken from here on."""

    container_instance: str
    zone: str
    explanation: Explanation | None = None


class PlacementFailure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One instance that could not take the task, and the first check it failed."""

    container_instance: str
    reason: str
    detail: str = ""


class TaskPlacementFailed(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """Standalone tasks found no room: ``count`` of them were not created."""

    task_definition: str
    group: str
    started_by: str = ""
    count: int
    explanation: Explanation
    failures: list[PlacementFailure] = []
    overrides: shapes.TaskOverride | None = None
    placement_constraints: list[shapes.PlacementConstraint] = []
    placement_strategy: list[shapes.PlacementStrategy] = []
    network_configuration: shapes.NetworkConfiguration | None = None


class NetworkAttachment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Where in a network of its own a task is (awsvpc)."""

    subnet: str = ""
    private_ipv4_address: str
    mac_address: str = ""


class TaskStarted(TaskEvent, frozen=True, kw_only=True, gc=False):
    """The agent reported RUNNING: every essential container has started."""

    containers: list[ContainerReport] = []
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    attachment: NetworkAttachment | None = None


class ContainerStateChanged(TaskEvent, frozen=True, kw_only=True, gc=False):
    """The agent reported a change of a container that did not change the task's status."""

    container: ContainerReport


class ExecuteCommandRequested(TaskEvent, frozen=True, kw_only=True, gc=False):
    """Somebody was given a session to run a command in a container; the task itself is as it was."""

    container: str
    command: str
    session: str


class TaskHealthChanged(TaskEvent, frozen=True, kw_only=True, gc=False):
    """A task's essential containers that have a health check became HEALTHY, UNHEALTHY or UNKNOWN together."""

    health_status: str


class TaskProtectionEnabled(TaskEvent, frozen=True, kw_only=True, gc=False):
    """A service's task may not be stopped by scale-in or deployments until ``expires_at`` (seconds since the epoch)."""

    expires_at: float


class TaskProtectionDisabled(TaskEvent, frozen=True, kw_only=True, gc=False):
    """A task may be stopped again: a caller said so, or the time was up."""

    expired: bool = False


class TaskStopRequested(TaskEvent, frozen=True, kw_only=True, gc=False):
    """The desired status became STOPPED, for ever; ``unhealthy`` tells of a task that failed its checks.

    ``service`` is the one whose scheduler wants it no more; empty where a caller said so.
    """

    stop_code: str
    reason: str
    superseded_by: str = ""
    unhealthy: bool = False
    service: str = ""


class TaskStopping(TaskEvent, frozen=True, kw_only=True, gc=False):
    """The last status became STOPPING, and the desired status STOPPED: its processes have ended by themselves.

    Nothing of it runs any more, so its resources are free again, before its containers are taken apart and it is told,
    with TaskStopped, how they ended.
    """

    stop_code: str
    reason: str


class TaskStopped(TaskEvent, frozen=True, kw_only=True, gc=False):
    """The last status became STOPPED; its resources are free again, if they were not before."""

    stop_code: str
    reason: str
    containers: list[ContainerReport] = []
    pull_started_at: float | None = None
    pull_stopped_at: float | None = None
    execution_stopped_at: float | None = None
