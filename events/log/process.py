"""Process: a child that does not outlive its parent, however the parent ends."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

PR_SET_PDEATHSIG = 1

_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


class Handle(Protocol):
    """A child process: what of ``asyncio.subprocess.Process`` its keepers use."""

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait until it has ended."""
        ...

    def send_signal(self, signal: int) -> None:
        """Send a signal."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


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


async def stop(process: Handle, seconds_max: float) -> None:
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


def die_with(parent: int) -> None:
    """Make this process, just forked, one that a Ctrl-C at the terminal spares, and that dies with its parent.

    The parent gets the Ctrl-C, and then stops its child in order.
    """
    os.setpgid(0, 0)
    if _prctl is None:
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died between fork and prctl: nobody would send the signal
        os._exit(1)


def _before_exec() -> Callable[[], None]:
    """Prepare what runs in the child between fork and exec: system calls only, nothing that takes a lock."""
    parent = os.getpid()

    def before_exec() -> None:
        die_with(parent)

    return before_exec
