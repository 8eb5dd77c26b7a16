"""Chance: draws that are the same for the same seed, so that an old decision can be asked again (spec §8.2).

A draw depends on the seed and on what is drawn from, in its order, and on nothing else: not on what
an index happened to know already.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b

TRIES_MAX = 64
"""After so many draws that hit nothing acceptable, all that are acceptable are listed, and one of them drawn."""


def draw(seed: str, number: int, among: int) -> int:
    """Draw the number of one of so many."""
    return int.from_bytes(blake2b(f"{seed}/{number}".encode(), digest_size=8).digest(), "big") % among


def drawn(seed: str, rows: Sequence[Sequence[tuple[object, str]]], accept: Callable[[str], bool]) -> str:
    """Draw one of the names that are acceptable, each as likely as another; there must be one."""
    total = sum(len(row) for row in rows)
    for number in range(TRIES_MAX):
        at = draw(seed, number, total)
        for row in rows:
            if at < len(row):
                if accept(row[at][1]):
                    return row[at][1]
                break
            at -= len(row)
    acceptable = [name for row in rows for _, name in row if accept(name)]
    return acceptable[draw(seed, TRIES_MAX, len(acceptable))]
