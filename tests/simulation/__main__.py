"""Runs seeds: ``python -m tests.simulation --seeds 1000``, or one of them again, telling everything: ``--seed 43``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context

from tests.simulation.quiet import quiet, quieted
from tests.simulation.seeds import play
from tests.simulation.world import Result

PROGRESS_SECONDS = 5.0
CHUNK_SEEDS = 5


def main() -> int:
    """Run what the arguments say; 1 if anything was breached."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="play this one, and tell every commit and fault")
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="play so many (1000)")
    parser.add_argument("--first", type=int, default=0, help="begin with this one (0)")
    parser.add_argument("--processes", type=int, help="at once (one for each core)")
    arguments = parser.parse_args()
    with quieted():
        if arguments.seed is not None:
            result = play(arguments.seed, print)
            print(line(result))
            return int(bool(result.violation))
        return many(range(arguments.first, arguments.first + arguments.seeds), arguments.processes)


def many(seeds: range, processes: int | None) -> int:
    """Play many seeds on all cores, with progress and a summary; 1 if anything was breached."""
    began, told = time.monotonic(), time.monotonic()
    results: list[Result] = []
    breached = 0
    for result in _played(seeds, processes):
        results.append(result)
        if result.violation:
            breached += 1
            print(line(result), flush=True)
        if time.monotonic() - told > PROGRESS_SECONDS:
            told = time.monotonic()
            rate = len(results) / (told - began)
            print(f"· {len(results)} of {len(seeds)} seeds, {rate:.0f}/s", file=sys.stderr, flush=True)
    seconds = time.monotonic() - began
    events, tasks = sum(each.events for each in results), sum(each.tasks for each in results)
    hours = sum(each.seconds for each in results) / 3600
    print(f"{len(results)} seeds in {seconds:.0f} s ({len(results) / seconds:.0f}/s): {breached} breached.")
    print(f"{events} events, {tasks} tasks, {hours:.1f} virtual hours; each settled within its bound" * (not breached))
    return int(breached > 0)


def line(result: Result) -> str:
    """Say in one line what became of a seed."""
    if not result.violation:
        done = f"{result.events} events, {result.tasks} tasks, settled {result.settled_after:.0f} s after the faults"
        return f"seed {result.seed}: {done}; log {result.digest[:16]}"
    replay = f"python -m tests.simulation --seed {result.seed}"
    return f"seed {result.seed} at {result.seconds:.3f} s: {result.violation}   ({replay})"


def _played(seeds: range, processes: int | None) -> Iterator[Result]:
    if processes == 1:
        yield from map(play, seeds)
        return
    with get_context("spawn").Pool(processes, initializer=quiet) as pool:
        yield from pool.imap_unordered(play, seeds, CHUNK_SEEDS)


if __name__ == "__main__":
    sys.exit(main())
