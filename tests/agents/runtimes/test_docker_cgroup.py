"""One cgroup for each task with a size: on directories that stand for the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from quarterdeck.agents.runtimes.docker.cgroup import TaskCgroups
from quarterdeck.agents.runtimes.errors import CannotCreateContainerError
from quarterdeck.agents.runtimes.port import TaskBounds

BOUNDS = TaskBounds("t1", 0.5, 64)


@pytest.fixture
def cgroups(tmp_path: Path) -> TaskCgroups:
    for name in ("cpu", "memory", "pids"):
        (tmp_path / name).mkdir()
    made = TaskCgroups(tmp_path)
    made.look("cgroupfs", "1")
    return made


@pytest.mark.parametrize(("driver", "version"), [("systemd", "1"), ("cgroupfs", "2"), ("", "")])
def test_where_daemons_name_cgroups_otherwise_there_are_none(tmp_path: Path, driver: str, version: str) -> None:
    found = TaskCgroups(tmp_path)
    found.look(driver, version)
    assert (found.usable, found.parent(BOUNDS)) == (False, "")
    found.make(BOUNDS)
    assert list(tmp_path.iterdir()) == []


def test_a_cgroup_that_can_not_be_written_is_not_used(tmp_path: Path) -> None:
    found = TaskCgroups(tmp_path / "missing")
    found.look("cgroupfs", "1")
    assert not found.usable


def test_a_task_without_a_size_has_none(cgroups: TaskCgroups, tmp_path: Path) -> None:
    assert cgroups.parent(None) == ""
    cgroups.make(None)
    assert not (tmp_path / "cpu/ecs").exists()


def test_the_size_of_a_task_is_written_down(cgroups: TaskCgroups, tmp_path: Path) -> None:
    assert cgroups.parent(BOUNDS) == "/ecs/t1"
    cgroups.make(BOUNDS)
    cgroups.make(BOUNDS)
    assert (tmp_path / "cpu/ecs/t1/cpu.cfs_period_us").read_text() == "100000"
    assert (tmp_path / "cpu/ecs/t1/cpu.cfs_quota_us").read_text() == "50000"
    assert (tmp_path / "memory/ecs/t1/memory.limit_in_bytes").read_text() == str(64 << 20)


def test_a_cgroup_goes_with_the_last_container_in_every_hierarchy(cgroups: TaskCgroups, tmp_path: Path) -> None:
    inside = [tmp_path / name / "ecs/t1/c2" for name in ("cpu", "memory", "pids")]
    for folder in inside:
        folder.mkdir(parents=True)
    cgroups.holds("c1", "/ecs/t1")
    cgroups.holds("c2", "/ecs/t1")
    cgroups.removed("c1")
    assert all(folder.is_dir() for folder in inside)
    for folder in inside:
        folder.rmdir()
    cgroups.removed("c2")
    assert list(tmp_path.glob("*/ecs/*")) == []


@pytest.mark.parametrize("parent", ["", "/docker", "/kubepods/x"])
def test_cgroups_of_others_are_left_alone(cgroups: TaskCgroups, tmp_path: Path, parent: str) -> None:
    others = [tmp_path / "cpu/docker", tmp_path / "cpu/kubepods/x"]
    for each in others:
        each.mkdir(parents=True)
    cgroups.holds("c1", parent)
    cgroups.removed("c1")
    cgroups.removed("never seen")
    assert all(each.is_dir() for each in others)


def test_a_cgroup_the_kernel_refuses_keeps_the_container_from_being(cgroups: TaskCgroups, tmp_path: Path) -> None:
    (tmp_path / "memory/ecs").write_text("in the way")
    with pytest.raises(CannotCreateContainerError, match="cgroup of task t1"):
        cgroups.make(BOUNDS)
