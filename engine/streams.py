"""Streams: a client that can also call an agent, for logs and for commands in containers."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager

from quarterdeck.engine.client import Client
from quarterdeck.events.log.channel import Channel


class Streams(Client):
    """All operations of ECS, and calls to the agents of container instances."""

    @abstractmethod
    def called(self, cluster: str, container_instance: str) -> AbstractAsyncContextManager[Channel]:
        """Call the agent of a container instance for the length of a block.

        The channel raises NobodyListens when no agent attends.
        """

    @abstractmethod
    async def stored_log(self, task: str, container: str) -> bytes | None:
        """Read what an agent stored of a container's log (see `events/stored_log`); None if there is nothing."""

    @abstractmethod
    async def away_since(self, cluster: str, container_instance: str) -> float | None:
        """When the agent of a container instance was last heard (seconds since the epoch), as far as that is known."""
