"""The tour holds, says what it sees, and leaves nothing behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from quarterdeck.engine import demo, docker_engine
from tests import docker_engine as docker
from tests.engine.up_process import command_process

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(120)]

STEPS = (
    r"1  3 container instances in us-east-1a, us-east-1a, us-east-1b: ACTIVE, agentConnected TRUE",
    r"2  a service of 6 tasks runs, spread 3 in us-east-1a and 3 in us-east-1b",
    r"3  killed the container of task \w{8} behind its back",
    r"task \w{8} runs in its place, in us-east-1[ab], [\d.]+ s after the kill",
    r"4  stopped the agent b-1: agentConnected FALSE",
    r"its tasks are replaced in us-east-1a",
    r"5  brought it back: agentConnected TRUE, superseded tasks are stopped, 6 run",
    r"6  drained a-1 and deregistered it: INACTIVE, no longer listed",
    r"7  rebuilt the state from the log alone",
    r"it equals the live one, fingerprint [0-9a-f]{16}",
    r"all steps hold, in [\d.]+ s",
)


def takes(*options: str) -> None:
    ran = command_process("demo", *options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    position = 0
    for step in STEPS:
        found = re.search(step, ran.stdout[position:])
        assert found, f"{step} is missing in {ran.stdout}"
        position += found.end()


def test_the_tour_with_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    takes("--runtime", "process")
    assert not list(tmp_path.glob("quarterdeck-demo-*"))


@pytest.mark.docker
def test_the_tour_with_docker() -> None:
    takes("--runtime", "docker")
    status, _ = docker.request("GET", f"/images/{docker_engine.IMAGE}/json")
    assert status == 404


def test_a_step_that_does_not_hold_ends_the_tour(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = command_process("demo", "--runtime", "simulated")
    assert ran.returncode == 2
    assert "needs real containers or processes" in ran.stderr
    assert issubclass(demo.DoesNotHold, Exception)
