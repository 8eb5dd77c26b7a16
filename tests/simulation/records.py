"""Records: what the ledger holds of tasks, container instances, services and task sets, and what follows from it."""

from __future__ import annotations

from math import ceil, floor

import msgspec

from quarterdeck.events import shapes
from quarterdeck.events.service import DeploymentStarted, ServiceSettings
from tests.simulation.need import Need, Port


class Held(msgspec.Struct):
    """A task; ``until`` is the end of its time if it waits for room."""

    id: str
    need: Need
    definition: str
    group: str
    deployment: str
    constraints: list[shapes.PlacementConstraint] = []
    subnets: frozenset[str] = frozenset()
    until: float = 0.0
    instance: str = ""
    last: str = "PROVISIONING"
    desired: str = "RUNNING"
    protected: bool = False
    health: str = ""

    @property
    def alive(self) -> bool:
        """Whether anything may still happen to it."""
        return self.last != "STOPPED"

    def asks_like(self, other: Held) -> bool:
        """Tell whether what can take one can take the other."""
        mine = (self.definition, self.group, self.constraints, self.subnets)
        return mine == (other.definition, other.group, other.constraints, other.subnets)


class Place(msgspec.Struct):
    """A container instance; `tasks` are those that hold something."""

    id: str
    zone: str
    host: str
    cpu: int
    memory: int
    kept: frozenset[Port]
    attributes: frozenset[str] = frozenset()
    subnets: frozenset[str] = frozenset()
    status: str = "ACTIVE"
    connected: bool = False
    lost: bool = False
    tasks: dict[str, Held] = {}

    @property
    def open(self) -> bool:
        """Whether it takes tasks, if it has room."""
        return self.status == "ACTIVE" and self.connected

    def admits(self, task: Held) -> bool:
        """Whether it has the capabilities a task needs, and one of its subnets."""
        return task.need.attributes <= self.attributes and not (task.subnets and task.subnets.isdisjoint(self.subnets))


class Share(msgspec.Struct):
    """A task set: a share of a service's desired count, in percent; none once it is on its way out."""

    id: str
    definition: str
    scale: float
    status: str = "ACTIVE"

    def computed(self, desired: int) -> int:
        """How many tasks it should have (spec §9.8)."""
        return ceil(desired * self.scale / 100) if self.status == "ACTIVE" else 0


class Wish(msgspec.Struct):
    """A service: what is wanted of it, and its tasks that hold something. The last deployment is the PRIMARY.

    ``moving`` are tasks started to rebalance zones for which no other was stopped yet; ``shares`` its task sets.
    """

    name: str
    desired: int
    settings: ServiceSettings
    status: str = "ACTIVE"
    deployments: list[DeploymentStarted] = []
    completed: set[str] = set()
    failed: set[str] = set()
    stages: set[str] = set()
    tasks: dict[str, Held] = {}
    moving: set[str] = set()
    shares: dict[str, Share] = {}
    primary_set: str = ""

    @property
    def primary(self) -> str:
        """The newest deployment."""
        return self.deployments[-1].deployment if self.deployments else ""

    @property
    def definition(self) -> str:
        """What the tasks of the newest deployment are made from."""
        return self.deployments[-1].task_definition

    @property
    def daemon(self) -> bool:
        """Whether it belongs on every instance."""
        return self.settings.scheduling_strategy == "DAEMON"

    @property
    def external(self) -> bool:
        """Whether it is made of task sets."""
        controller = self.settings.deployment_controller
        return controller is not None and controller.type == "EXTERNAL"

    @property
    def staged(self) -> bool:
        """Whether the newest deployment goes from stage to stage: old and new tasks run side by side."""
        return self.primary in self.stages and self.primary not in self.completed | self.failed

    @property
    def lower(self) -> int:
        """How many healthy tasks must remain (spec §9.3)."""
        return self.least(self.desired)

    @property
    def upper(self) -> int:
        """How many tasks may be there at once: all twice while old and new run side by side."""
        if self.staged and self.primary not in self.completed:
            return 2 * self.desired
        percent = self.settings.deployment_configuration.maximum_percent
        return floor(self.desired * (200 if percent is None else percent) / 100)

    def least(self, count: int) -> int:
        """How many of so many must remain."""
        percent = self.settings.deployment_configuration.minimum_healthy_percent
        return ceil(count * (100 if percent is None else percent) / 100)
