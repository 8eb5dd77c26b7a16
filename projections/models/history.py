"""History: the same read models, folded up to any point of the past."""

from contextlib import aclosing

import msgspec

from quarterdeck.events.codec import GENESIS
from quarterdeck.events.commit import Chained
from quarterdeck.events.log.port import Log
from quarterdeck.projections.models.projector import APPLY_COMMITS_MAX, Batch, slices, take
from quarterdeck.projections.models.store import ReadModels

TEMPORARY = ""
"""SQLite's name for a private database on disk that vanishes when closed."""


async def as_of(log: Log, *, sequence: int | None = None, at: float | None = None) -> ReadModels:
    """Fold the log into a temporary database, up to a position, or to a time in seconds since the epoch, or both.

    Close what is returned. A time may lie between two commits of one envelope: those decided by then are in.
    """
    models = await ReadModels.open(TEMPORARY)
    try:
        await _fold(log, models, sequence, at)
    except BaseException:
        await models.close()
        raise
    return models


async def _fold(log: Log, models: ReadModels, sequence: int | None, at: float | None) -> None:
    identity = (await log.position()).identity
    batch, previous = Batch(), GENESIS
    async with aclosing(log.read(until=sequence)) as batches:
        async for records in batches:
            for part in slices(records):
                for record in part:
                    previous = take(batch, record, previous)
                over = at is not None and _cut(batch, at)
                if over or batch.commits >= APPLY_COMMITS_MAX:
                    await models.apply(batch.envelopes, identity, 0 if over else batch.sequence)
                    batch = Batch()
                if over:
                    return
    await models.apply(batch.envelopes, identity, batch.sequence)


def _cut(batch: Batch, at: float) -> bool:
    """Drop the commits decided after a time; true if there were any."""
    kept: list[Chained] = []
    for envelope in batch.envelopes:
        commits = [each for each in envelope.commits if each.at <= at]
        if commits:
            kept.append(msgspec.structs.replace(envelope, commits=commits))
        if len(commits) < len(envelope.commits):
            batch.envelopes = kept
            return True
    return False
