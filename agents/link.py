"""Link: what an agent needs of the engine, over NATS or within one process."""

from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Protocol, TypeVar

import msgspec

from quarterdeck.events.log.channel import Channel
from quarterdeck.events.secret_exchange import SecretsAnswer, SecretsRequest
from quarterdeck.events.session import Grant, Redemption
from quarterdeck.events.stats import InstanceStats
from quarterdeck.events.wanted import Heartbeat, HeartbeatAnswer, WantedChange, WantedList

Answer = TypeVar("Answer", bound=msgspec.Struct)
Serve = Callable[[Channel], Coroutine[Any, Any, None]]
"""Attends to one caller, from the first frame to the last."""


class LinkDown(Exception):
    """The engine can't be reached or did not answer in time; try again."""


class Refused(Exception):
    """The engine refused an operation; `code` is ECS's."""

    def __init__(self, code: str, message: str) -> None:
        """Take the error as the engine gave it."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Link(Protocol):
    """One agent's way to the engine. All calls raise `LinkDown`; `call` also raises `Refused`."""

    async def call(
        self, cluster: str, operation: str, request: msgspec.Struct, answer: type[Answer], command: str
    ) -> Answer:
        """Carry out an ECS operation; a repeat with the same `command` token gets the first outcome."""
        ...

    async def wanted(self, cluster: str, container_instance: str) -> WantedList:
        """List what the instance should run."""
        ...

    def changes(self, cluster: str, container_instance: str) -> AsyncIterator[WantedChange]:
        """Follow changes from now on; messages may be lost, positions show it. Never ends by itself."""
        ...

    async def heartbeat(self, cluster: str, container_instance: str, beat: Heartbeat) -> HeartbeatAnswer:
        """Give a sign of life."""
        ...

    async def redeem(self, cluster: str, container_instance: str, redemption: Redemption) -> Grant:
        """Ask what a session of ExecuteCommand is for; also raises `Refused`."""
        ...

    async def callers(self, cluster: str, container_instance: str, serve: Serve) -> None:
        """Let clients call this instance, each attended to by ``serve``, until cancelled."""
        ...

    async def secrets(self, cluster: str, container_instance: str, request: SecretsRequest) -> SecretsAnswer:
        """Ask for the secrets of a task. Raises Refused, too."""
        ...

    async def tell_stats(self, cluster: str, container_instance: str, stats: InstanceStats) -> None:
        """Say what containers use; may be lost."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...
