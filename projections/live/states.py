"""States: what the live view remembers of each noun; plain mutable records, changed by folds only."""

from collections import deque
from collections.abc import Sequence

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import ServiceSettings
from quarterdeck.events.task_set import share
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
    executes: bool = False
    """Whether ExecuteCommand may run commands in it."""
    stop_code: str = ""
    stop_reason: str = ""
    stopped_at: float = 0.0
    tags: Sequence[shapes.Tag] = ()
    network: shapes.NetworkConfiguration | None = None
    started_at: float = 0.0
    checks: dict[str, str] | None = None
    """The health of its essential containers that have a health check; None if there are none."""
    health: str = "UNKNOWN"
    restarts: dict[str, int] | None = None
    """How often containers were started again in place, of those that were."""
    unstarted: tuple[str, ...] = ()
    """Containers that had not begun when it was told RUNNING, and have not since."""

    @property
    def healthy(self) -> bool:
        """Whether it is RUNNING and, where it has health checks, HEALTHY (spec §9.2)."""
        return self.last_status == "RUNNING" and (self.checks is None or self.health == "HEALTHY")


class QueuedState(msgspec.Struct, frozen=True):
    """A task that waits for room: until when, and how it is to be placed."""

    until: float
    constraints: list[shapes.PlacementConstraint]
    strategies: list[shapes.PlacementStrategy]


class DefinitionState(msgspec.Struct):
    """A revision of a task definition; its content never changes."""

    name: str
    definition: shapes.TaskDefinition
    demand: Demand
    tags: list[shapes.Tag]
    status: str = "ACTIVE"
    checked: tuple[str, ...] = ()
    """The essential containers that have a health check."""


class FamilyState(msgspec.Struct):
    """A family's revisions; numbers are never used again."""

    revisions: dict[int, DefinitionState] = msgspec.field(default_factory=dict)
    last: int = 0

    def latest(self) -> DefinitionState | None:
        """Find the latest ACTIVE revision."""
        active = (number for number, each in self.revisions.items() if each.status == "ACTIVE")
        number = max(active, default=0)
        return self.revisions.get(number)


class HookState(msgspec.Struct, frozen=True):
    """A hook of a deployment's present stage."""

    id: str
    stage: str
    target_type: str
    target: str
    details: str
    expires_at: float
    timeout_action: str
    status: str


class DeploymentState(msgspec.Struct):
    """A deployment and how many of its tasks are where; `tasks` are those not STOPPED.

    ``failed`` counts starts that failed in a row, for the back-off; ``failures`` what the circuit breaker
    counts, and ``counted`` what was told of that and of its threshold. ``ran`` says whether a task ever
    was RUNNING, ``failure`` why the deployment FAILED, ``stopping`` how a caller wants it to stop. ``owed``
    are the tasks it lost to their health checks and has not started anew, ``restored`` those it has since
    it is not PRIMARY any more. ``ringing`` are the alarms it began with, which do not concern it; it
    completes no earlier than ``baked_at``. Of one that goes stage by stage: ``stage``, since when, the
    percent of test and production traffic it has, and the stage's hooks.
    """

    id: str
    definition: str
    created_at: float
    completed: bool = False
    failed: int = 0
    failed_at: float = 0.0
    impaired: bool = False
    blocked: bool = False
    rolls_back: str = ""
    revision: str = ""
    stopping: str = ""
    owed: int = 0
    restored: dict[str, None] = msgspec.field(default_factory=dict)
    failures: int = 0
    counted: tuple[int, int] = (0, 0)
    ran: bool = False
    failure: str = ""
    ringing: tuple[str, ...] = ()
    baked_at: float = 0.0
    stage: str = ""
    stage_at: float = 0.0
    test: float = 0.0
    production: float = 0.0
    shifted_at: float = 0.0
    hooks: dict[str, HookState] = msgspec.field(default_factory=dict)
    running: int = 0
    tasks: dict[str, None] = msgspec.field(default_factory=dict)


class TaskSetState(DeploymentState):
    """A task set: as a deployment, with a share of the service's desired count in percent."""

    scale: float = 0.0
    status: str = "ACTIVE"
    steady: bool = False
    network_configuration: shapes.NetworkConfiguration | None = None
    token: str = ""
    request: str = ""
    tags: list[shapes.Tag] = []

    def computed(self, desired: int) -> int:
        """Work out how many tasks it should have, rounded up."""
        return share(desired, self.scale) if self.status == "ACTIVE" else 0


class RevisionState(msgspec.Struct, frozen=True):
    """A deployment that completed, and what it was made from: what there is to go back to."""

    deployment: str
    revision: str
    definition: str
    settings: ServiceSettings


