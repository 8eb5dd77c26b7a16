"""Page: how lists are asked for and answered."""

from collections.abc import Sequence

import msgspec

DIGITS_MAX = 18
"""SQLite's numbers have no more."""


class InvalidPage(Exception):
    """What a page was asked to begin after is nothing a page ever ended with."""


class Page(msgspec.Struct, frozen=True):
    """At most `limit` items, behind the place where the last page ended."""

    limit: int
    after: str | None = None

    def number(self) -> int:
        """Read the place in a list in order of creation. Raises InvalidPage."""
        return whole(self.after) if self.after else 0


def whole(text: str) -> int:
    """Read a number that was a row's. Raises InvalidPage."""
    if not (text.isdecimal() and len(text) <= DIGITS_MAX):
        raise InvalidPage(text)
    return int(text)


class Listed(msgspec.Struct, frozen=True):
    """One page; `after` asks for the next, None says there is none."""

    items: list[str]
    after: str | None = None


def listed(rows: Sequence[tuple[object, str]], limit: int) -> Listed:
    """Make a page of (place, item) rows, of which one more than `limit` was asked for."""
    items = [item for _, item in rows[:limit]]
    return Listed(items, str(rows[limit - 1][0]) if len(rows) > limit else None)
