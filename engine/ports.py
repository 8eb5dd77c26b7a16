"""Ports: taking the ports a program listens on, with the way out when another has them."""

import asyncio
import errno
import socket

RELEASE_SECONDS_MAX = 2.0
POLL_SECONDS = 0.05


class PortInUse(Exception):
    """Another program listens there; says how to choose another port."""


async def listen(host: str, port: int, option: str) -> socket.socket:
    """Bind a socket; port 0 is any free one. Raises PortInUse.

    Whoever was killed a moment ago may hold the port for an instant longer.
    """
    deadline = asyncio.get_running_loop().time() + RELEASE_SECONDS_MAX
    while True:
        try:
            return _bind(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise PortInUse(f"{host}:{port} can't be listened on: {error.strerror}. Choose {option}.") from error
            if asyncio.get_running_loop().time() > deadline:
                message = f"{host}:{port} is in use by another program. Choose another port with {option} (0 is any)."
                raise PortInUse(message) from error
        await asyncio.sleep(POLL_SECONDS)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def url(listener: socket.socket) -> str:
    """Say where a socket listens, as a URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
