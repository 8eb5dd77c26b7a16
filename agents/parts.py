"""Parts: what an agent consists of once it is registered, put together and set going."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

from quarterdeck.agents.archive import Archive
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.commands import Commands
from quarterdeck.agents.endpoints.engine import Engine
from quarterdeck.agents.endpoints.server import Endpoints
from quarterdeck.agents.home import Home
from quarterdeck.agents.image_records import ImageRecords
from quarterdeck.agents.images import Images
from quarterdeck.agents.logs import Logs
from quarterdeck.agents.networks import Networks
from quarterdeck.agents.performer import Performer
from quarterdeck.agents.provision import Provision
from quarterdeck.agents.reporter import Reporter, Tokens
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.sampler import Sampler
from quarterdeck.agents.saver import Saver
from quarterdeck.agents.secret_store import SecretStore
from quarterdeck.agents.sessions import Sessions
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.spawn import spawn
from quarterdeck.agents.starter import Starter
from quarterdeck.agents.storer import LogStore, Storer
from quarterdeck.agents.task import Task
from quarterdeck.agents.tasks import Tasks
from quarterdeck.agents.watch import Watch
from quarterdeck.events.names import Arn
from quarterdeck.events.secret_exchange import KEY_BYTES

KEY_DIGITS = 32

Token = Callable[[int], str]


class Parts:
    """Puts an agent together, on one runtime, in one group that waits for all of it."""

    def __init__(  # noqa: PLR0913 - what a composition picked
        self,
        group: asyncio.TaskGroup,
        runtime: Runtime,
        clock: Clock,
        settings: Settings,
        *,
        folder: Path | None,
        archive: Archive,
        log_store: LogStore,
    ) -> None:
        self._group = group
        self._runtime = runtime
        self._clock = clock
        self._settings = settings
        self._folder = folder
        self._archive = archive
        self._log_store = log_store

    def begin(self, instance: Arn, home: Home, tokens: Tokens, token: Token) -> Tasks:
        """Set everything going but the ear to the engine; the tasks there will be."""
        group, runtime, clock, settings = self._group, self._runtime, self._clock, self._settings
        by_id: dict[str, Task] = {}
        reporter = Reporter(home.link, clock, settings, tokens)
        images = Images(runtime.images, clock, settings.images, ImageRecords(self._folder))
        sampler = Sampler(home, runtime, by_id, clock, settings.stats_seconds)
        engine = Engine(instance, home, tokens)
        endpoints = self._endpoints(instance, by_id, sampler, engine, token) if settings.endpoints else None
        secrets = SecretStore(home, bytes.fromhex(token(2 * KEY_BYTES)))
        networks = Networks(runtime.networks, clock, settings.zone, settings.subnets)
        given = {"region": settings.region, "env_files": settings.env_files}
        provision = Provision(endpoints, secrets, networks, runtime.gateway, **given)
        tell = partial(reporter.tell, group)
        starter = Starter(runtime, images, provision, clock, settings.limits.starts_max, tell)
        storer = Storer(self._log_store, runtime, self._archive, clock, settings.keeping)
        saver = Saver(runtime, self._archive, clock, settings.keeping, storer)
        performer = Performer(runtime, starter, saver, clock, settings)
        tasks = Tasks(group, instance, performer, reporter, clock, settings, by_id=by_id)
        Watch(runtime, tasks, clock, settings.timing, home).begin(group)
        spawn(group, images.clean(tasks.images), name="clean-up of images")
        spawn(group, networks.clean(), name="clean-up of networks")
        spawn(group, saver.prune(), name="logs that are too old")
        spawn(group, storer.run(by_id), name="logs that are stored")
        spawn(group, self._callers(home, tasks), name="clients that call")
        if endpoints is not None:
            spawn(group, endpoints.run(), name="endpoints")
            spawn(group, _reach(tasks, endpoints, provision), name="metadata of tasks that run already")
        if settings.stats_seconds > 0:
            spawn(group, sampler.run(), name="statistics")
        return tasks

    def _callers(self, home: Home, tasks: Tasks) -> Coroutine[Any, Any, None]:
        """Attend to those who read logs or run commands here."""
        logs = Logs(self._runtime, self._archive, tasks, self._clock, self._settings.keeping)
        sessions = Sessions(logs, Commands(self._runtime, tasks, home), self._settings.limits)
        return home.link.callers(home.cluster, home.container_instance, sessions.serve)

    def _endpoints(
        self, instance: Arn, by_id: dict[str, Task], sampler: Sampler, engine: Engine, token: Token
    ) -> Endpoints:
        return Endpoints(
            instance,
            by_id,
            self._runtime,
            sampler,
            engine,
            self._clock,
            folder=self._folder,
            key=token(KEY_DIGITS),
            zone=self._settings.zone,
            version=self._settings.agent_version,
            introspection_port=self._settings.introspection_port,
        )


async def _reach(tasks: Tasks, endpoints: Endpoints, provision: Provision) -> None:
    """Serve the tasks found on the host too."""
    await tasks.ready.wait()
    await endpoints.known.wait()
    await provision.reach(list(tasks.by_id.values()))
