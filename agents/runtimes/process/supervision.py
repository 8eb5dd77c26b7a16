"""Supervision: runs the shim of a container's command, until it has started the command or said why it can't."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from quarterdeck.agents.runtimes.errors import CannotStartContainerError, RuntimeUnavailable
from quarterdeck.agents.runtimes.port import ContainerSpec
from quarterdeck.agents.runtimes.process import launch, shim

START_SECONDS_MAX = 30.0
SHIM = (sys.executable, "-I", "-S", shim.__file__)


async def begin(directory: Path, spec: ContainerSpec) -> None:
    """Start the command. Raises CannotStartContainerError with what the shim, or this host of it, said."""
    work = directory / "work"
    settings = launch.settings(spec, work)
    uid, gid = launch.user_ids(spec.user)
    read, write = os.pipe()
    try:
        if uid >= 0:
            shutil.chown(work, uid, gid)
        process = await asyncio.create_subprocess_exec(
            *SHIM,
            str(directory),
            *settings,
            *launch.command(spec),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write,
            stderr=write,
        )
    except BaseException as error:
        os.close(read)
        if isinstance(error, OSError | OverflowError):  # whose it can't be, or what is too long for a command line
            raise CannotStartContainerError(getattr(error, "strerror", None) or str(error)) from error
        raise
    finally:
        os.close(write)
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            said = await _all(read)
    except TimeoutError as error:
        raise RuntimeUnavailable(
            f"no word from the shim of {directory.name} for {START_SECONDS_MAX:.0f} seconds"
        ) from error
    finally:
        await process.wait()
    if said:
        raise CannotStartContainerError(said.decode(errors="replace").strip())


async def _all(descriptor: int) -> bytes:
    """Read a pipe to its end, and close it whatever happens: one of a subprocess of asyncio stays open if cancelled."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb")
    )
    try:
        return await reader.read()
    finally:
        transport.close()
