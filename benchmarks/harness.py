"""Harness: medians of several runs, and a table of results beside their targets.

A `Row` with a target passes or fails; one without is there to compare with. Times are of this
machine at this moment: on a busy one look at ratios, not at numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter

import msgspec

RUNS = 3
NAME_WIDTH, VALUE_WIDTH, TARGET_WIDTH = 62, 18, 18


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One result: a value in a unit, and what it should at least, or at most, be."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def missed(self) -> bool:
        """Tell whether the target is missed."""
        too_little = self.at_least is not None and self.value < self.at_least
        return too_little or (self.at_most is not None and self.value > self.at_most)

    @property
    def target(self) -> str:
        """Write the target, empty if there is none."""
        if self.at_least is not None:
            return f">= {number(self.at_least)}"
        return f"<= {number(self.at_most)}" if self.at_most is not None else ""

    def line(self) -> str:
        """Write the row of the table."""
        verdict = ("FAIL" if self.missed else "pass") if self.target else ""
        value = f"{number(self.value)} {self.unit}"
        return f"{self.name:<{NAME_WIDTH}}{value:>{VALUE_WIDTH}}{self.target:>{TARGET_WIDTH}}  {verdict}".rstrip()


def number(value: float) -> str:
    """Write a number with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def seconds(run: Callable[[], object]) -> float:
    """Time one run."""
    start = perf_counter()
    run()
    return perf_counter() - start


def median_of(measure: Callable[[], float], runs: int = RUNS) -> float:
    """Measure several times, each time from the start, and take the middle."""
    return median(measure() for _ in range(runs))


def report(rows: Iterable[Row]) -> int:
    """Print rows as they come; gives the exit status: 1 if any target is missed."""
    print(f"{'':<{NAME_WIDTH}}{'measured':>{VALUE_WIDTH}}{'target':>{TARGET_WIDTH}}", flush=True)
    missed = 0
    for row in rows:
        print(row.line(), flush=True)
        missed += row.missed
    print(f"\n{missed} missed" if missed else "\nall targets met")
    return 1 if missed else 0
