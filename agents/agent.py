"""Agent: one container instance's agent, from start to end.

It registers, listens to the engine (`wants`), watches the runtime (`watch`), and lets what comes of both
(`tasks`) be carried out and reported. When it ends, containers go on; the next agent adopts them.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec
import structlog

from quarterdeck.agents.archive import Archive, NoArchive
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.home import Home
from quarterdeck.agents.identity import Identity, IdentityStore, take
from quarterdeck.agents.link import Link, LinkDown, Refused
from quarterdeck.agents.parts import Parts
from quarterdeck.agents.registration import Registrar, RegistrationRefused
from quarterdeck.agents.reporter import Tokens
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.storer import LogStore, NoLogStore
from quarterdeck.agents.tasks import Tasks
from quarterdeck.agents.wants import Wants
from quarterdeck.events.names import parse_arn
from quarterdeck.events.wanted import Heartbeat

SESSION_DIGITS = 8

Ended = Literal["stopped", "deregistered", "replaced"]

WHY_GONE = {
    "deregistered": "the container instance is INACTIVE: the agent ends, containers stay as they are",
    "replaced": "another agent is this container instance by now, on a copy of this data directory: the agent ends, "
    "containers stay as they are",
}

logger = structlog.get_logger(__name__)


class _End(Exception):
    """Ends the agent's asyncio tasks."""


class Agent:
    """Runs the tasks of one container instance.

    ``token`` makes that many hex digits nobody has had before (`secrets` in earnest, counted in simulations);
    ``archive`` keeps the logs of containers it removes, ``log_store`` those of all where others can read them.
    """

    def __init__(  # noqa: PLR0913 - what a composition picks
        self,
        *,
        settings: Settings,
        store: IdentityStore,
        link: Link,
        runtime: Runtime,
        clock: Clock,
        token: Callable[[int], str],
        archive: Archive | None = None,
        log_store: LogStore | None = None,
    ) -> None:
        self.tasks: Tasks | None = None
        """What it runs, once it is registered; to look at."""
        self._settings = settings
        self._store = store
        self._link = link
        self._runtime = runtime
        self._clock = clock
        self._token = token
        self._archive = archive or NoArchive()
        self._log_store = log_store or NoLogStore()
        self._end = asyncio.Event()
        self._outcome: Ended = "stopped"
        self._refusal: Refused | None = None
        self._home: Home | None = None

    async def run(self) -> Ended:
        """Be the agent until it is stopped, cancelled, or its instance deregistered; closes link and runtime.

        Raises IdentityError and RegistrationRefused.
        """
        try:
            identity = take(self._store, self._settings, self._token)
            try:
                await self._live(identity)
            finally:
                await self._leave()
                self._store.close()
        finally:
            await self._runtime.close()
            await self._link.close()
        if self._refusal is not None:
            raise RegistrationRefused(self._refusal, self._store.place)
        return self._outcome

    def stop(self) -> None:
        """End soon, leaving containers as they are."""
        self._end.set()

    async def _live(self, identity: Identity) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._wait_for_end(), name="end of the agent")
                group.create_task(self._begin(group, identity), name="beginning of the agent")
        except* _End:
            pass

    async def _wait_for_end(self) -> None:
        await self._end.wait()
        raise _End

    async def _begin(self, group: asyncio.TaskGroup, identity: Identity) -> None:
        session = f"{identity.instance_id}.{identity.incarnation}.{self._token(SESSION_DIGITS)}"
        tokens = Tokens(session)
        registrar = Registrar(self._link, self._runtime, self._clock, self._settings, tokens)
        try:
            arn = await registrar.register(identity, session, self._store.origin)
        except Refused as refusal:
            self._refusal = refusal
            self.stop()
            return
        if arn != identity.container_instance_arn:
            self._store.save(msgspec.structs.replace(identity, container_instance_arn=arn))
        self._settle(group, arn, session, tokens)

    def _settle(self, group: asyncio.TaskGroup, arn: str, session: str, tokens: Tokens) -> None:
        """Begin all that an agent does for as long as it lives."""
        instance = parse_arn(arn)
        assert instance is not None, f"{arn} is no ARN"
        settings = self._settings
        home = self._home = Home(self._link, instance.path[0], instance.path[-1], session)
        parts = Parts(
            group,
            self._runtime,
            self._clock,
            settings,
            folder=self._store.folder,
            archive=self._archive,
            log_store=self._log_store,
        )
        self.tasks = parts.begin(instance, home, tokens, self._token)
        Wants(home, self.tasks, self._clock, settings.timing, self._gone).begin(group)
        logger.info("agent runs", cluster=home.cluster, container_instance=home.container_instance, session=session)

    def _gone(self, outcome: Literal["deregistered", "replaced"]) -> None:
        logger.warning(WHY_GONE[outcome])
        self._outcome = outcome
        self._end.set()

    async def _leave(self) -> None:
        """Say goodbye, if there is somebody to say it to."""
        if self._home is None or self._outcome != "stopped":
            return
        home = self._home
        with suppress(LinkDown, TimeoutError):
            async with asyncio.timeout(self._settings.timing.leave_seconds_max):
                await home.link.heartbeat(
                    home.cluster, home.container_instance, Heartbeat(session=home.session, leaving=True)
                )
