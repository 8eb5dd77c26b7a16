"""All benchmarks, or those named: `python -m benchmarks placement live_view`; exits with 1 if a target is missed.

Each module of `MEASURED` has `measure() -> Iterator[Row]`; some start a nats-server, one needs a Docker Engine. What
is watched for a while takes the seconds that --seconds says.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator

from benchmarks.harness import Row, report

MEASURED = (
    "agent",
    "agent_idle",
    "commands",
    "docker",
    "endurance",
    "http",
    "live_view",
    "placement",
    "read_models",
    "scheduler",
    "shapes",
)
WATCHED = ("endurance",)


def main(arguments: list[str]) -> int:
    """Measure, and print each row as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*MEASURED, []], help="which; all if none is named")
    parser.add_argument("--seconds", type=float, help="how long to watch what is watched (default: a minute)")
    asked = parser.parse_args(arguments)
    return report(row for name in asked.names or MEASURED for row in rows(name, asked.seconds))


def rows(name: str, seconds: float | None) -> Iterator[Row]:
    """Measure one module's."""
    module = importlib.import_module(f"benchmarks.{name}")
    found: Iterator[Row] = module.measure(seconds) if seconds and name in WATCHED else module.measure()
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
