"""Rebuild: the state at any position, from the log alone."""

from collections.abc import AsyncIterable

from quarterdeck.events.codec import unseal
from quarterdeck.events.log.port import Record
from quarterdeck.projections.live.view import LiveView


async def view_at(batches: AsyncIterable[list[Record]]) -> LiveView:
    """Fold a log up to where it is read. Raises Corrupt."""
    view = LiveView()
    async for batch in batches:
        for record in batch:
            view.sequence = record.sequence
            if record.kind == "commits":
                view.fold(unseal(record.payload, record.sequence, view.hash))
    return view
