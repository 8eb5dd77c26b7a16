"""Bench: runs every bench_*.py of this folder; each has `measure() -> list[str]`, lines that say what took how long."""

from __future__ import annotations

import importlib
import pkgutil

from tests import bench


def main() -> None:
    """Print the lines of every measurement."""
    for module in sorted(module.name for module in pkgutil.iter_modules(bench.__path__, "tests.bench.")):
        if module.rpartition(".")[2].startswith("bench_"):
            print("\n".join(importlib.import_module(module).measure()), flush=True)


if __name__ == "__main__":
    main()
