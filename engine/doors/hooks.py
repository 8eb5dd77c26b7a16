"""Hooks: asks the targets of lifecycle hooks, and has what they answer decided on (spec §9.6).

A target is a web address, which gets a POST, or a NATS subject (``nats:…``), which gets a request. It is told what
ECS tells a Lambda function, and answers as that does: ``{"hookStatus": "SUCCEEDED"}``, ``FAILED``, or ``IN_PROGRESS``
with a ``callBackDelay`` in seconds, after which it is asked again. One that can't be reached is asked again too, until
the hook's time is over: that is decided elsewhere.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
import msgspec
import nats.errors
import structlog

from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.core.hook_target import NATS, refused_host
from quarterdeck.engine.core.service_deployment import HookPlace, end_hook
from quarterdeck.engine.shell.command import Command, NotKeeper
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.events.commit import Commit
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.names import Namespace
from quarterdeck.events.service import DeploymentHookStarted
from quarterdeck.projections.live.states import DeploymentState, HookState, ServiceState

ANSWER_SECONDS_MAX = 10.0
ANSWER_BYTES_MAX = 65_536
AGAIN_SECONDS = 30.0
AGAIN_SECONDS_MIN = 0.1
AGAIN_SECONDS_MAX = 3600.0
RETRY_SECONDS = 5.0
ASKED_AT_ONCE_MAX = 64
ALL = 100.0
REDIRECTS = range(300, 400)

log = structlog.get_logger(__name__)


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """What a target says."""

    hook_status: str
    call_back_delay: float = AGAIN_SECONDS


class Unreachable(Exception):
    """A target gave no answer, and why."""


_answers = msgspec.json.Decoder(Answer)
_encode = msgspec.json.Encoder().encode


class Hooks:
    """Asks for as long as hooks wait; ``link`` is there while NATS is."""

    def __init__(self, keeper: Keeper) -> None:
        self.link: Link | None = None
        self._keeper = keeper
        self._web: aiohttp.ClientSession | None = None
        self._begun: asyncio.Queue[tuple[str, HookPlace]] = asyncio.Queue()
        self._asking: set[str] = set()
        self._turns = asyncio.Semaphore(ASKED_AT_ONCE_MAX)
        keeper.stored.append(self._note)
        keeper.taken_over.append(self._resume)

    async def run(self) -> None:
        """Ask until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    namespace, place = await self._begun.get()
                    if place.hook not in self._asking:
                        self._asking.add(place.hook)
                        group.create_task(self._see_through(namespace, place), name=f"hook {place.hook}")
        finally:
            if self._web is not None:
                await self._web.close()

    def _note(self, _sequence: int, commits: list[Commit]) -> None:
        for commit in commits:
            for event in commit.events:
                if isinstance(event, DeploymentHookStarted):
                    place = HookPlace(event.cluster, event.service, event.deployment, event.hook)
                    self._begun.put_nowait((commit.namespace, place))

    def _resume(self) -> None:
        """Ask for all hooks that wait: after a take-over nothing is known of what was under way."""
        for name, state in self._keeper.view.namespaces.items():
            for cluster in state.clusters.values():
                for service in cluster.services.values():
                    for deployment in service.deployments[:1]:
                        for hook in deployment.hooks:
                            self._begun.put_nowait((name, HookPlace(cluster.name, service.name, deployment.id, hook)))

    async def _see_through(self, namespace: str, place: HookPlace) -> None:
        try:
            while True:
                await self._keeper.kept(None)
                found = self._find(namespace, place)
                if found is None:
                    return
                seconds = await self._once(namespace, place, *found)
                if seconds is None:
                    return
                await asyncio.sleep(seconds)
        except NotKeeper:
            return
        finally:
            self._asking.discard(place.hook)

    async def _once(self, namespace: str, place: HookPlace, hook: HookState, told: dict[str, Any]) -> float | None:
        """Ask once; gives the seconds after which to ask again, None if that is not needed."""
        try:
            async with self._turns:
                raw = await self._ask(hook.target, _encode(told))
        except Unreachable as error:
            log.warning("a lifecycle hook gives no answer", target=hook.target, error=str(error))
            return RETRY_SECONDS
        try:
            answer = _answers.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            answer = Answer("FAILED")
            reason = f"its answer is not understood: {error}"
        else:
            reason = "" if answer.hook_status == "SUCCEEDED" else f"it answered {answer.hook_status}"
        if answer.hook_status == "IN_PROGRESS":
            return min(max(answer.call_back_delay, AGAIN_SECONDS_MIN), AGAIN_SECONDS_MAX)
        status = "SUCCEEDED" if answer.hook_status == "SUCCEEDED" else "FAILED"
        return await self._end(namespace, place, status, reason)

    async def _ask(self, target: str, body: bytes) -> bytes:
        if target.startswith(NATS):
            return await self._request(target.removeprefix(NATS), body)
        refused = refused_host(target, self._keeper.settings.hook_hosts)
        if refused:
            raise Unreachable(f"the setting hook_hosts does not have {refused}")
        try:
            headers = {"Content-Type": "application/json"}
            async with self._session().post(target, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.status in REDIRECTS:
                    raise Unreachable(f"HTTP status {answer.status}; redirects are not followed")
                if not answer.ok:
                    raise Unreachable(f"HTTP status {answer.status}")
                return await _read(answer.content)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    def _session(self) -> aiohttp.ClientSession:
        """Begin a session when the first web address is asked."""
        if self._web is None:
            self._web = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX))
        return self._web

    async def _request(self, subject: str, body: bytes) -> bytes:
        if self.link is None:
            raise Unreachable("there is no NATS server here")
        try:
            return (await self.link.request(subject, body, ANSWER_SECONDS_MAX, None)).data
        except (nats.errors.Error, LogUnavailable, TimeoutError) as error:
            raise Unreachable(str(error) or type(error).__name__) from error

    async def _end(self, namespace: str, place: HookPlace, status: str, reason: str) -> float | None:
        """Have an answer decided on; gives the seconds after which to try again, None if it was."""
        command = Command(
            namespace=namespace,
            operation="EndLifecycleHook",
            actor="scheduler",
            decide=partial(end_hook, place=place, status=status, reason=reason),
        )
        try:
            await self._keeper.submit(command)
        except Refusal as error:
            log.warning("a lifecycle hook's answer could not be noted", hook=place.hook, error=str(error))
            return RETRY_SECONDS
        return None

    def _find(self, namespace: str, place: HookPlace) -> tuple[HookState, dict[str, Any]] | None:
        """Look a hook up that still waits for its target, and what to tell that."""
        state = self._keeper.view.namespaces.get(namespace)
        cluster = state.clusters.get(place.cluster) if state is not None else None
        service = cluster.services.get(place.service) if cluster is not None else None
        deployment = service.deployment(place.deployment) if service is not None else None
        hook = deployment.hooks.get(place.hook) if deployment is not None else None
        if service is None or deployment is None or hook is None or hook.status != "IN_PROGRESS":
            return None
        return hook, question(Namespace.parse(namespace), place.cluster, service, deployment, hook)


