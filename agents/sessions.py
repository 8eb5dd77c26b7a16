"""Sessions: clients that read logs or run commands on this instance, a bounded number at a time."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from typing import Any

import structlog

from quarterdeck.agents.commands import Commands, Gone, NoCommand
from quarterdeck.agents.logs import Logs, NoLogs
from quarterdeck.agents.runtimes.errors import RuntimeFailure
from quarterdeck.agents.settings import Limits
from quarterdeck.events.log.channel import Channel, ChannelClosed
from quarterdeck.events.session import Attach, Ended, Lines, Opened, ReadLogs

ENDINGS = (Gone, ChannelClosed, NoCommand, NoLogs, RuntimeFailure)

logger = structlog.get_logger(__name__)


class Sessions:
    """Attends to callers."""

    def __init__(self, logs: Logs, commands: Commands, limits: Limits) -> None:
        self._logs = logs
        self._commands = commands
        self._limits = limits
        self._count = {"readers": 0, "commands": 0}

    async def serve(self, channel: Channel) -> None:
        """Attend to one caller, until either side has ended it or is gone."""
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(channel.keep(), name="signs of life")
                match await channel.receive():
                    case ReadLogs() as asked:
                        await self._counted("readers", self._limits.readers_max, channel, self._read(channel, asked))
                    case Attach() as asked:
                        work = self._commands.attend(channel, asked)
                        await self._counted("commands", self._limits.commands_max, channel, work)
                    case other:
                        await channel.send(Ended(error=f"{type(other).__name__} opens nothing", code="ClientException"))
                keeping.cancel()
        except* ENDINGS as group_of_errors:
            error = _first(group_of_errors)
            with suppress(ChannelClosed):
                await channel.send(_said(error))
        except* Exception as group_of_errors:  # the client hears of our mistake, and the agent goes on
            logger.exception("a session failed")
            with suppress(ChannelClosed):
                await channel.send(
                    Ended(error=f"the agent failed: {_first(group_of_errors)!r}", code="ServerException")
                )

    async def _counted(self, what: str, most: int, channel: Channel, work: Coroutine[Any, Any, None]) -> None:
        if self._count[what] >= most:
            work.close()
            message = f"this agent attends to {most} {what} at a time: try again when one has ended"
            await channel.send(Ended(error=message, code="ThrottlingException"))
            return
        self._count[what] += 1
        try:
            await work
        finally:
            self._count[what] -= 1

    async def _read(self, channel: Channel, asked: ReadLogs) -> None:
        await channel.send(Opened())
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(_until_gone(channel), name="a reader's goodbye")
            async with aclosing(self._logs.read(asked.task, asked.container, asked.query)) as batches:
                async for batch in batches:
                    await channel.send(Lines(batch))
            listening.cancel()
        await channel.send(Ended())


async def _until_gone(channel: Channel) -> None:
    while not isinstance(await channel.receive(), Ended):
        pass
    raise Gone


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first that says something; a client's goodbye needs no answer."""
    leaves = [_first(error) if isinstance(error, BaseExceptionGroup) else error for error in group.exceptions]
    return next((error for error in leaves if not isinstance(error, Gone | ChannelClosed)), leaves[0])


def _said(error: BaseException) -> Ended:
    match error:
        case NoCommand():
            return Ended(error=str(error), code=error.code)
        case NoLogs():
            return Ended(error=str(error), code="ResourceNotFoundException")
        case RuntimeFailure():
            return Ended(error=error.reason, code="ServerException")
        case _:
            return Ended()
