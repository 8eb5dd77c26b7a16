"""Records: lines of output as files keep them, and how the wanted ones are picked. Pure.

A record is one line of the file: nanoseconds since the epoch, the stream's letter, and the bytes written: ``o`` and
``e`` for a whole line of stdout or stderr, ``O`` and ``E`` for a part that had no end. The shim of the process runtime
writes the same.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from io import BytesIO

from quarterdeck.events.session import LogLine, LogQuery

STREAMS = {b"o": ("stdout", True), b"e": ("stderr", True), b"O": ("stdout", False), b"E": ("stderr", False)}
LETTERS = {kind: letter for letter, kind in STREAMS.items()}


def encode(line: LogLine) -> bytes:
    """Write a record."""
    data = line.data.removesuffix(b"\n") if line.whole else line.data
    return b"%d %s %s\n" % (line.at, LETTERS[line.stream, line.whole], data)


def decode(record: bytes) -> LogLine | None:
    """Read a record; None for what is not whole, as the last one after a crash."""
    at, _, rest = record.partition(b" ")
    kind = STREAMS.get(rest[:1])
    if kind is None or not at.isdigit() or not rest.endswith(b"\n"):
        return None
    stream, whole = kind
    return LogLine(int(at), stream, rest[2:] if whole else rest[2:-1], whole)


def wanted(line: LogLine, query: LogQuery) -> bool:
    """Whether a line is of the time asked for."""
    return line.at >= query.since and not (query.until and line.at >= query.until)


def picked(lines: Iterable[LogLine], query: LogQuery) -> Iterator[LogLine]:
    """Yield the lines asked for, the tail taken of those of the time asked for."""
    found = (line for line in lines if wanted(line, query))
    return found if query.tail is None else iter(deque(found, query.tail))


def lines(records: Iterable[bytes]) -> Iterator[LogLine]:
    """Yield what can be read of a file's records."""
    for record in records:
        line = decode(record)
        if line is not None:
            yield line


def stored(content: bytes) -> Iterator[LogLine]:
    """Yield what can be read of a whole file; what was written may have returns in it, which end no record."""
    return lines(BytesIO(content))


def batches(found: Iterable[LogLine], size_bytes: int) -> Iterator[list[LogLine]]:
    """Yield lines in batches of about that size."""
    batch: list[LogLine] = []
    size = 0
    for line in found:
        batch.append(line)
        size += len(line.data) + 32
        if size >= size_bytes:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
