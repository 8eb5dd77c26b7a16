"""Batch: the commits of one envelope to be, and who waits for it."""

import asyncio

from quarterdeck.events.commit import Commit

ENVELOPE_BYTES_AIM = 256_000


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
        """Keep the promises."""
        for future, _ in self._waiting:
            if not future.done():
                future.set_result(sequence)

    def settle(self, found: dict[str, int], error: Exception) -> None:
        """Keep the promises about commits that were found in the log; break the others."""
        for future, commit_id in self._waiting:
            if future.done():
                continue
            if commit_id in found:
                future.set_result(found[commit_id])
            else:
                future.set_exception(error)
