"""Browser for tests: whether playwright and a Chromium are here."""

from __future__ import annotations

import importlib.util
import shutil


def chromium() -> str | None:
    """Chromium's program."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def missing() -> str | None:
    """Why browser tests cannot run here, None if they can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return None if chromium() else "no Chromium (Debian: apt install chromium)"
