"""States: what the live view remembers of each noun; plain mutable records, changed by folds only."""

from collections import deque

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import ServiceSettings
from quarterdeck.projections.live.demand import Demand
from quarterdeck.projections.live.instance import InstanceState
from quarterdeck.projections.live.room import Room


class TaskState(msgspec.Struct, gc=False):
    """A task, with no more than decisions need; everything else is in the read models."""

    id: str
    definition: str
    group: str
    deployment: str
    demand: Demand
    created_at: float
    started_by: str = ""
    instance: str = ""
    zone: str = ""
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    overrides: shapes.TaskOverride | None = None
    stop_code: str = ""
    stop_reason: str = ""
    stopped_at: float = 0.0


class DefinitionState(msgspec.Struct):
    """A revision of a task definition; its content never changes."""

    name: str
    definition: shapes.TaskDefinition
    demand: Demand
    tags: list[shapes.Tag]
    status: str = "ACTIVE"


class FamilyState(msgspec.Struct):
    """A family's revisions; numbers are never used again."""

    revisions: dict[int, DefinitionState] = msgspec.field(default_factory=dict)
    last: int = 0

    def latest(self) -> DefinitionState | None:
        """Find the latest ACTIVE revision."""
        active = (number for number, each in self.revisions.items() if each.status == "ACTIVE")
        number = max(active, default=0)
        return self.revisions.get(number)


class DeploymentState(msgspec.Struct):
    """A deployment and how many of its tasks are where; `tasks` are those not STOPPED."""

    id: str
    definition: str
    created_at: float
    completed: bool = False
    failed: int = 0
    failed_at: float = 0.0
    impaired: bool = False
    blocked: bool = False
    running: int = 0
    tasks: dict[str, None] = msgspec.field(default_factory=dict)


class ServiceState(msgspec.Struct):
    """A service; ``deployments`` has the PRIMARY first.

    ``wanted`` counts tasks desired RUNNING, ``running`` those of them that are, ``away`` those of
    them on instances whose agent is lost, ``alive`` all that are not STOPPED.
    """

    name: str
    desired_count: int
    settings: ServiceSettings
    created_at: float
    token: str = ""
    request: str = ""
    tags: list[shapes.Tag] = msgspec.field(default_factory=list)
    status: str = "ACTIVE"
    steady: bool = False
    unplaced: str = ""
    scale_in_blocked: bool = False
    deployments: list[DeploymentState] = msgspec.field(default_factory=list)
    wanted: int = 0
    running: int = 0
    away: int = 0
    alive: int = 0

    @property
    def group(self) -> str:
        """Name the group of the service's tasks."""
        return f"service:{self.name}"

    def definitions(self) -> list[str]:
        """Name the revisions that the service runs, or may go back to."""
        return [each.definition for each in self.deployments]

    def deployment(self, name: str) -> DeploymentState | None:
        """Find a deployment that still has tasks, or is PRIMARY."""
        return next((each for each in self.deployments if each.id == name), None)


class ClusterState(msgspec.Struct):
    """A cluster and all in it; tasks that STOPPED stay for an hour (spec §6.6).

    ``protected`` says until when services' tasks that are wanted may not be stopped to make way.
    """

    name: str
    created_at: float
    status: str = "ACTIVE"
    settings: list[shapes.ClusterSetting] = msgspec.field(default_factory=list)
    configuration: shapes.ClusterConfiguration | None = None
    service_connect_defaults: shapes.ClusterServiceConnectDefaultsRequest | None = None
    tags: list[shapes.Tag] = msgspec.field(default_factory=list)
    instances: dict[str, InstanceState] = msgspec.field(default_factory=dict)
    services: dict[str, ServiceState] = msgspec.field(default_factory=dict)
    tasks: dict[str, TaskState] = msgspec.field(default_factory=dict)
    room: Room = msgspec.field(default_factory=Room)
    away: dict[str, None] = msgspec.field(default_factory=dict)
    draining: dict[str, None] = msgspec.field(default_factory=dict)
    protected: dict[str, float] = msgspec.field(default_factory=dict)
    stopped: deque[tuple[float, str]] = msgspec.field(default_factory=deque)


class NamespaceState(msgspec.Struct):
    """All of one account in one region."""

    namespace: Namespace
    clusters: dict[str, ClusterState] = msgspec.field(default_factory=dict)
    families: dict[str, FamilyState] = msgspec.field(default_factory=dict)
    deleting: dict[str, None] = msgspec.field(default_factory=dict)
