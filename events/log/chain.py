"""Chain: what one writer of a log may still send, as far as the writer itself can know.

The fence that counts is at the store. This is the writer's side of it: after an append that was fenced or that
nobody answered, the writer sends nothing more until it has claimed again, even if it should guess the position right.
"""

from quarterdeck.events.log.errors import Fenced, LogError, LogFull, OutcomeUnknown, PayloadTooLarge


class Chain:
    """The row of appends of one writer behind one claim; every claim begins another."""

    def __init__(self, payload_bytes_max: int, *, claimed: bool) -> None:
        """Begin behind an epoch marker, or broken before the first claim."""
        self._payload_bytes_max = payload_bytes_max
        self._broken: LogError | None = None if claimed else Fenced("claim an epoch before the first append")
        self._full_at: int | None = None

    def next(self) -> "Chain":
        """End this chain, whose appends in flight must not count any more, and begin the one behind a new claim."""
        self._broken = self._broken or Fenced("this writer has claimed a newer epoch")
        return Chain(self._payload_bytes_max, claimed=True)

    def check(self) -> None:
        """Raise what broke the chain, if something did: then no answer to one of its appends counts any more."""
        if self._broken is not None:
            raise type(self._broken)(*self._broken.args)

    def admit(self, payload: bytes, expected: int) -> None:
        """Check an append before it is sent. Raises PayloadTooLarge, Fenced, OutcomeUnknown."""
        if len(payload) > self._payload_bytes_max:
            message = f"{len(payload)} bytes do not fit in one record of at most {self._payload_bytes_max}"
            raise PayloadTooLarge(message)
        self.check()
        if self._full_at is not None and expected <= self._full_at:
            self._full_at = None

    def failed(self, error: LogError, expected: int) -> LogError:
        """Note why the append behind ``expected`` failed; returns what to tell its caller.

        Behind an append that found no room the store sees a wrong position: that is a full log, not another writer.
        """
        if isinstance(error, Fenced) and self._full_at is not None and expected > self._full_at:
            return LogFull(f"the append behind {self._full_at} found no room")
        if isinstance(error, LogFull):
            self._full_at = expected if self._full_at is None else min(self._full_at, expected)
        elif isinstance(error, Fenced | OutcomeUnknown) and self._broken is None:
            self._broken = error
        return error
