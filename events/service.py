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

    ``rolls_back`` names the deployment it takes the place of in the same service deployment, and
    ``revision`` the one whose service revision it runs again; empty where it has its own.
    """

    task_definition: str
    reason: str = ""
    rolls_back: str = ""
    revision: str = ""


class DeploymentCompleted(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """The PRIMARY deployment has all its tasks running, and no other has any but on instances that are lost."""


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

    ``closest`` is the instance that got furthest through the checks, and ``reason`` the one it failed.
    """

    count: int
    reason: str
    closest: str = ""
    explanation: Explanation


class ServiceScaleInBlocked(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """More tasks are protected than are desired; said once until one is not, or the service changes."""

    protected: int


class ServiceTaskStartImpaired(DeploymentEvent, frozen=True, kw_only=True, gc=False):
    """Tasks of a deployment keep failing to start; the next try waits ``delay_seconds``."""

    failures: int
    delay_seconds: float