class ServiceState(msgspec.Struct):
    """A service; ``deployments`` has the PRIMARY first, ``past`` names the last of those before.

    ``wanted`` counts tasks desired RUNNING, ``running`` those of them that are, ``away`` those of
    them on instances whose agent is lost, ``ill`` those of them that run without being healthy, ``sick``
    those of these that are UNHEALTHY, ``alive`` all that are not STOPPED. ``moving`` are the tasks
    started to rebalance zones, each with the zone in which one is to be stopped for it. ``unplaced`` says
    of each deployment why a task of it found no room, and when that was told.
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
    steady_at: float = 0.0
    unplaced: dict[str, tuple[str, float]] = msgspec.field(default_factory=dict)
    scale_in_blocked: bool = False
    rebalancing: bool = False
    rebalancing_blocked: str = ""
    moving: dict[str, str] = msgspec.field(default_factory=dict)
    deployments: list[DeploymentState] = msgspec.field(default_factory=list)
    task_sets: list[TaskSetState] = msgspec.field(default_factory=list)
    primary_task_set: str = ""
    proven: RevisionState | None = None
    past: list[str] = msgspec.field(default_factory=list)
    wanted: int = 0
    running: int = 0
    away: int = 0
    ill: int = 0
    sick: int = 0
    alive: int = 0

    @property
    def group(self) -> str:
        """Name the group of the service's tasks."""
        return f"service:{self.name}"

    def definitions(self) -> list[str]:
        """Name the revisions that the service runs, or may go back to."""
        proven = [self.proven.definition] if self.proven is not None else []
        return [*(each.definition for each in (*self.deployments, *self.task_sets)), *proven]

    def deployment(self, name: str) -> DeploymentState | None:
        """Find a deployment that still has tasks, or is PRIMARY; or a task set."""
        for each in self.deployments:
            if each.id == name:
                return each
        return self.task_set(name) if self.task_sets else None

    def task_set(self, name: str) -> TaskSetState | None:
        """Find a task set, ACTIVE or DRAINING."""
        return next((each for each in self.task_sets if each.id == name), None)


class ClusterState(msgspec.Struct):
    """A cluster and all in it; tasks that STOPPED, and what became INACTIVE, stay for an hour (spec §6.6).

    ``queued`` has the tasks that wait for room, in the order they came; ``protected`` says until when
    services' tasks that are wanted may not be stopped to make way, ``joined_at`` when an instance last
    became one to place tasks on; ``stopped``, ``deregistered`` and ``drained`` when what stays for now came to its end.
    """

    name: str
    created_at: float
    status: str = "ACTIVE"
    settings: list[shapes.ClusterSetting] = msgspec.field(default_factory=list)
    configuration: shapes.ClusterConfiguration | None = None
    service_connect_defaults: shapes.ClusterServiceConnectDefaultsRequest | None = None
    capacity_providers: list[str] = msgspec.field(default_factory=list)
    default_strategy: list[shapes.CapacityProviderStrategyItem] = msgspec.field(default_factory=list)
    tags: list[shapes.Tag] = msgspec.field(default_factory=list)
    instances: dict[str, InstanceState] = msgspec.field(default_factory=dict)
    services: dict[str, ServiceState] = msgspec.field(default_factory=dict)
    tasks: dict[str, TaskState] = msgspec.field(default_factory=dict)
    queued: dict[str, QueuedState] = msgspec.field(default_factory=dict)
    room: Room = msgspec.field(default_factory=Room)
    away: dict[str, None] = msgspec.field(default_factory=dict)
    draining: dict[str, None] = msgspec.field(default_factory=dict)
    joined_at: float = 0.0
    protected: dict[str, float] = msgspec.field(default_factory=dict)
    stopped: deque[tuple[float, str]] = msgspec.field(default_factory=deque)
    deregistered: deque[tuple[float, str]] = msgspec.field(default_factory=deque)
    drained: dict[str, float] = msgspec.field(default_factory=dict)


class CapacityProviderState(msgspec.Struct):
    """A capacity provider of the account's own."""

    name: str
    auto_scaling_group_provider: shapes.AutoScalingGroupProvider
    status: str = "ACTIVE"
    tags: list[shapes.Tag] = msgspec.field(default_factory=list)


class SecretState(msgspec.Struct):
    """A secret of the account's own; its value is sealed."""

    name: str
    sealed: str
    created_at: float
    changed_at: float
    version: int = 1


class NamespaceState(msgspec.Struct):
    """All of one account in one region; account settings are by principal, then by name.

    ``alarms`` are those that are not OK.
    """

    namespace: Namespace
    clusters: dict[str, ClusterState] = msgspec.field(default_factory=dict)
    families: dict[str, FamilyState] = msgspec.field(default_factory=dict)
    deleting: dict[str, None] = msgspec.field(default_factory=dict)
    capacity_providers: dict[str, CapacityProviderState] = msgspec.field(default_factory=dict)
    account_settings: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    alarms: dict[str, str] = msgspec.field(default_factory=dict)
    secrets: dict[str, SecretState] = msgspec.field(default_factory=dict)
