"""Networks: the network of each subnet that tasks of this instance are in, one on this host for all its agents."""

from collections.abc import Sequence

import structlog

from quarterdeck.agents.clock import Clock
from quarterdeck.agents.runtimes.errors import ResourceInitializationError, RuntimeFailure
from quarterdeck.agents.runtimes.network import Network, NetworkStore

ZONE = "quarterdeck.zone"
SUBNET = "quarterdeck.subnet"
CLEAN_SECONDS = 60.0

logger = structlog.get_logger(__name__)


class Networks:
    """The networks of one zone. ``subnets`` are those there are, with their ranges; none: any, of any range."""

    def __init__(self, store: NetworkStore, clock: Clock, zone: str, subnets: dict[str, str]) -> None:
        self._store = store
        self._clock = clock
        self._zone = zone
        self._subnets = subnets

    def choose(self, asked: Sequence[str]) -> str:
        """Choose of the subnets a task may be in one of this zone. Raises ResourceInitializationError."""
        for name in asked:
            if name in self._subnets or not self._subnets:
                return name
        raise ResourceInitializationError(f"none of the subnets {', '.join(asked)} is in {self._zone or 'this zone'}")

    async def ensure(self, asked: Sequence[str]) -> Network:
        """Find or make the network of the subnet chosen. Raises RuntimeFailure."""
        subnet = self.choose(asked)
        name = "-".join(part for part in ("quarterdeck", self._zone, subnet) if part)
        labels = {ZONE: self._zone, SUBNET: subnet}
        return await self._store.ensure(name, self._subnets.get(subnet, ""), labels)

    async def clean(self) -> None:
        """Remove, now and then, what agents of this zone made and nobody uses any more."""
        while True:
            await self._clock.sleep(CLEAN_SECONDS)
            await self.clean_once()

    async def clean_once(self) -> None:
        """Remove what is unused now."""
        try:
            removed = await self._store.remove_unused({ZONE: self._zone})
        except RuntimeFailure as failure:
            logger.warning("unused networks not removed", why=failure.reason)
            return
        for name in removed:
            logger.info("unused network removed", network=name)
