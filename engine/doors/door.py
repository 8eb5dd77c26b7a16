"""Door: carries out any operation of ECS, whichever way it came in; the one table of operations is here."""

import hashlib
from contextlib import aclosing
from functools import partial
from typing import Any

import msgspec

from quarterdeck.engine.core.errors import (
    ConflictException,
    InvalidParameterException,
    SerializationException,
    ServerException,
    UnknownOperationException,
    UnsupportedFeatureException,
)
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.doors import (
    absent,
    account_setting,
    alarm,
    attribute,
    capacity_provider,
    cluster,
    container_instance,
    execute_command,
    explain_placement,
    service,
    service_deployment,
    tag,
    task,
    task_definition,
    task_protection,
    task_set,
)
from quarterdeck.engine.doors.constraints import hold
from quarterdeck.engine.doors.health import Health
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write, request_type
from quarterdeck.engine.shell.command import Command, NotKeeper, Outcome
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.sessions import Sessions
from quarterdeck.engine.shell.usage import Consumer, Usage, Used
from quarterdeck.events import operations, shapes
from quarterdeck.events.codec import unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.log.port import Log
from quarterdeck.events.names import Namespace
from quarterdeck.events.task import TaskRequested
from quarterdeck.projections.live.view import Remembered
from quarterdeck.projections.models.page import InvalidPage
from quarterdeck.projections.models.projector import Projector, ReadModelBehind
from quarterdeck.projections.models.store import ReadModels
from quarterdeck.projections.models.task_document import Outline

BEHIND_SECONDS_MAX = 10.0
REMEMBERED = frozenset({"RunTask", "RegisterContainerInstance"})
"""Operations whose clientToken makes a repeat get the first outcome; a service and a task set keep theirs."""

OPERATIONS: dict[str, Operation] = {
    **cluster.OPERATIONS,
    **container_instance.OPERATIONS,
    **attribute.OPERATIONS,
    **capacity_provider.OPERATIONS,
    **account_setting.OPERATIONS,
    **tag.OPERATIONS,
    **execute_command.OPERATIONS,
    **explain_placement.OPERATIONS,
    **alarm.OPERATIONS,
    **absent.OPERATIONS,
    **task_definition.OPERATIONS,
    **service.OPERATIONS,
    **task.OPERATIONS,
    **task_protection.OPERATIONS,
    **service_deployment.OPERATIONS,
    **task_set.OPERATIONS,
}
"""What behaves; the other operations of the model answer UnsupportedFeatureException."""


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request: who asks for what, where; ``token`` makes a repeat get the first outcome."""

    namespace: Namespace
    operation: str
    actor: str
    token: str = ""
    request: str = ""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A response and the log position it is true at."""

    response: Any
    sequence: int