async def _read(content: aiohttp.StreamReader) -> bytes:
    """Read an answer to its end, which may come in pieces, or as much of it as is looked at."""
    found = bytearray()
    while piece := await content.read(ANSWER_BYTES_MAX - len(found)):
        found += piece
    return bytes(found)


def question(
    namespace: Namespace, cluster: str, service: ServiceState, deployment: DeploymentState, hook: HookState
) -> dict[str, Any]:
    """Write what ECS tells a hook's Lambda function."""
    target, weights = _weights(namespace, cluster, service, deployment)
    return {
        "executionId": hook.id,
        "lifecycleStage": hook.stage,
        "resourceArn": namespace.service_deployment_arn(cluster, service.name, deployment.rolls_back or deployment.id),
        "hookDetails": msgspec.json.decode(hook.details) if hook.details else None,
        "executionDetails": {
            "serviceArn": namespace.service_arn(cluster, service.name),
            "targetServiceRevisionArn": target,
            "testTrafficWeights": weights(deployment.test),
            "productionTrafficWeights": weights(deployment.production),
        },
    }


def _weights(
    namespace: Namespace, cluster: str, service: ServiceState, deployment: DeploymentState
) -> tuple[str, Callable[[float], dict[str, float]]]:
    """Name the revision a service deployment goes to, and say what weights there are if it has so many percent.

    One that is rolled back has nothing any more; what is gone back to has all.
    """
    going_back = bool(deployment.rolls_back)
    revision = deployment.rolls_back or deployment.revision
    target = namespace.service_revision_arn(cluster, service.name, revision)
    before = service.proven.revision if service.proven is not None else ""
    source = namespace.service_revision_arn(cluster, service.name, before) if before else ""

    def of(percent: float) -> dict[str, float]:
        share = 0.0 if going_back else percent
        return {target: share, **({source: ALL - share} if source else {})}

    return target, of
