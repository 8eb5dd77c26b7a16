"""Task session: a command in a container of a task, with its input, output and terminal, as ExecuteCommand gives it."""

import shlex
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

from quarterdeck.engine.caller import Unreachable, refusal
from quarterdeck.engine.core.errors import TargetNotConnectedException
from quarterdeck.engine.streams import Streams
from quarterdeck.events import shapes
from quarterdeck.events.log.channel import Channel, ChannelClosed, NobodyListens
from quarterdeck.events.session import FRAME_BYTES_MAX, Attach, Ended, Input, Opened, Output, Resize, Terminal


class TaskSession:
    """A command that runs; when its output has ended, it has an exit code."""

    def __init__(self, channel: Channel, given: shapes.ExecuteCommandResponse) -> None:
        self.given = given
        self.exit_code: int | None = None
        self._channel = channel

    async def output(self) -> AsyncGenerator[Output, None]:
        """Give what the command writes, until it has ended. Raises Refusal, Unreachable."""
        while True:
            match await self._received():
                case Output() as output:
                    yield output
                case Ended(exit_code=code, error=error) if code is not None and not error:
                    self.exit_code = code
                    return
                case Ended(error=error, code=ecs_code):
                    raise refusal(ecs_code or "ServerException", error or "The session was ended by its agent.")
                case _:
                    continue

    async def write(self, data: bytes) -> None:
        """Give the command something to read, once there is room for it. Raises Unreachable."""
        for start in range(0, len(data), FRAME_BYTES_MAX):
            await self._send(Input(data[start : start + FRAME_BYTES_MAX]))

    async def end_input(self) -> None:
        """There is nothing more to read."""
        await self._send(Input())

    async def resize(self, rows: int, columns: int) -> None:
        """The terminal has another size."""
        await self._send(Resize(rows, columns))

    async def _send(self, frame: Input | Resize) -> None:
        try:
            await self._channel.send(frame)
        except ChannelClosed as error:
            raise Unreachable(f"The session was lost: {error}.") from error

    async def _received(self) -> object:
        try:
            return await self._channel.receive()
        except ChannelClosed as error:
            raise Unreachable(f"The session was lost, and its command is ended: {error}.") from error


class Executor(Streams):
    """A client that runs commands in containers."""

    @asynccontextmanager
    async def execute(
        self,
        *,
        task: str,
        command: str | Sequence[str],
        cluster: str | None = None,
        container: str | None = None,
        terminal: Terminal | None = None,
    ) -> AsyncIterator[TaskSession]:
        """Run a command in a container for the length of a block; it ends with the block.

        Its own words are kept apart (``["sh", "-c", "a b"]``); a text is split as a shell does. ExecuteCommand is
        carried out first, so the log tells who ran what. Raises Refusal, Unreachable.
        """
        text = command if isinstance(command, str) else shlex.join(command)
        given = await self.execute_command(
            cluster=cluster, task=task, container=container, command=text, interactive=True
        )
        session = given.session or shapes.Session()
        *_, where, instance, _ = (session.stream_url or "").split(".")  # nats:qd.io.<…>.<cluster>.<instance>.open
        attach = Attach(session=session.session_id or "", token=session.token_value or "", terminal=terminal)
        async with self.called(where, instance) as channel:
            yield TaskSession(await _opened(channel, attach), given)


async def _opened(channel: Channel, attach: Attach) -> Channel:
    try:
        await channel.send(attach)
        match await channel.receive():
            case Opened():
                return channel
            case Ended(error=error, code=code):
                raise refusal(code or "ServerException", error or "The agent refused.")
            case other:
                raise Unreachable(f"The agent answers with {type(other).__name__}: it is of another version.")
    except NobodyListens as error:
        raise TargetNotConnectedException(
            "The execute command failed due to an internal error. Try again later. (The container's agent does not "
            "answer.)"
        ) from error
    except ChannelClosed as error:
        raise Unreachable(f"The session could not be opened: {error}.") from error
