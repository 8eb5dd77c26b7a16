"""Watch: learns from the kernel when a shim ends, without being its parent and without polling."""

import asyncio
import os
import signal
from collections.abc import Callable

from quarterdeck.agents.runtimes.process.store import Pids, Ports


class Watch:
    """One running container: calls back once when its shim has ended, also if it had ended already."""

    def __init__(self, pids: Pids, ports: Ports, ended: Callable[[], None]) -> None:
        self.pids = pids
        self.ports = ports
        self.ended = asyncio.Event()
        self._on_end = ended
        self._loop = asyncio.get_running_loop()
        self._descriptor = _opened(pids.shim_pid)
        if self._descriptor is None or not pids.shim_lives:
            self._loop.call_soon(self._fire)
        else:
            self._loop.add_reader(self._descriptor, self._fire)

    def signal(self, number: signal.Signals) -> None:
        """Send to the command itself, as a container's signals go to its first process."""
        descriptor = _opened(self.pids.command_pid)
        if descriptor is None:
            return
        try:
            if self.pids.command_lives:
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Stop watching."""
        if self._descriptor is not None:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _fire(self) -> None:
        self.close()
        if not self.ended.is_set():
            self.ended.set()
            self._on_end()


def _opened(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None
