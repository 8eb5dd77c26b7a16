"""Local instance: a container instance whose agent runs in this process; it can be stopped, killed and started."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from quarterdeck.agents.agent import Agent
from quarterdeck.agents.identity import FILE, DataDirectory, Identity, IdentityStore
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.runtimes.process import ProcessRuntime
from quarterdeck.agents.runtimes.simulated import SimulatedHost, SimulatedRuntime
from quarterdeck.agents.settings import Settings
from quarterdeck.engine import host
from quarterdeck.engine.local_link import LocalLink
from quarterdeck.engine.replica import Replica
from quarterdeck.engine.settings import RuntimeName
from quarterdeck.events.log.channel import Channel
from quarterdeck.events.log.connect import Link as Connection
from quarterdeck.events.names import Namespace

CONNECT_SECONDS_MAX = 20.0
POLL_SECONDS = 0.005


class LocalInstance:
    """One container instance; it keeps who it is from one agent to the next."""

    def __init__(
        self,
        replica: Replica,
        settings: Settings,
        runtime: RuntimeName,
        data: Path,
        connection: Connection | None = None,
    ) -> None:
        self.zone = settings.zone
        self.name = data.name
        self.host = SimulatedHost(host.RealClock(), name=data.name)
        self._replica = replica
        self._settings = msgspec.structs.replace(settings, endpoints=runtime != "simulated")
        self._runtime = runtime
        self._data = data
        self._connection = connection
        self._store: IdentityStore = DataDirectory(data)
        self._link: LocalLink | None = None
        self._agent: Agent | None = None
        self._task: asyncio.Task[str] | None = None
        self._group: asyncio.TaskGroup | None = None

    @property
    def container_instance(self) -> str:
        """The 32 hex digits; empty until it is registered."""
        try:
            return msgspec.json.decode((self._data / FILE).read_bytes(), type=Identity).container_instance
        except (OSError, msgspec.DecodeError):
            return ""

    @property
    def arn(self) -> str:
        """The ARN, once it is registered."""
        return self._namespace.container_instance_arn(self._settings.cluster_name, self.container_instance)

    @property
    def alive(self) -> bool:
        """Whether its agent runs."""
        return self._task is not None and not self._task.done()

    @property
    def connected(self) -> bool:
        """Whether the engine has agentConnected TRUE for it."""
        namespace = self._replica.keeper.view.namespaces.get(str(self._namespace))
        cluster = namespace.clusters.get(self._settings.cluster_name) if namespace is not None else None
        found = cluster.instances.get(self.container_instance) if cluster is not None else None
        return found is not None and found.connected

    @property
    def _namespace(self) -> Namespace:
        return Namespace(self._settings.region, self._settings.account)

    def begin(self, group: asyncio.TaskGroup) -> None:
        """Run an agent in a group that waits for it."""
        self._group = group
        self._link = LocalLink(self._replica, self._namespace, f"agent/{self.name}", self._connection)
        self._agent = Agent(
            settings=self._settings,
            store=self._store,
            link=self._link,
            runtime=self._open_runtime(),
            clock=host.RealClock(),
            token=host.token,
            archive=host.archive(self._data, self._settings),
        )
        self._task = group.create_task(self._agent.run(), name=f"agent {self.name}")

    def called(self) -> AbstractAsyncContextManager[Channel]:
        """Call its agent, which must have been begun. Raises NobodyListens when none attends."""
        assert self._link is not None, "it was never begun"
        return self._link.called()

    async def start(self) -> None:
        """Start the agent again, and wait until it is connected."""
        assert self._group is not None, "it was never begun"
        if not self.alive:
            self.begin(self._group)
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            while not self.connected:
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Stop the agent in order: agentConnected becomes FALSE, containers go on."""
        if self._agent is not None:
            self._agent.stop()
        await self._ended()

    async def kill(self) -> None:
        """Lose the agent without a goodbye; a simulated machine is lost with all its containers."""
        if self._link is not None:
            self._link.cut()
        if self._task is not None:
            self._task.cancel()
        await self._ended()
        if self._runtime == "simulated":
            await self.host.close()
            self.host = SimulatedHost(host.RealClock(), name=f"{self.name}-again")

    async def close(self) -> None:
        """Let go of a simulated machine."""
        await self.host.close()

    async def _ended(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])

    def _open_runtime(self) -> Runtime:
        if self._runtime == "simulated":
            return SimulatedRuntime(self.host)
        if self._runtime == "process":
            return ProcessRuntime(self._data / host.CONTAINERS)
        return host.open_runtime(self._runtime, self._data, host.DOCKER_SOCKET)
