"""Batch: the commits of one envelope to be, and who waits for it."""

import asyncio
from collections import deque

from quarterdeck.events.commit import Commit

ENVELOPE_BYTES_AIM = 256_000
GROUP_MIN = 8


class Batch:
    """Commits decided since the last append; closed when full, or when a reader needs a boundary."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.commits: list[Commit] = []
        self.encoded: list[bytes] = []
        self.size = 0
        self.closed = False
        self._waiting: list[tuple[asyncio.Future[int], str]] = []

    def add(self, commit: Commit, encoded: bytes) -> None:
        """Take a commit in."""
        self.commits.append(commit)
        self.encoded.append(encoded)
        self.size += len(encoded)
        self.closed = self.closed or self.size >= ENVELOPE_BYTES_AIM

    def wait(self, commit_id: str = "") -> asyncio.Future[int]:
        """Promise the sequence at which the batch, or one commit of it, is in the log."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, commit_id))
        return future

    def stored(self, sequence: int) -> None:
        """Keep the promises: to half of many at once, to the others a moment later.

        Callers that are answered together ask together: all would decide while nothing is on its way, then all wait
        for the same append. In two groups, one decides while the other's append is under way.
        """
        half = len(self._waiting) // 2 if len(self._waiting) >= GROUP_MIN else len(self._waiting)
        _keep(self._waiting[:half], sequence)
        if half < len(self._waiting):
            asyncio.get_running_loop().call_soon(_keep, self._waiting[half:], sequence)

    def settle(self, found: dict[str, int], error: Exception) -> None:
        """Keep the promises about commits that were found in the log; break the others."""
        for future, commit_id in self._waiting:
            if future.done():
                continue
            if commit_id in found:
                future.set_result(found[commit_id])
            else:
                future.set_exception(error)


def _keep(waiting: list[tuple[asyncio.Future[int], str]], sequence: int) -> None:
    for future, _ in waiting:
        if not future.done():
            future.set_result(sequence)


class Batches:
    """The batches not in the log yet: at most one on its way, the others behind it; only the last takes more in."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._assigned = 0
        self._behind: deque[Batch] = deque()
        self._writing: Batch | None = None

    @property
    def pending(self) -> list[Batch]:
        """All of them, in order."""
        return [*([self._writing] if self._writing else []), *self._behind]

    @property
    def last(self) -> Batch | None:
        """The newest, None if everything is in the log."""
        return self._behind[-1] if self._behind else self._writing

    def open(self, size: int) -> Batch:
        """Find the batch that a commit of so many bytes goes into."""
        if self._behind:
            last = self._behind[-1]
            if not last.closed and last.size + size <= self._bytes_max:
                return last
        self._assigned += 1
        batch = Batch(self._assigned)
        self._behind.append(batch)
        return batch

    def next(self) -> Batch | None:
        """Take the oldest, to be written; None if there is none."""
        self._writing = self._behind.popleft() if self._behind else None
        return self._writing

    def written(self) -> None:
        """Note that the one on its way has arrived."""
        self._writing = None

    def begin(self, sequence: int) -> int:
        """Drop all, and begin behind a position of the log, which it returns."""
        self._behind.clear()
        self._writing = None
        self._assigned = sequence
        return sequence

    def settle(self, found: dict[str, int], error: Exception, in_doubt: Exception | None = None) -> None:
        """Keep the promises about commits found in the log; break the others, those on their way `in_doubt`."""
        if self._writing is not None:
            self._writing.settle(found, in_doubt or error)
        for batch in self._behind:
            batch.settle(found, error)
