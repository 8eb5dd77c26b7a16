"""The recipes for real hosts name what there is."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from quarterdeck.engine.cli import agent
from quarterdeck.engine.host import REFUSED

PACKAGING = Path(__file__).resolve().parent.parent / "packaging"


def options() -> str:
    return CliRunner().invoke(agent.command, ["--help"]).output


def used(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")}


def test_the_unit_starts_an_agent_with_options_it_has_and_not_again_when_that_does_not_help() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(PACKAGING / "quarterdeck-agent.service")
    service = unit["Service"]
    command = shlex.split(service["ExecStart"])
    assert command[1] == "agent"
    assert used(command) <= set(re.findall(r"--[a-z-]+", options()))
    assert service["RestartPreventExitStatus"] == str(REFUSED)


@pytest.mark.systemd
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """But for the program, which is not there."""
    unit = (PACKAGING / "quarterdeck-agent.service").read_text()
    program = "/opt/quarterdeck/bin/quarterdeck"
    assert f"ExecStart={program} " in unit
    written = tmp_path / "quarterdeck-agent.service"
    written.write_text(unit.replace(program, sys.executable))
    verify = ["systemd-analyze", "verify", "--man=no", str(written)]
    ran = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    written.write_text(written.read_text() + "\n[Service]\nKillMode=sometimes\n")
    ran = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert "kill mode" in ran.stderr, "it would have been found"


def test_the_container_starts_an_agent_with_options_it_has() -> None:
    recipe = (PACKAGING / "Containerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT \[(.*)\]$", recipe, re.MULTILINE)
    words = [each.strip().strip('"') for each in entry.split(",")]
    assert words[1] == "agent"
    assert used(words) <= set(re.findall(r"--[a-z-]+", options()))
    for copied in re.findall(r"-r /source/(\S+)", recipe):
        assert (PACKAGING.parent / copied).exists()
