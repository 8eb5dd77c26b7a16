"""All benchmarks, or those named: `python -m benchmarks placement live_view`; exits with 1 if a target is missed.

Each module here but the harness and the world has `measure() -> Iterator[Row]`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks
from benchmarks.harness import report

NOT_MEASURED = {"__main__", "harness", "world"}


def main(names: list[str]) -> int:
    """Measure, and print each row as soon as it is known."""
    modules = names or sorted(each.name for each in pkgutil.iter_modules(benchmarks.__path__))
    rows = (
        row
        for name in modules
        if name not in NOT_MEASURED
        for row in importlib.import_module(f"benchmarks.{name}").measure()
    )
    return report(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
