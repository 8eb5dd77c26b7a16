"""Multiplexed: Docker's stream of stdout and stderr in one, and the times it puts before lines. Pure.

Each part has a head of eight bytes: 1 for stdout or 2 for stderr, three zeros, and the length of what follows.
"""

import datetime as dt
import struct
from collections.abc import Iterator

from quarterdeck.events.session import LogLine

HEAD = struct.Struct(">BxxxL")
STREAMS = {0: "stdout", 1: "stdout", 2: "stderr"}
NANOSECONDS = 1_000_000_000
NANOSECOND_DIGITS = 9
PIECE_BYTES_MAX = 16 << 10


class Demultiplexer:
    """Takes bytes as they come, gives what they hold of each stream; with a terminal there is only stdout."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """Yield the parts that are whole."""
        if self._terminal:
            yield "stdout", data
            return
        self._rest += data
        place = 0
        while len(self._rest) - place >= HEAD.size:
            stream, size = HEAD.unpack_from(self._rest, place)
            if len(self._rest) - place < HEAD.size + size:
                break
            place += HEAD.size
            yield STREAMS.get(stream, "stderr"), self._rest[place : place + size]
            place += size
        self._rest = self._rest[place:]


class LogLines:
    """Takes an answer's bytes as they come, gives the lines they hold."""

    def __init__(self, *, terminal: bool) -> None:
        self._terminal = terminal
        self._parts = Demultiplexer(terminal=terminal)
        self._rest = b""
        self._begun: int | None = None

    def feed(self, data: bytes) -> Iterator[LogLine]:
        """Yield the lines that are whole; without a terminal every part is one, or a part of a long one."""
        for stream, part in self._parts.feed(data):
            if self._terminal:
                yield from self._terminals(part)
            else:
                yield line(stream, part)

    def end(self) -> Iterator[LogLine]:
        """Yield what came last and had no end."""
        if self._rest:
            yield self._cut(len(self._rest))

    def _terminals(self, data: bytes) -> Iterator[LogLine]:
        """A terminal's lines run on over the parts; long ones, as of a progress bar, are given piece by piece."""
        self._rest += data
        while (end := self._rest.find(b"\n") + 1) or len(self._rest) > PIECE_BYTES_MAX:
            yield self._cut(min(end or PIECE_BYTES_MAX, PIECE_BYTES_MAX))

    def _cut(self, size: int) -> LogLine:
        data, self._rest = self._rest[:size], self._rest[size:]
        whole = data.endswith(b"\n")
        found = line("stdout", data) if self._begun is None else LogLine(self._begun, "stdout", data, whole)
        self._begun = None if whole else found.at
        return found


def line(stream: str, part: bytes) -> LogLine:
    """Take the time off what was written."""
    time, _, data = part.partition(b" ")
    return LogLine(nanoseconds(time.decode("ascii", "replace")), stream, data, whole=data.endswith(b"\n"))


def nanoseconds(time: str) -> int:
    """Read Docker's time, RFC 3339 with up to nine digits of a second; 0 for what is none."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    try:
        seconds = dt.datetime.fromisoformat(f"{whole}+00:00").timestamp()
        return int(seconds) * NANOSECONDS + int(fraction[:NANOSECOND_DIGITS].ljust(NANOSECOND_DIGITS, "0"))
    except ValueError:
        return 0


def seconds(at: int) -> str:
    """Write nanoseconds as Docker takes them."""
    return f"{at // NANOSECONDS}.{at % NANOSECONDS:09d}"
