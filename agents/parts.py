"""Parts: what an agent consists of once it is registered, put together and set going."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from quarterdeck.agents.clock import Clock
from quarterdeck.agents.endpoints.engine import Engine
from quarterdeck.agents.endpoints.server import Endpoints
from quarterdeck.agents.home import Home
from quarterdeck.agents.image_records import ImageRecords
from quarterdeck.agents.images import Images
from quarterdeck.agents.networks import Networks
from quarterdeck.agents.performer import Performer
from quarterdeck.agents.provision import Provision
from quarterdeck.agents.reporter import Reporter, Tokens
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.sampler import Sampler
from quarterdeck.agents.secret_store import SecretStore
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.spawn import spawn
from quarterdeck.agents.starter import Starter
from quarterdeck.agents.task import Task
from quarterdeck.agents.tasks import Tasks
from quarterdeck.agents.watch import Watch
from quarterdeck.events.names import Arn
from quarterdeck.events.secret_exchange import KEY_BYTES

KEY_DIGITS = 32

Token = Callable[[int], str]


class Parts:
    """Puts an agent together, on one runtime, in one group that waits for all of it."""

    def __init__(
        self, group: asyncio.TaskGroup, runtime: Runtime, clock: Clock, settings: Settings, folder: Path | None
    ) -> None:
        self._group = group
        self._runtime = runtime
        self._clock = clock
        self._settings = settings
        self._folder = folder

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
        tasks = Tasks(
            group, instance, Performer(runtime, starter, clock, settings), reporter, clock, settings, by_id=by_id
        )
        Watch(runtime, tasks, clock, settings.timing, home).begin(group)
        spawn(group, images.clean(tasks.images), name="clean-up of images")
        spawn(group, networks.clean(), name="clean-up of networks")
        if endpoints is not None:
            spawn(group, endpoints.run(), name="endpoints")
        if settings.stats_seconds > 0:
            spawn(group, sampler.run(), name="statistics")
        return tasks

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
