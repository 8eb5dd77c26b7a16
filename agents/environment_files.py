"""Environment files: variables from files under one folder of the agent's host, which stands for S3 (spec §5.3).

``arn:aws:s3:::BUCKET/KEY`` is the file BUCKET/KEY in that folder. Lines are ``NAME=value``; the first file to name a
variable decides it.
"""

from pathlib import Path

from quarterdeck.agents.runtimes.errors import ResourceInitializationError

S3 = ":s3:::"
FILE_BYTES_MAX = 1 << 20


def read(folder: str, files: tuple[str, ...]) -> dict[str, str]:
    """Read files, top down. Raises ResourceInitializationError."""
    variables: dict[str, str] = {}
    for value in files:
        variables = {**_variables(_text(folder, value)), **variables}
    return variables


def _text(folder: str, value: str) -> str:
    if not folder:
        raise _failure(value, "this agent has no folder for them (--env-files)")
    try:
        root = Path(folder).resolve()
        path = (root / value.rpartition(S3)[2]).resolve()
        if not path.is_relative_to(root):
            raise _failure(value, f"it is outside of {folder}")
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise _failure(value, f"it has more than {FILE_BYTES_MAX} bytes")
        return content.decode()
    except (OSError, ValueError) as error:  # not text, or a name that no file can have
        raise _failure(value, getattr(error, "strerror", None) or str(error)) from error


def _variables(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip() and not line.lstrip().startswith("#"):
            found.setdefault(name.strip(), value)
    return found


def _failure(value: str, why: str) -> ResourceInitializationError:
    return ResourceInitializationError(f"failed to download env files: {value}: {why}")
