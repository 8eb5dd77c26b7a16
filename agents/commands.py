"""Commands: what ExecuteCommand asked for, run in a container for the client that has the session's token."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import structlog

from quarterdeck.agents.home import Home
from quarterdeck.agents.link import LinkDown, Refused
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.runtimes.port import Execution, Runtime
from quarterdeck.agents.tasks import Tasks
from quarterdeck.events.log.channel import Channel
from quarterdeck.events.session import Attach, Ended, Grant, Input, Opened, Redemption, Resize, Terminal

CLOSE_SECONDS_MAX = 10.0

logger = structlog.get_logger(__name__)


class NoCommand(Exception):
    """The command can't be run; `code` is ECS's."""

    def __init__(self, message: str, code: str = "InvalidParameterException") -> None:
        super().__init__(message)
        self.code = code


class Commands:
    """Runs commands for clients."""

    def __init__(self, runtime: Runtime, tasks: Tasks, home: Home) -> None:
        self._runtime = runtime
        self._tasks = tasks
        self._home = home

    async def attend(self, channel: Channel, attach: Attach) -> None:
        """Run the command a session is for, and carry its input and output. Raises NoCommand, ChannelClosed."""
        grant = await self._redeemed(attach)
        async with self._execution(grant, attach.terminal) as execution:
            logger.info("a command runs", task=grant.task, container=grant.container, session=attach.session)
            await channel.send(Opened())
            async with asyncio.TaskGroup() as group:
                listening = (
                    group.create_task(_obey(channel, execution), name=f"input of {attach.session}"),
                    group.create_task(channel.gone(), name=f"end of {attach.session}"),
                )
                async with aclosing(execution.output()) as output:
                    async for each in output:
                        await channel.send(each)
                code = await execution.exit_code()
                for listener in listening:
                    listener.cancel()
            logger.info("a command has ended", session=attach.session, exit_code=code)
            await channel.send(Ended(exit_code=code))

    async def _redeemed(self, attach: Attach) -> Grant:
        home = self._home
        try:
            return await home.link.redeem(
                home.cluster, home.container_instance, Redemption(session=attach.session, token=attach.token)
            )
        except Refused as refusal:
            raise NoCommand(refusal.message, refusal.code) from refusal
        except LinkDown as error:
            raise NoCommand(f"the engine does not say what the session is for: {error}", "ServerException") from error

    @asynccontextmanager
    async def _execution(self, grant: Grant, terminal: Terminal | None) -> AsyncIterator[Execution]:
        try:
            execution = await self._begun(grant, terminal)
        except RuntimeFailure as failure:
            raise NoCommand(failure.reason) from failure
        try:
            yield execution
        finally:
            try:
                async with asyncio.timeout(CLOSE_SECONDS_MAX):
                    await asyncio.shield(execution.close())
            except (RuntimeFailure, TimeoutError) as error:
                logger.warning("a command was not ended", task=grant.task, why=str(error) or "too slow")

    async def _begun(self, grant: Grant, terminal: Terminal | None) -> Execution:
        known = self._tasks.by_id.get(grant.task)
        found = known.containers.get(grant.container) if known is not None else None
        if found is None or found.state != "running":
            raise NoCommand(f"Container {grant.container} of task {grant.task} does not run.")
        return await self._runtime.execute(found.id, words(grant.command), terminal)


async def _obey(channel: Channel, execution: Execution) -> None:
    """Do what the client says, until the command has ended."""
    while True:
        match await channel.receive():
            case Input(data=data):
                await execution.write(data)
            case Resize(rows=rows, columns=columns):
                await execution.resize(rows, columns)
            case Ended():
                raise Gone
            case _:
                continue


class Gone(Exception):
    """The client has ended its session."""


def words(command: str) -> tuple[str, ...]:
    """Split a command as a shell does; what is no shell's is a single word. Raises NoCommand."""
    try:
        found = tuple(shlex.split(command))
    except ValueError as error:
        raise NoCommand(f"The command can't be read ({error}): {command}") from error
    if not found:
        raise NoCommand("Command can not be blank.")
    return found
