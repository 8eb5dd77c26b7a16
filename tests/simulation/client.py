"""Client: what a user asks of the engine, and remembers of its answers."""

from __future__ import annotations

import asyncio

import msgspec

from quarterdeck.engine.core.errors import Refusal
from quarterdeck.engine.shell.command import NotKeeper
from tests.simulation.chance import Chance
from tests.simulation.link import commanded
from tests.simulation.shard import Shard

TRIES_MAX = 40
PAUSE_SECONDS = 1.0
ANSWER_SECONDS_MAX = 10.0
SERVER_STATUS = 500


class Acknowledged(msgspec.Struct, frozen=True):
    """What the engine said was done: by which command, at which position of the log."""

    token: str
    operation: str
    sequence: int
    changed: bool


class Client:
    """A user who asks again, with the same token, until there is an answer."""

    def __init__(self, shard: Shard, chance: Chance) -> None:
        self.acknowledged: list[Acknowledged] = []
        self.refused = 0
        self._shard = shard
        self._chance = chance
        self._count = 0

    async def ask(self, operation: str, request: msgspec.Struct) -> bool:
        """Ask for a change; whether it was carried out."""
        self._count += 1
        token = f"user/{self._count}"
        for _ in range(TRIES_MAX):
            await self._chance.pass_(self._shard.weather)
            engine = self._shard.door()
            try:
                if engine is not None:
                    async with asyncio.timeout(ANSWER_SECONDS_MAX):
                        outcome = await engine.keeper.submit(commanded(operation, request, "user", token))
                    changed = bool(outcome.events) or outcome.repeat is not None
                    self.acknowledged.append(Acknowledged(token, operation, outcome.sequence, changed))
                    return True
            except (NotKeeper, TimeoutError):
                pass
            except Refusal as refusal:
                if refusal.status < SERVER_STATUS:
                    self.refused += 1
                    return False
            await asyncio.sleep(PAUSE_SECONDS)
        return False
