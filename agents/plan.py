"""Plan: what a task's containers are to be, in the order of its definition; values without behaviour."""

from typing import Literal

import msgspec

from quarterdeck.agents.runtimes.port import ContainerSpec

Condition = Literal["START", "COMPLETE", "SUCCESS", "HEALTHY"]


class Dependency(msgspec.Struct, frozen=True):
    """What has to have happened to another container first."""

    container: str
    condition: Condition


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be fetched for a container; each ``valueFrom`` as in its definition."""

    secrets: dict[str, str] = {}
    """By variable."""
    log_options: dict[str, str] = {}
    """By option of the log driver."""
    environment_files: tuple[str, ...] = ()
    registry_credentials: str = ""
    subnets: tuple[str, ...] = ()
    """Of one of these its network is, if it has one of its task's own."""


class RestartPolicy(msgspec.Struct, frozen=True):
    """When a container that ended is started again in place (spec §5.3)."""

    period_seconds: float
    """It must have run that long since it was started last."""
    ignored_exit_codes: frozenset[int] = frozenset()


class ContainerPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One container of a task; timeouts None leave it to the agent."""

    name: str
    spec: ContainerSpec
    essential: bool = True
    after: tuple[Dependency, ...] = ()
    start_timeout_seconds: float | None = None
    """How long others wait for it."""
    stop_timeout_seconds: float | None = None
    needs: Needs = Needs()
    internal: bool = False
    """Whether it is the agent's own, of no definition: nobody is told of it."""
    restart: RestartPolicy | None = None


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A task, ready for a runtime."""

    containers: tuple[ContainerPlan, ...] = ()

    @property
    def told(self) -> tuple[ContainerPlan, ...]:
        """Those of its definition."""
        return tuple(each for each in self.containers if not each.internal)
