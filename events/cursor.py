"""Cursor: how far one has read in a container's logs, so that one can go on after an interruption."""

import msgspec

from quarterdeck.events.session import LogLine, LogQuery


class Cursor:
    """Counts the lines given with the time of the last one: those come again, and are not given twice."""

    def __init__(self, query: LogQuery) -> None:
        self._query = query
        self._at = 0
        self._count = 0
        self._skip = 0

    def again(self) -> LogQuery:
        """What to ask for to go on."""
        if not self._at:
            return self._query
        self._skip = self._count
        return msgspec.structs.replace(self._query, since=self._at, tail=None)

    def new(self, batch: list[LogLine]) -> list[LogLine]:
        """Those of a batch that were not given before."""
        found = []
        for line in batch:
            if self._skip and line.at == self._at:
                self._skip -= 1
                continue
            self._count = self._count + 1 if line.at == self._at else 1
            self._at = line.at
            found.append(line)
        return found
