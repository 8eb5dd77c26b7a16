"""Chance: the one source of it in a world, and the weather made of it: how slow and lossy everything is."""

from __future__ import annotations

import asyncio
from random import Random  # noqa: TID251 - seeded, and handed out from here

import msgspec


class Weather(msgspec.Struct):
    """How messages fare: seconds on the way, and the shares that get lost, come twice, or take far longer."""

    seconds_min: float = 0.001
    seconds_max: float = 0.02
    lost: float = 0.0
    twice: float = 0.0
    slow: float = 0.0
    slow_seconds_max: float = 4.0


FAIR = Weather()


class Chance(Random):
    """A seeded source of chance, with what a world asks of it."""

    def happens(self, share: float) -> bool:
        """Tell whether something of this probability happens; what can't asks nothing of chance."""
        return share > 0.0 and self.random() < share

    def delay(self, weather: Weather) -> float:
        """Draw how many seconds a message takes."""
        if self.happens(weather.slow):
            return self.uniform(weather.seconds_max, weather.slow_seconds_max)
        return self.uniform(weather.seconds_min, weather.seconds_max)

    async def pass_(self, weather: Weather) -> None:
        """Be on the way."""
        await asyncio.sleep(self.delay(weather))
