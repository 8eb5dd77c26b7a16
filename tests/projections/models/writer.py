"""A writer of logs, as a keeper is one: it claims, seals and appends."""

from quarterdeck.events.codec import GENESIS, encode_commit, seal
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.events.log.memory import MemoryLog, Store


class Writer:
    """Appends commits to a log in memory; `lose` cuts its end off, as a disk without sync does."""

    def __init__(self, name: str = "log", batch_records_max: int = 3) -> None:
        self.log = MemoryLog(Store(name), batch_records_max=batch_records_max)
        self._hashes: dict[int, str] = {0: GENESIS}
        self._claimed = False
        self.envelopes: list[Chained] = []

    @property
    def end(self) -> int:
        return len(self.log.store.records)

    async def claim(self) -> int:
        epoch = await self.log.claim("test")
        self._claimed = True
        self._hashes[self.end] = self._hashes[self.end - 1]
        return epoch.sequence

    async def write(self, *commits: Commit) -> int:
        if not self._claimed:
            await self.claim()
        payload, digest = seal([encode_commit(each) for each in commits], 1, self._hashes[self.end])
        sequence = await self.log.append(payload, self.end)
        self._hashes[sequence] = digest
        self.envelopes.append(Chained(sequence, 1, digest, list(commits)))
        return sequence

    def lose(self, sequence: int) -> None:
        """Keep the log up to a sequence; another writer goes on from there."""
        del self.log.store.records[sequence:]
        self.log = self.log.another()
        self._claimed = False
