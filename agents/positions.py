"""Positions: up to where an agent knows all that is wanted of it, so that it notices what it missed. Pure."""

import msgspec

from quarterdeck.events.wanted import WantedChange

AHEAD_MAX = 1000


class Positions(msgspec.Struct):
    """Complete up to ``known``; ``ahead`` are changes heard of beyond a gap: position by the one before."""

    known: int = -1
    ahead: dict[int, int] = {}

    def listed(self, sequence: int) -> bool:
        """Take note of a list; whether nothing is missing after it."""
        self.known = max(self.known, sequence)
        return self._close()

    def changed(self, change: WantedChange) -> bool:
        """Take note of a change; whether nothing is missing after it."""
        if len(self.ahead) < AHEAD_MAX:
            self.ahead[change.previous] = max(change.sequence, self.ahead.get(change.previous, 0))
        return self._close()

    def misses(self, sequence: int) -> bool:
        """Whether the engine sent a change, the one at this position, that was not heard here."""
        return sequence > self.known

    def _close(self) -> bool:
        """Follow the chain: between a change and the one before it there is nothing for this instance."""
        for previous in sorted(self.ahead):
            if previous > self.known:
                break
            self.known = max(self.known, self.ahead.pop(previous))
        return not self.ahead
