"""Generated: a file that a tool writes, or compares with what is committed."""

from __future__ import annotations

from pathlib import Path


def keep(target: Path, text: str, arguments: list[str]) -> int:
    """Write the file; with ``--check`` compare it, which gives 1 if it differs."""
    if arguments == ["--check"]:
        return int(not target.exists() or target.read_text() != text)
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    return 0
