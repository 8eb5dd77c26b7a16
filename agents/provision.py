"""Provision: what a container is given beyond its definition, at the moment it is created."""

from collections.abc import Awaitable, Callable

import msgspec

from quarterdeck.agents.endpoints.server import LOOPBACK, Endpoints
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.task import Task

METADATA = "ECS_CONTAINER_METADATA_URI_V4"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENVIRONMENT = "AWS_EXECUTION_ENV"
ECS_EC2 = "AWS_ECS_EC2"

Gateway = Callable[[], Awaitable[str]]


class Provision:
    """Completes the specs of one agent's containers; ``gateway`` names this host as bridged containers see it."""

    def __init__(self, endpoints: Endpoints | None, gateway: Gateway, region: str) -> None:
        self._endpoints = endpoints
        self._gateway = gateway
        self._region = region

    async def spec(self, task: Task, plan: ContainerPlan) -> ContainerSpec:
        """Complete a container's spec. Raises RuntimeFailure."""
        given = {**dict.fromkeys(REGIONS, self._region), ENVIRONMENT: ECS_EC2, **plan.spec.environment}
        return msgspec.structs.replace(plan.spec, environment={**given, **await self._metadata(task, plan)})

    async def _metadata(self, task: Task, plan: ContainerPlan) -> dict[str, str]:
        if self._endpoints is None or plan.spec.network_mode == "none":
            return {}
        await self._endpoints.known.wait()
        gateway = LOOPBACK if plan.spec.network_mode == "host" else await self._gateway()
        return {METADATA: self._endpoints.uri(task.id, plan.name, gateway)}
