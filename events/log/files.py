"""Files: small private files that are whole after a power cut, or not there."""

import os
from pathlib import Path


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file only its owner may read, whole or not at all, safe from a power cut when this returns."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    keep(path.parent)


def keep(folder: Path) -> None:
    """Have what was named in a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
