"""Registration: how an agent gets its container instance, for as long as it takes (spec §4.2)."""

import structlog

from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.identity import Identity
from quarterdeck.agents.link import Link, LinkDown, Refused
from quarterdeck.agents.profile import registration
from quarterdeck.agents.reporter import Tokens
from quarterdeck.agents.runtimes.errors import RuntimeUnavailable
from quarterdeck.agents.runtimes.port import Runtime, RuntimeInfo
from quarterdeck.agents.settings import Settings
from quarterdeck.events import shapes

TERMINAL = frozenset(
    {"ClientException", "InvalidParameterException", "AccessDeniedException", "UnsupportedFeatureException"}
)
CLUSTER_NOT_FOUND = "ClusterNotFoundException"
IN_USE = "ResourceInUseException"

logger = structlog.get_logger(__name__)


class RegistrationRefused(Exception):
    """The engine will not have this container instance; asking again does not help."""

    def __init__(self, refusal: Refused, place: str) -> None:
        super().__init__(f"{refusal} (the agent's data directory is {place})")
        self.code = refusal.code
        self.message = refusal.message


class Registrar:
    """Registers one instance, however long engine and runtime are away."""

    def __init__(self, link: Link, runtime: Runtime, clock: Clock, settings: Settings, tokens: Tokens) -> None:
        self._link = link
        self._runtime = runtime
        self._clock = clock
        self._settings = settings
        self._tokens = tokens
        self._in_use_since: float | None = None
        self._backoff = Backoff(settings.timing.retry_seconds_min, settings.timing.retry_seconds_max)

    async def register(self, identity: Identity, session: str, origin: str = "") -> str:
        """Register, or take the instance back; its ARN. Raises Refused when that can't be."""
        request = registration(self._settings, identity, await self._info(), session, origin)
        token = self._tokens.next()
        while True:
            try:
                answer = await self._link.call(
                    self._settings.cluster_name,
                    "RegisterContainerInstance",
                    request,
                    shapes.RegisterContainerInstanceResponse,
                    token,
                )
            except LinkDown as error:
                await self._pause("the engine does not answer", error)
            except Refused as refusal:
                await self._refused(refusal)
                token = self._tokens.next()
            else:
                return (answer.container_instance or shapes.ContainerInstance()).container_instance_arn or ""

    async def _info(self) -> RuntimeInfo:
        while True:
            try:
                return await self._runtime.info()
            except RuntimeUnavailable as error:
                await self._pause("the runtime can't be asked", error)

    async def _refused(self, refusal: Refused) -> None:
        """Make way for another attempt. Raises Refused if there is none worth it."""
        if refusal.code == CLUSTER_NOT_FOUND and not self._settings.cluster:
            await self._create_cluster()
        elif refusal.code in TERMINAL or (refusal.code == IN_USE and self._has_waited()):
            raise refusal
        else:
            await self._pause("registration refused for now", refusal)

    def _has_waited(self) -> bool:
        """Whether an agent that is gone would have been missed by now."""
        self._in_use_since = self._in_use_since or self._clock.now()
        return self._clock.now() - self._in_use_since >= self._settings.timing.in_use_seconds_max

    async def _create_cluster(self) -> None:
        """Make the default cluster, as ECS agents do that were told of none."""
        name = self._settings.cluster_name
        request = shapes.CreateClusterRequest(cluster_name=name)
        try:
            await self._link.call(name, "CreateCluster", request, shapes.CreateClusterResponse, self._tokens.next())
        except LinkDown as error:
            await self._pause("the engine does not answer", error)
        except Refused as refusal:
            if refusal.code in TERMINAL:
                raise
            await self._pause("the cluster can't be made for now", refusal)

    async def _pause(self, what: str, error: Exception) -> None:
        logger.warning(what, why=str(error))
        await self._clock.sleep(self._backoff.next())
