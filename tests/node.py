"""Node for tests: whether node and npm are here, and the packages that tests/clients/javascript pins."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "tests/clients/javascript"
INSTALLED = ROOT / ".tools/javascript"
MAJOR_MIN = 18
INSTALL_SECONDS_MAX = 120
SAID_MAX = 300


@cache
def missing() -> str | None:
    """Why node tests cannot run here, None if they can: what is pinned is installed then."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "no node with npm (Debian: apt install nodejs npm)"
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    if int(version.removeprefix("v").partition(".")[0]) < MAJOR_MIN:
        return f"node is {version.strip()}, {MAJOR_MIN} or newer is needed"
    with alone():
        return None if up_to_date() else install()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep other processes of the tests, which want the same packages, from installing at the same time."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up_to_date() -> bool:
    """Tell whether what is pinned is what is installed."""
    lock = INSTALLED / "node_modules/pinned.json"
    return lock.exists() and lock.read_bytes() == (PINS / "package-lock.json").read_bytes()


def install() -> str | None:
    """Bring what is pinned, and nothing else; why that failed, if it did."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINS / name, INSTALLED / name)
    line = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            line, cwd=INSTALLED, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS_MAX
        )
    except subprocess.TimeoutExpired:
        return f"npm did not end within {INSTALL_SECONDS_MAX} s"
    if done.returncode:
        return f"npm could not install what is pinned: {done.stderr.strip()[-SAID_MAX:]}"
    shutil.copy(PINS / "package-lock.json", INSTALLED / "node_modules/pinned.json")
    return None


def program(name: str) -> Path:
    """Put a program of tests/clients/javascript where it finds the packages."""
    return Path(shutil.copy(PINS / name, INSTALLED / name))
