"""Hooks: the target of lifecycle hooks, as an engine reaches it: slow, now and then away, of changing mind."""

from __future__ import annotations

import asyncio

import msgspec

from quarterdeck.events.log.errors import LogUnavailable
from tests.simulation.chance import Chance

TARGET = "nats:gate"
SECONDS_MAX = 3.0
AWAY = 0.1
ANSWERS = ("SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "IN_PROGRESS", "FAILED")


class Answered(msgspec.Struct):
    """What comes back of a request."""

    data: bytes


class Gate:
    """The one verb of a link that hooks use."""

    def __init__(self, chance: Chance) -> None:
        self.open = False
        self._chance = chance

    async def request(self, subject: str, body: bytes, seconds_max: float, headers: None) -> Answered:
        """Answer as a target does; once it is open, with SUCCEEDED."""
        assert f"nats:{subject}" == TARGET
        await asyncio.sleep(self._chance.uniform(0.0, SECONDS_MAX))
        if not self.open and self._chance.happens(AWAY):
            raise LogUnavailable("nobody answers (injected)")
        status = "SUCCEEDED" if self.open else self._chance.choice(ANSWERS)
        return Answered(msgspec.json.encode({"hookStatus": status, "callBackDelay": 5.0}))
