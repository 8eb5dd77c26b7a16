"""Provision: what a container is given beyond its definition, at the moment it is created.

Of what has the same name, the definition's environment wins over secrets, those over environment files.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import msgspec
import structlog

from quarterdeck.agents import environment_files, labels
from quarterdeck.agents.endpoints.server import LOOPBACK, Endpoints
from quarterdeck.agents.networks import Networks
from quarterdeck.agents.plan import ContainerPlan
from quarterdeck.agents.registry_auth import credentials_from
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.runtimes.image import Credentials
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.secret_store import SecretStore
from quarterdeck.agents.task import Task

METADATA = "ECS_CONTAINER_METADATA_URI_V4"
AGENT = "ECS_AGENT_URI"
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
ENVIRONMENT = "AWS_EXECUTION_ENV"
ECS_EC2 = "AWS_ECS_EC2"

Gateway = Callable[[], Awaitable[str]]

logger = structlog.get_logger(__name__)


class Provision:
    """Completes the specs of one agent's containers; ``gateway`` names this host as bridged containers see it."""

    def __init__(
        self,
        endpoints: Endpoints | None,
        secrets: SecretStore,
        networks: Networks,
        gateway: Gateway,
        *,
        region: str,
        env_files: str,
    ) -> None:
        self._endpoints = endpoints
        self._networks = networks
        self._secrets = secrets
        self._gateway = gateway
        self._region = region
        self._env_files = env_files

    async def spec(self, task: Task, plan: ContainerPlan) -> ContainerSpec:
        """Complete a container's spec. Raises RuntimeFailure."""
        if plan.internal:
            return await self._owning(plan)
        spec, needs = plan.spec, plan.needs
        given: dict[str, str] = {**dict.fromkeys(REGIONS, self._region), ENVIRONMENT: ECS_EC2}
        if needs.environment_files:
            given |= await asyncio.to_thread(environment_files.read, self._env_files, needs.environment_files)
        secrets = await self._secrets.values(task.id, [*needs.secrets.values(), *needs.log_options.values()])
        given |= {name: secrets[value_from] for name, value_from in needs.secrets.items()}
        options = {name: secrets[value_from] for name, value_from in needs.log_options.items()}
        return msgspec.structs.replace(
            spec,
            environment={**given, **spec.environment, **await self._metadata(task, plan)},
            log_options={**spec.log_options, **options},
        )

    async def credentials(self, task: Task, plan: ContainerPlan) -> Credentials | None:
        """Get what the registry of a container's image is to be told, if its definition says. Raises RuntimeFailure."""
        named = plan.needs.registry_credentials
        if not named:
            return None
        return credentials_from((await self._secrets.values(task.id, [named]))[named], named)

    async def reach(self, tasks: Iterable[Task]) -> None:
        """Listen where containers that an agent before this one started look for it: in the networks of their tasks."""
        for task in tasks:
            for plan in task.plan.containers:
                if plan.internal and plan.name in task.containers:
                    await self._reached(task, plan)

    async def _reached(self, task: Task, plan: ContainerPlan) -> None:
        try:
            await self._host(plan)
        except RuntimeFailure as failure:
            logger.warning("task metadata can't be served", task=task.id, why=failure.reason)

    async def _owning(self, plan: ContainerPlan) -> ContainerSpec:
        """Put the container that owns a task's network into that of its subnet."""
        network = await self._networks.ensure(plan.needs.subnets)
        marked = {**plan.spec.labels, labels.SUBNET: self._networks.choose(plan.needs.subnets)}
        return msgspec.structs.replace(plan.spec, network=network.name, labels=marked)

    async def _metadata(self, task: Task, plan: ContainerPlan) -> dict[str, str]:
        if self._endpoints is None or plan.spec.network_mode == "none":
            return {}
        await self._endpoints.known.wait()
        host = await self._host(plan)
        return {
            METADATA: self._endpoints.uri(task.id, plan.name, host),
            AGENT: self._endpoints.uri(task.id, plan.name, host, "api"),
        }

    async def _host(self, plan: ContainerPlan) -> str:
        """Name this host as a container sees it, and see that the agent listens there."""
        if plan.spec.network_mode == "host":
            return LOOPBACK
        if not plan.needs.subnets:
            return await self._gateway()
        gateway = (await self._networks.ensure(plan.needs.subnets)).gateway
        if self._endpoints is not None:
            await self._endpoints.try_to_listen_on(gateway)
        return gateway
