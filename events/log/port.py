"""Log: an append-only order of opaque payloads with one writer at a time.

The bytes of an append are one record, stored whole or not at all. Whoever wants to write claims an epoch first:
the claim is itself a record, and from it on every append of an older writer fails. Each append names the sequence
it expects the log to end at, so several may be in flight: when one fails, all behind it fail (``errors`` says how).
"""

from collections.abc import AsyncGenerator
from typing import Literal, Protocol

import msgspec

from quarterdeck.events.log.errors import Gap

Kind = Literal["commits", "epoch"]


class Record(msgspec.Struct, frozen=True):
    """One stored message: its place in the log (from 1, without holes), the server's time in seconds, the bytes."""

    sequence: int
    at: float
    kind: Kind
    payload: bytes


class Epoch(msgspec.Struct, frozen=True):
    """One claim, as written in the log: numbers rise by one per claim."""

    number: int
    sequence: int
    node: str


class Position(msgspec.Struct, frozen=True):
    """Where the log ends (0 when empty), and which log it is: name and time of creation."""

    sequence: int
    identity: str


class Log(Protocol):
    """What keepers and read models need of a log; errors as in ``quarterdeck.events.log.errors``."""

    async def claim(self, node: str) -> Epoch:
        """Write an epoch marker, which fences every older writer at once, and return it.

        The log ends at the marker when it is written: read up to it, then append with ``expected`` = its sequence.
        Raises LogFull, LogUnavailable.
        """
        ...

    async def append(self, payload: bytes, expected: int) -> int:
        """Store one record behind sequence ``expected`` and return its own.

        Appends sent by concurrent calls keep the order of the calls.
        Raises Fenced (also when nothing was claimed yet), OutcomeUnknown, LogFull, LogUnavailable, PayloadTooLarge.
        """
        ...

    def read(
        self, after: int = 0, *, until: int | None = None, follow: bool = False
    ) -> AsyncGenerator[list[Record], None]:
        """Yield the records behind ``after`` in order, without holes, in batches of at least one.

        Ends at ``until``; without ``follow`` no later than where the log ended when iteration began.
        Close it (``contextlib.aclosing``) when leaving early.
        Raises Gap (also when ``after`` is ahead of the log), LogUnavailable.
        """
        ...

    async def position(self) -> Position:
        """Tell where the log ends. Raises LogUnavailable."""
        ...

    async def close(self) -> None:
        """Let go of the log; what is in flight fails, followers end with LogUnavailable."""
        ...


class Marker(msgspec.Struct, frozen=True):
    """The payload of an epoch record; the token tells its own claim from another's after a lost answer."""

    epoch: int
    node: str
    token: str = ""


def epoch_of(record: Record) -> Epoch:
    """Read the claim out of a record of kind ``epoch``. Raises Gap when its bytes are damaged."""
    try:
        marker = msgspec.json.decode(record.payload, type=Marker)
    except msgspec.DecodeError as error:
        message = f"the epoch marker at {record.sequence} is damaged: {error}"
        raise Gap(message) from error
    return Epoch(number=marker.epoch, sequence=record.sequence, node=marker.node)
