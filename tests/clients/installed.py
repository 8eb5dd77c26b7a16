"""Installed: programs as their packages install them, run as their users run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
SECONDS_MAX = 100
QUIET = {"AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nonexistent"}


class Installed:
    """Programs beside this Python, in the environment of a user of a running `up`."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = {**environ, **QUIET, "PATH": f"{BIN}:{environ['PATH']}"}

    def run(self, *line: str, **environ: str) -> str:
        """Run a program to its end; what it said. It must not fail."""
        done = subprocess.run(
            line, check=False, capture_output=True, text=True, env=self.environ | environ, timeout=SECONDS_MAX
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        return said

    def aws(self, line: str, *more: str) -> Any:
        """Run a line of `aws ecs`; its JSON, or nothing if it said nothing."""
        done = self.run("aws", "ecs", *line.split(), *more, "--output", "json")
        return json.loads(done) if done else None
