"""Nursery: loads once what every agent needs, then forks agents as it is told.

``python -m quarterdeck.engine.cli.nursery FD`` reads orders from a socket, a line of JSON each, and tells there of
each child when it is there and when it has ended. It has one thread and no loop, so that a fork copies nothing half
done. It ends when the socket does; its children end with it.
"""

import importlib
import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import msgspec

from quarterdeck.engine import cli, memory
from quarterdeck.engine.nursery import Order, Report
from quarterdeck.events.log import process

LOADED = ("quarterdeck.engine.cli.agent", "quarterdeck.engine.host", "quarterdeck.engine.logs")
READ_BYTES = 65_536


class Children:
    """The children, by process id."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._numbers: dict[int, int] = {}
        self._woken, self._wakes = socket.socketpair()
        self._wakes.setblocking(False)  # noqa: FBT003 - the socket module's
        self._decoder = msgspec.json.Decoder(Order)

    def run(self) -> None:
        """Carry orders out until there can be no more."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wakes.fileno(), warn_on_full_buffer=False)
        waiting = selectors.DefaultSelector()
        waiting.register(self._orders, selectors.EVENT_READ)
        waiting.register(self._woken, selectors.EVENT_READ)
        unread = b""
        while True:
            ready = {key.fileobj for key, _ in waiting.select()}
            if self._woken in ready:
                self._woken.recv(READ_BYTES)
                self._bury()
            if self._orders in ready:
                read = self._orders.recv(READ_BYTES)
                if not read:
                    return
                *lines, unread = (unread + read).split(b"\n")
                for line in lines:
                    self._carry_out(self._decoder.decode(line))

    def _carry_out(self, order: Order) -> None:
        if order.arguments:
            parent = os.getpid()
            pid = os.fork()
            if not pid:
                self._become(order, parent)
            self._numbers[pid] = order.number
            self._tell(Report(number=order.number, pid=pid))
        else:
            for pid, number in self._numbers.items():
                if number == order.number:
                    os.kill(pid, order.signal)

    def _bury(self) -> None:
        for pid in list(self._numbers):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._tell(Report(number=self._numbers.pop(pid), code=os.waitstatus_to_exitcode(status)))

    def _tell(self, report: Report) -> None:
        self._orders.sendall(msgspec.json.encode(report) + b"\n")

    def _become(self, order: Order, parent: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for mine in (self._orders, self._woken, self._wakes):
                mine.close()
            process.die_with(parent)
            descriptor = os.open(order.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(descriptor, sys.stdout.fileno())
            os.dup2(descriptor, sys.stderr.fileno())
            os.close(descriptor)
            with suppress(OSError):  # what `ps` and `top` show; Linux only
                Path("/proc/self/comm").write_text(f"qd {order.arguments[0]}", encoding="utf-8")
            cli.main(order.arguments, prog_name="quarterdeck")
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001 - nothing of it may run on as a second nursery
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def main() -> None:
    """Load, then serve the socket whose descriptor is the argument."""
    for module in LOADED:
        importlib.import_module(module)
    memory.settle()
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        Children(orders).run()


if __name__ == "__main__":
    main()
