"""All benchmarks, or those named: `python -m benchmarks placement live_view`; exits with 1 if a target is missed.

Each module of `MEASURED` has `measure() -> Iterator[Row]`; some start a nats-server, one needs a Docker Engine.
"""

from __future__ import annotations

import importlib
import sys

from benchmarks.harness import report

MEASURED = ("agent", "commands", "docker", "http", "live_view", "placement", "read_models", "shapes")


def main(names: list[str]) -> int:
    """Measure, and print each row as soon as it is known."""
    rows = (row for name in names or MEASURED for row in importlib.import_module(f"benchmarks.{name}").measure())
    return report(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
