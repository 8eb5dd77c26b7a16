"""Heartbeats: who is heard; only changes become events (agentConnected TRUE or FALSE)."""

import asyncio
from functools import partial

import structlog

from quarterdeck.engine.core.container_agent import health
from quarterdeck.engine.core.container_instance import connect, disconnect
from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.shell.command import Command, NotKeeper
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.wanted import Instance, Wanted
from quarterdeck.events.wanted import Heartbeat, HeartbeatAnswer
from quarterdeck.projections.live.instance import InstanceState

SWEEP_SECONDS = 0.25

log = structlog.get_logger(__name__)


class Heartbeats:
    """Hears agents; one that is silent for `timeout_seconds` is disconnected."""

    def __init__(self, keeper: Keeper, wanted: Wanted, timeout_seconds: float) -> None:
        self._keeper = keeper
        self._wanted = wanted
        self._timeout_seconds = timeout_seconds
        self._heard: dict[Instance, float] = {}
        keeper.taken_over.append(self._begin)

    async def beat(self, instance: Instance, beat: Heartbeat) -> HeartbeatAnswer:
        """Hear an agent; answers once the change it makes, if any, is in the log."""
        await self._keeper.kept()
        found = self._find(instance)
        if found is None or found.status == "INACTIVE":
            self._heard.pop(instance, None)
            return HeartbeatAnswer(status="INACTIVE", sequence=self._keeper.sequence)
        if found.session not in {"", beat.session}:  # not a word of it counts: another agent is the instance
            return HeartbeatAnswer(status=found.status, sequence=self._wanted.position(instance), session=found.session)
        if beat.leaving:
            await self._leave(instance)
        else:
            self._heard[instance] = asyncio.get_running_loop().time()
            if not found.connected:
                await self._submit(instance, "ConnectAgent", partial(_connect, instance=instance, session=beat.session))
            if beat.runtime != found.runtime:
                await self._submit(instance, "ReportHealth", partial(_health, instance=instance, beat=beat))
        return HeartbeatAnswer(status=found.status, sequence=self._wanted.position(instance))

    async def run(self) -> None:
        """Disconnect the silent, for ever."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            await self._keeper.kept(None)
            limit = asyncio.get_running_loop().time() - self._timeout_seconds
            for instance in [each for each, at in self._heard.items() if at < limit]:
                del self._heard[instance]
                reason = f"no heartbeat for {self._timeout_seconds:g} s"
                try:
                    await self._submit(
                        instance, "DisconnectAgent", partial(_disconnect, instance=instance, reason=reason)
                    )
                except (Refusal, NotKeeper) as error:
                    self._heard[instance] = limit - 1
                    log.warning("an agent could not be disconnected", error=str(error))

    async def _leave(self, instance: Instance) -> None:
        self._heard.pop(instance, None)
        await self._submit(
            instance, "DisconnectAgent", partial(_disconnect, instance=instance, reason="the agent was stopped")
        )

    async def _submit(self, instance: Instance, operation: str, decide: object) -> None:
        await self._keeper.submit(
            Command(
                namespace=instance.namespace,
                operation=operation,
                actor=f"agent/{instance.container_instance}",
                decide=decide,  # type: ignore[arg-type]  # a partial of a decision
            )
        )

    def _find(self, instance: Instance) -> InstanceState | None:
        state = self._keeper.view.namespaces.get(instance.namespace)
        cluster = state.clusters.get(instance.cluster) if state is not None else None
        return cluster.instances.get(instance.container_instance) if cluster is not None else None

    def _begin(self) -> None:
        """Give every agent that was connected the whole time to be heard again."""
        now = asyncio.get_running_loop().time()
        self._heard = {
            Instance(namespace, cluster.name, instance.id): now
            for namespace, state in self._keeper.view.namespaces.items()
            for cluster in state.clusters.values()
            for instance in cluster.instances.values()
            if instance.connected
        }


def _connect(turn: Turn, instance: Instance, session: str) -> None:
    connect(turn, instance.cluster, instance.container_instance, session)


def _health(turn: Turn, instance: Instance, beat: Heartbeat) -> None:
    health(turn, instance.cluster, instance.container_instance, beat.runtime, beat.runtime_reason)


def _disconnect(turn: Turn, instance: Instance, reason: str) -> None:
    disconnect(turn, instance.cluster, instance.container_instance, reason)
