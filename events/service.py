"""Service: the events of its life, of its deployments, and what its scheduler found."""

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.base import ClusterEvent
from quarterdeck.events.explanation import Explanation


class ServiceSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What a caller may set on a service beside its count and task definition; kept as given."""

    launch_type: str = "EC2"
    scheduling_strategy: str = "REPLICA"
    deployment_configuration: shapes.DeploymentConfiguration
    deployment_controller: shapes.DeploymentController | None = None
    availability_zone_rebalancing: str = "DISABLED"
    health_check_grace_period_seconds: int = 0
    enable_ecs_managed_tags: bool = msgspec.field(default=False, name="enableECSManagedTags")
    propagate_tags: str = "NONE"
    enable_execute_command: bool = False
    role: str = ""
    load_balancers: list[shapes.LoadBalancer] = []
    service_registries: list[shapes.ServiceRegistry] = []
    network_configuration: shapes.NetworkConfiguration | None = None
    placement_constraints: list[shapes.PlacementConstraint] = []
    placement_strategy: list[shapes.PlacementStrategy] = []


class ServiceEvent(ClusterEvent, frozen=True, kw_only=True, gc=False):
    """An event about one service, by name."""

    service: str


class ServiceCreated(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """A service came to be; its first deployment starts with it.

    ``token`` is the caller's clientToken and ``request`` the digest of what it asked for:
    together they tell a repeat from another request of the same name.
    """

    desired_count: int
    settings: ServiceSettings
    tags: list[shapes.Tag] = []
    created_by: str = ""
    token: str = ""
    request: str = ""


class ServiceUpdated(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """A caller changed a service; None means unchanged."""

    desired_count: int | None = None
    settings: ServiceSettings | None = None


class ServiceDeleted(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """A service became DRAINING: it wants no tasks any more."""

    force: bool = False


class ServiceDrained(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """The last task of a deleted service is on its way out; the service is INACTIVE."""


class DeploymentEvent(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """An event about one deployment, named ``ecs-svc/<digits>``."""

    deployment: str


class DeploymentStarted(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """A deployment became PRIMARY; those before it are ACTIVE while they have tasks.

    One that was there before becomes PRIMARY again, with the tasks it has. ``rolls_back`` names the
    deployment it takes the place of in the same service deployment, and ``revision`` the one whose
    service revision it runs again; empty where it has its own.
    """

    task_definition: str
    reason: str = ""
    rolls_back: str = ""
    revision: str = ""


class DeploymentCompleted(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """The PRIMARY deployment has all its tasks running, and no other has any but on instances that are lost."""


class DeploymentBaking(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """The PRIMARY deployment has what it wants; it is watched until a time (s since the epoch) before it completes."""

    until: float


class DeploymentStageEntered(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """A deployment that goes stage by stage came to the next one (spec §9.6)."""

    stage: str


class DeploymentTrafficShifted(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """So many percent of test and production traffic are the deployment's own now; the rest is the old ones'."""

    test: float
    production: float


class DeploymentHookStarted(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """A stage waits for a hook: a PAUSE for a caller, another for what its target answers, until ``expires_at``.

    ``timeout_action`` is what becomes of the deployment then, CONTINUE or ROLLBACK.
    """

    hook: str
    stage: str
    target_type: str
    target: str = ""
    details: str = ""
    expires_at: float
    timeout_action: str


class DeploymentHookEnded(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """A hook ended: SUCCEEDED, FAILED or TIMED_OUT."""

    hook: str
    status: str
    reason: str = ""


class DeploymentStopRequested(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """A caller wants a deployment stopped: to go back (ROLLBACK), or to leave everything as it is (ABORT)."""

    stop_type: str


class DeploymentFailuresCounted(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """The circuit breaker's count of a deployment changed, or the threshold did (spec §9.4)."""

    failures: int
    threshold: int


class DeploymentFailed(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """The PRIMARY deployment is given up: it starts nothing any more, and what runs stays.

    ``cause`` is CIRCUIT_BREAKER, ALARMS, HOOK or STOPPED; ``reason`` says it in ECS's words.
    """

    cause: str
    reason: str
    failures: int = 0
    threshold: int = 0
    alarms: list[str] = []


class ServiceDeploymentBlocked(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """Tasks are to be replaced, but the deployment configuration lets none start and none stop.

    At least ``lower`` must stay healthy, and no more than ``upper`` may be there at once (spec §9.3).
    """

    lower: int
    upper: int


class ServiceSteadyStateReached(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """Running equals desired, nothing is pending, no deployment is under way."""


class ServiceTaskPlacementFailed(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """A service's task found no room; said once until the cause changes.

    ``closest`` is the instance that got furthest through the checks, ``reason`` the one it failed, and
    ``detail`` the numbers of that.
    """

    count: int
    reason: str
    closest: str = ""
    detail: str = ""
    explanation: Explanation


class ServiceScaleInBlocked(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """More tasks are protected than are desired; said once until one is not, or the service changes."""

    protected: int


class ServiceDesiredCountChanged(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """The number of instances that a DAEMON service belongs on is another; no caller said so."""

    desired_count: int


class ServiceDaemonConstraintViolated(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """Tasks of a DAEMON service are where its constraints do not let them be any more: they are stopped."""

    container_instances: list[str] = []


class RebalancingEvent(ServiceEvent, frozen=True, kw_only=True, gc=False):
    """An event about moving a service's tasks to zones that have fewer (spec §8.7)."""


class ServiceRebalancingStarted(RebalancingEvent, frozen=True, kw_only=True, gc=False):
    """Zones differ by more than one task, and one can move; ``zones`` counts the tasks."""

    zones: dict[str, int]


class ServiceRebalancingTaskStarted(RebalancingEvent, frozen=True, kw_only=True, gc=False):
    """A task was started in ``zone``; once it is healthy one of ``source`` is stopped for it."""

    task: str
    zone: str
    source: str


class ServiceRebalancingBlocked(RebalancingEvent, frozen=True, kw_only=True, gc=False):
    """No task can move to ``zone``; said once until one does. ``reason`` is empty when there is no room."""

    deployment: str
    zone: str
    reason: str = ""


class ServiceRebalancingStopped(RebalancingEvent, frozen=True, kw_only=True, gc=False):
    """Rebalancing gave way to a deployment, another count, a drain, a failure or protection; it may begin again."""

    reason: str


class ServiceRebalancingCompleted(RebalancingEvent, frozen=True, kw_only=True, gc=False):
    """Zones differ by one task at most again."""

    zones: dict[str, int]


class ServiceTaskStartImpaired(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """Tasks of a deployment keep failing to start; the next try waits ``delay_seconds``."""

    failures: int
    delay_seconds: float
