"""Process: a child that does not outlive its parent, however the parent ends."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1


async def spawn(command: Sequence[str], *, errors: Path, keep: Sequence[int] = ()) -> asyncio.subprocess.Process:
    """Start a child with its output in ``errors`` (begun anew) and the descriptors ``keep`` inherited.

    On Linux the kernel kills it with the *thread* that started it: call this from a loop whose thread stays.
    """
    with errors.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=keep,
            preexec_fn=_before_exec(),
        )


async def stop(process: asyncio.subprocess.Process, seconds_max: float) -> None:
    """Ask the child to end, insist after ``seconds_max``, and wait for it."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(seconds_max):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
    await process.wait()


def _before_exec() -> Callable[[], None]:
    """Prepare what runs in the child between fork and exec: system calls only, nothing that takes a lock."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    parent = os.getpid()

    def before_exec() -> None:
        os.setpgid(0, 0)  # a Ctrl-C at the terminal is for the parent, which then stops its child in order
        if prctl is None:
            return
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl: nobody would send the signal
            os._exit(1)

    return before_exec
