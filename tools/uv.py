"""Uv: brings uv into .tools with pip, and runs it with the package sources that pip is configured for.

uv does not read pip's configuration. Whoever has told pip of a mirror, a folder of wheels or a certificate would have
to say it again; this says it for them. What is set for uv itself (UV_*) wins. Needs nothing but Python and pip.

python3 tools/uv.py <uv's arguments>
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
UV = TOOLS / "bin" / ("uv.exe" if os.name == "nt" else "uv")
PIN = ROOT / "requirements/uv.txt"
BROUGHT = TOOLS / "uv.txt"

# pip's setting, uv's variable, what uv wants between several values. Sections later in this order win, as in pip.
SECTIONS = ("global", "install", ":env:")
SETTINGS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "proxy": ("ALL_PROXY", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
}
PARTIAL_SOURCES = ("UV_INDEX", "UV_FIND_LINKS")


def bring() -> None:
    """Install the pinned uv into .tools unless it is there."""
    if UV.exists() and BROUGHT.exists() and BROUGHT.read_bytes() == PIN.read_bytes():
        return
    say("bringing uv (the installer) into .tools")
    pip("install", "-qq", "--upgrade", "--target", str(TOOLS), "--require-hashes", "-r", str(PIN))
    BROUGHT.write_bytes(PIN.read_bytes())


def pip(*arguments: str) -> str:
    """What pip says; its errors go to the terminal."""
    quiet = {"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", *arguments]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, env=os.environ | quiet)
    if done.returncode:
        sys.exit(f"pip failed: {' '.join(command)}")
    return done.stdout


def configured(listing: str) -> dict[str, str]:
    """Variables of uv for a listing by `pip config list`, whose lines read section.key='value'."""
    rows = [row.partition("=") for row in listing.splitlines() if "=" in row]
    settings = {key: str(ast.literal_eval(value)) for key, _, value in rows}
    found = {}
    for section in SECTIONS:
        for key, (variable, separator) in SETTINGS.items():
            if values := settings.get(f"{section}.{key}", "").split():
                found[variable] = separator.join(values)
    if "UV_INDEX" in found:
        # pip takes the best version of all its indexes, so a second index means that here too.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return found


def environment(arguments: list[str]) -> dict[str, str]:
    """The environment uv runs in."""
    own = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    pips = configured(pip("config", "list"))
    if arguments[:2] == ["pip", "compile"]:
        # A lock has the hashes of every platform's files, which only a whole index knows.
        pips = {variable: value for variable, value in pips.items() if variable not in PARTIAL_SOURCES}
    return own | pips | dict(os.environ)


def say(text: str) -> None:
    """Progress, on stderr."""
    print(f"· {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    bring()
    sys.exit(subprocess.run([str(UV), *sys.argv[1:]], check=False, env=environment(sys.argv[1:])).returncode)
