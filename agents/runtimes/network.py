"""Network: networks of a runtime that containers have addresses of their own in."""

from typing import Protocol

import msgspec

PAUSE_IMAGE = "quarterdeck/pause:1"
"""An image that does nothing but wait; made on the host, from no registry."""


class Network(msgspec.Struct, frozen=True):
    """A network on this host, and the host's own address in it."""

    name: str
    gateway: str


class NetworkStore(Protocol):
    """The networks of a runtime. Every call may raise ``RuntimeUnavailable``."""

    async def ensure(self, name: str, addresses: str, labels: dict[str, str]) -> Network:
        """Make a network unless it is there, and the pause image with it.

        ``addresses`` is its range (CIDR), empty for one the runtime chooses. Raises ResourceInitializationError.
        """
        ...

    async def remove_unused(self, labels: dict[str, str]) -> list[str]:
        """Remove the networks with these labels (empty: any value) that no container has; their names."""
        ...


class NoNetworks:
    """Where containers have no networks of their own."""

    async def ensure(self, name: str, addresses: str, labels: dict[str, str]) -> Network:  # noqa: ARG002 - the port's
        """Say where the host is."""
        return Network(name, "127.0.0.1")

    async def remove_unused(self, labels: dict[str, str]) -> list[str]:  # noqa: ARG002 - the port's
        """Nothing."""
        return []
