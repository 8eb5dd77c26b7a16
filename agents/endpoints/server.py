"""Server: the agent's endpoints over HTTP: task metadata v4 for containers, introspection for the host.

It listens on loopback, for containers in the host's network and for the host, and on the address under which bridged
containers see the host; on no other. The path is what a container is known by; introspection is on loopback only.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog
from aiohttp import web

from quarterdeck.agents.clock import Clock
from quarterdeck.agents.endpoints import documents, paths
from quarterdeck.agents.endpoints.engine import Engine, Unanswered, Wanted
from quarterdeck.agents.endpoints.rate import Bucket
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.runtimes.port import Runtime
from quarterdeck.agents.task import Task
from quarterdeck.events.names import Arn

LOOPBACK = "127.0.0.1"
RETRY_SECONDS = 5.0
REQUESTS_PER_SECOND = 40.0
REQUESTS_BURST = 60.0
"""The ECS agent's limits, for all containers together."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = structlog.get_logger(__name__)


class Stats(Protocol):
    """Where the figures of containers come from."""

    async def of(self, container_id: str) -> dict[str, Any]:
        """Docker's statistics, and what changed a second; empty for one that does not run."""
        ...


class Endpoints:
    """The endpoints of one agent."""

    def __init__(  # noqa: PLR0913 - what it tells of
        self,
        instance: Arn,
        tasks: Mapping[str, Task],
        runtime: Runtime,
        stats: Stats,
        engine: Engine,
        clock: Clock,
        *,
        folder: Path | None,
        key: str,
        zone: str,
        version: str,
        introspection_port: int,
    ) -> None:
        self._instance = instance
        self._tasks = tasks
        self._runtime = runtime
        self._stats = stats
        self._engine = engine
        self._clock = clock
        self._folder = folder
        self._zone = zone
        self._version = version
        self._introspection_port = introspection_port
        self._kept = paths.load(folder, key)
        self._paths = paths.Paths(self._kept.key, tasks)
        self._bucket = Bucket(REQUESTS_PER_SECOND, REQUESTS_BURST)
        self._listening: set[str] = set()
        self._runner: web.AppRunner | None = None
        self.known = asyncio.Event()
        """Set once it is known which port containers are to be told."""
        if self._kept.port:
            self.known.set()

    # ---------------------------------------------------------------- for who starts containers

    def uri(self, task: str, container: str, gateway: str, what: str = "v4") -> str:
        """Name a container's own place, as it sees it from behind a gateway: its metadata (v4) or its agent (api)."""
        return f"http://{gateway}:{self._kept.port}/{what}/{paths.path_of(self._kept.key, task, container)}"

    async def listen_on(self, address: str) -> None:
        """Listen on one more address of this host. Raises OSError."""
        if address in self._listening or self._runner is None:
            return
        self._listening.add(address)
        try:
            await web.TCPSite(self._runner, address, self._kept.port).start()
        except BaseException:
            self._listening.discard(address)
            raise

    async def try_to_listen_on(self, address: str) -> None:
        """Listen there if that can be; else its containers have no metadata."""
        try:
            await self.listen_on(address)
        except OSError as error:
            logger.warning("task metadata can't be served", address=address, why=str(error))

    # ---------------------------------------------------------------- its life

    async def run(self) -> None:
        """Serve until cancelled; an address that can't be had is tried again."""
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await self._persist("loopback", self._begin)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._persist("the bridge", self._bridge), name="metadata on the bridge")
                if self._introspection_port:
                    group.create_task(self._persist("introspection", self._introspect), name="introspection")
            await asyncio.Event().wait()
        finally:
            await self._runner.cleanup()

    async def _persist(self, what: str, begin: Callable[[], Awaitable[None]]) -> None:
        said = ""
        while True:
            try:
                await begin()
            except (OSError, RuntimeFailure) as error:
                if str(error) != said:
                    logger.warning("an endpoint can't be served yet", what=what, why=str(error))
                said = str(error)
                await self._clock.sleep(RETRY_SECONDS)
            else:
                return

    async def _begin(self) -> None:
        assert self._runner is not None
        listener = socket.create_server((LOOPBACK, self._kept.port))
        taken = listener.getsockname()[1]
        if taken != self._kept.port:
            self._kept.port = taken
            paths.save(self._folder, self._kept)
        try:
            await web.SockSite(self._runner, listener).start()
        except BaseException:
            listener.close()
            raise
        self._listening.add(LOOPBACK)
        self.known.set()
        logger.info("task metadata is served", address=LOOPBACK, port=taken)

    async def _bridge(self) -> None:
        await self.listen_on(await self._runtime.gateway())

    async def _introspect(self) -> None:
        assert self._runner is not None
        await web.TCPSite(self._runner, LOOPBACK, self._introspection_port).start()

    # ---------------------------------------------------------------- what it tells

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded])
        app.add_routes(
            [
                web.get("/v4/{path}", self._container),
                web.get("/v4/{path}/task", self._task),
                web.get("/v4/{path}/taskWithTags", self._task_with_tags),
                web.get("/api/{path}/task-protection/v1/state", self._protection),
                web.put("/api/{path}/task-protection/v1/state", self._protection),
                web.get("/v4/{path}/stats", self._container_stats),
                web.get("/v4/{path}/task/stats", self._task_stats),
                web.get("/v1/metadata", self._metadata),
                web.get("/v1/tasks", self._all_tasks),
            ]
        )
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._bucket.take(self._clock.now()):
            return _json({"error": "Too many requests"}, status=429)
        local = request.transport is not None and request.transport.get_extra_info("sockname")[0] == LOOPBACK
        if request.path.startswith("/v1/") and not local:
            raise web.HTTPNotFound
        return await handler(request)

    def _caller(self, request: web.Request) -> tuple[Task, str]:
        found = self._paths.find(request.match_info["path"])
        if found is None:
            text = msgspec.json.encode(
                "V4 container metadata handler: unable to get container ID from request"
            ).decode()
            raise web.HTTPNotFound(text=text, content_type="application/json")
        return found

    async def _container(self, request: web.Request) -> web.Response:
        return _json(documents.container_document(*self._caller(request)))

    async def _task(self, request: web.Request) -> web.Response:
        task, _ = self._caller(request)
        return _json(documents.task_document(task, self._zone))

    async def _task_with_tags(self, request: web.Request) -> web.Response:
        task, _ = self._caller(request)
        try:
            tags = await self._engine.tags(task)
        except Unanswered as error:
            tags = {"Errors": {"Code": error.code, "Message": error.message}}
        return _json({**documents.task_document(task, self._zone), **tags})

    async def _protection(self, request: web.Request) -> web.Response:
        task, _ = self._caller(request)
        try:
            wanted = msgspec.json.decode(await request.read(), type=Wanted) if request.method == "PUT" else None
            return _json(await self._engine.protection(task, wanted))
        except msgspec.MsgspecError as error:
            return _refused(task, "InvalidParameterException", str(error), 400)
        except Unanswered as error:
            return _refused(task, error.code, error.message, error.status)

    async def _container_stats(self, request: web.Request) -> web.Response:
        task, name = self._caller(request)
        container = task.containers.get(name)
        return _json(await self._stats.of(container.id) if container is not None else {})

    async def _task_stats(self, request: web.Request) -> web.Response:
        task, _ = self._caller(request)
        return _json({each.id: await self._stats.of(each.id) or None for each in task.containers.values()})

    async def _metadata(self, _: web.Request) -> web.Response:
        cluster, name = self._instance.path[0], self._instance.path[-1]
        return _json(documents.instance_document(self._instance.namespace, cluster, name, self._version))

    async def _all_tasks(self, request: web.Request) -> web.Response:
        arn, docker_id = request.query.get("taskarn"), request.query.get("dockerid")
        tasks = [
            task
            for task in self._tasks.values()
            if arn in {None, task.arn}
            and (docker_id is None or any(each.id.startswith(docker_id) for each in task.containers.values()))
        ]
        if arn is None and docker_id is None:
            return _json({"Tasks": [documents.introspected(task) for task in tasks]})
        if not tasks:
            raise web.HTTPNotFound
        return _json(documents.introspected(tasks[0]))


def _refused(task: Task, code: str, message: str, status: int) -> web.Response:
    return _json({"error": {"Arn": task.arn, "Code": code, "Message": message}}, status)


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), content_type="application/json", status=status)