class Door:
    """All operations, on one keeper and one set of read models."""

    def __init__(self, keeper: Keeper, projector: Projector, log: Log, usage: Usage, endpoint: str) -> None:
        self.sessions = Sessions()
        self._keeper = keeper
        self._usage = usage
        self._projector = projector
        self._log = log
        self._endpoint = endpoint
        self._clusters: dict[tuple[Namespace, str], str] = {}
        self._clusters_at = 0
        self._outlines: dict[tuple[Namespace, str], Outline] = {}
        self._decoders: dict[str, msgspec.json.Decoder[msgspec.Struct]] = {}

    @property
    def models(self) -> ReadModels:
        """The read models answers come from."""
        return self._projector.models

    def health(self) -> Health:
        """Tell how things are; asks nobody."""
        status = "serving" if self._keeper.ready else "recovering"
        return Health(status, self._keeper.sequence, self._keeper.epoch, self._projector.applied.sequence)

    def consumers(self) -> dict[Consumer, Used]:
        """Tell what the containers of services use."""
        return self._usage.consumers()

    def decode(self, operation: str, body: bytes) -> msgspec.Struct:
        """Read the request of any of ECS's operations from JSON. Raises UnknownOperation-, SerializationException."""
        try:
            return self._decoder(operation).decode(body.decode() or "{}")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise SerializationException(f"{operation}: {error}") from error

    def _decoder(self, operation: str) -> msgspec.json.Decoder[msgspec.Struct]:
        if operation not in self._decoders:
            if operation not in operations.ALL:
                raise unknown(operation)
            self._decoders[operation] = msgspec.json.Decoder(request_type(operation))
        return self._decoders[operation]

    async def carry_out(self, call: Call, request: msgspec.Struct) -> Answer:
        """Carry an operation out, if its request keeps the model's constraints.

        Raises Refusal; a ServerException says whether to try again.
        """
        hold(call.operation, request)
        operation = OPERATIONS.get(call.operation)
        if operation is None:
            raise unknown(call.operation)
        try:
            if isinstance(operation, Read):
                return await self._look(operation, call, request)
            return await self._decide(operation, call, request)
        except NotKeeper as error:
            raise ServerException(not_kept(error)) from error
        except InvalidPage as error:
            raise InvalidParameterException("Invalid token.") from error
        except ReadModelBehind as error:
            raise ServerException(str(error)) from error

    async def _look(self, operation: Read, call: Call, request: msgspec.Struct) -> Answer:
        await self._keeper.kept()
        sequence = self._keeper.sequence
        await self._projector.wait(sequence, BEHIND_SECONDS_MAX)
        response = await operation.read(self._context(call, self._keeper.clock.now()), request)
        return Answer(response, sequence)

    async def _decide(self, operation: Write, call: Call, request: msgspec.Struct) -> Answer:
        token = call.token or _own_token(call.operation, request)
        outcome = await self._keeper.submit(
            Command(
                namespace=str(call.namespace),
                operation=call.operation,
                actor=call.actor,
                decide=partial(_decision, operation, request),
                token=token,
                digest=_digest(call.operation, request) if token or _may_repeat(request) else "",
                request=call.request,
            )
        )
        if outcome.repeat is not None:
            outcome = await self._repeat(call, outcome.repeat, _digest(call.operation, request))
        if not operation.at_once:
            await self._projector.wait(outcome.sequence, BEHIND_SECONDS_MAX)
        response = await operation.answer(self._context(call, outcome.at), request, outcome)
        return Answer(response, outcome.sequence)

    async def _repeat(self, call: Call, first: Remembered, digest: str) -> Outcome:
        commit = await self._find(first)
        if commit.digest != digest:
            tasks = [each for each in commit.events if isinstance(each, TaskRequested)]
            arns = [call.namespace.task_arn(each.cluster, each.task) for each in tasks]
            raise ConflictException(
                "The client token was used before, for another request. Use a new token for each new request.",
                resource_ids=arns,
            )
        return Outcome(first.sequence, commit.at, commit.events, None, first)

    async def _find(self, first: Remembered) -> Commit:
        async with aclosing(self._log.read(first.sequence - 1, until=first.sequence)) as batches:
            async for batch in batches:
                for record in batch:
                    for commit in unseal(record.payload, record.sequence, None).commits:
                        if commit.id == first.commit:
                            return commit
        raise ServerException(f"The log has no commit {first.commit} at {first.sequence}.")

    def _context(self, call: Call, now: float) -> Context:
        position = self._projector.applied.sequence
        if position != self._clusters_at:
            self._clusters, self._clusters_at = {}, position
        return Context(
            namespace=call.namespace,
            models=self._projector.models,
            log=self._log,
            view=self._keeper.view,
            now=now,
            settings=self._keeper.settings,
            actor=call.actor,
            endpoint=self._endpoint,
            clusters=self._clusters,
            sessions=self.sessions,
            outlines=self._outlines,
        )


def not_kept(error: NotKeeper) -> str:
    """Say what is known of a command when the shard was lost."""
    known = "It is not known whether this was carried out" if error.doubt else "Nothing was changed"
    return f"{error}. {known}; try again, with the same client token."


def unknown(operation: str) -> UnknownOperationException | UnsupportedFeatureException:
    """Say what is wrong with an operation that can't be carried out."""
    if operation in shapes.OPERATIONS:
        return UnsupportedFeatureException(f"{operation} is an operation of ECS that this version does not carry out.")
    return UnknownOperationException(f"{operation} is not an operation of ECS.")


def _decision(operation: Write, request: msgspec.Struct, turn: Turn) -> object:
    return operation.decide(turn, request)


def _own_token(operation: str, request: msgspec.Struct) -> str:
    token = getattr(request, "client_token", None) if operation in REMEMBERED else None
    return f"{operation}/{token}" if token else ""


def _may_repeat(request: msgspec.Struct) -> bool:
    return bool(getattr(request, "client_token", None))


def _digest(operation: str, request: msgspec.Struct) -> str:
    return hashlib.sha256(operation.encode() + msgspec.json.encode(request)).hexdigest()[:16]
