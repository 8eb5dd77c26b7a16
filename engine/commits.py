"""Commits: the log as commits with their positions, verified on the way, from whatever gives its records."""

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from quarterdeck.events.codec import unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.log.port import Record


class StoredCommit(Commit, frozen=True, kw_only=True):
    """A commit and its place in the log; commits of one envelope share a sequence."""

    sequence: int


async def commits(batches: AsyncIterable[list[Record]]) -> AsyncGenerator[StoredCommit, None]:
    """Take records apart into commits. Raises Corrupt."""
    digest: str | None = None
    async for batch in batches:
        for record in batch:
            if record.kind != "commits":
                continue
            envelope = unseal(record.payload, record.sequence, digest)
            digest = envelope.hash
            for commit in envelope.commits:
                yield _stored(commit, record.sequence)


def _stored(commit: Commit, sequence: int) -> StoredCommit:
    members: dict[str, Any] = {name: getattr(commit, name) for name in commit.__struct_fields__}
    return StoredCommit(sequence=sequence, **members)


def caused(stored: list[StoredCommit]) -> dict[str, list[StoredCommit]]:
    """Index commits by the commit that led to them."""
    following: dict[str, list[StoredCommit]] = {}
    for commit in stored:
        if commit.cause:
            following.setdefault(commit.cause, []).append(commit)
    return following
