"""Docker's JSON and our values: what the contract on a real daemon would not reach."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.agents.runtimes.docker import translate, wire
from quarterdeck.agents.runtimes.docker.api import Answer
from quarterdeck.agents.runtimes.errors import CannotCreateContainerError
from quarterdeck.agents.runtimes.options import Options
from quarterdeck.agents.runtimes.port import ContainerSpec, Mount, PortMapping, TaskBounds


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("busybox", ("busybox", "latest")),
        ("busybox:1", ("busybox", "1")),
        ("registry.example:5000/team/app", ("registry.example:5000/team/app", "latest")),
        ("registry.example:5000/team/app:2", ("registry.example:5000/team/app", "2")),
        ("app@sha256:0f", ("app", "sha256:0f")),
        ("registry.example:5000/app:2@sha256:0f", ("registry.example:5000/app:2", "sha256:0f")),
    ],
)
def test_a_pull_names_one_tag_or_digest(image: str, reference: tuple[str, str]) -> None:
    assert translate.image_reference(image) == reference


@pytest.mark.parametrize(
    "mount",
    [
        Mount("relative", "/x"),
        Mount("/absolute", "/x", kind="volume"),
        Mount("/a:b", "/x"),
        Mount("/a", "/x:y"),
    ],
)
def test_a_mount_docker_would_take_for_something_else_is_refused(mount: Mount) -> None:
    with pytest.raises(CannotCreateContainerError, match="mount"):
        translate.create_request(ContainerSpec("n", "i", mounts=(mount,)))


def test_what_a_spec_leaves_open_is_left_to_the_image() -> None:
    body = msgspec.to_builtins(translate.create_request(ContainerSpec("n", "i")))
    assert body == {"Image": "i", "HostConfig": {"NetworkMode": "bridge"}, "Labels": {}}


def test_two_host_ports_of_one_container_port_are_both_bound() -> None:
    ports = (PortMapping(80, 8080), PortMapping(80, 0, bind_address="127.0.0.1"))
    request = translate.create_request(ContainerSpec("n", "i", ports=ports))
    bindings = request.host_config.port_bindings["80/tcp"]
    assert bindings == (wire.PortBinding("0.0.0.0", "8080"), wire.PortBinding("127.0.0.1", ""))


def test_a_log_driver_is_passed_on() -> None:
    request = translate.create_request(ContainerSpec("n", "i", log_driver="syslog", log_options={"tag": "x"}))
    assert msgspec.to_builtins(request.host_config)["LogConfig"] == {"Type": "syslog", "Config": {"tag": "x"}}


SIZE = TaskBounds("t1", 0.5, 64)


@pytest.mark.parametrize(
    ("memory_mib", "cgroup_parent", "limits"),
    [
        (None, "", {"NanoCpus": 500_000_000, "Memory": 64 << 20}),
        (32, "", {"NanoCpus": 500_000_000, "Memory": 32 << 20}),
        (None, "/ecs/t1", {"CgroupParent": "/ecs/t1"}),
        (32, "/ecs/t1", {"CgroupParent": "/ecs/t1", "Memory": 32 << 20}),
    ],
)
def test_without_a_cgroup_the_size_of_a_task_bounds_each_container(
    memory_mib: int | None, cgroup_parent: str, limits: dict[str, int]
) -> None:
    request = translate.create_request(ContainerSpec("n", "i", bounds=SIZE, memory_mib=memory_mib), cgroup_parent)
    assert msgspec.to_builtins(request.host_config) == {"NetworkMode": "bridge", **limits}


def test_swap_is_counted_with_the_memory_it_comes_beside() -> None:
    options = Options(swap_mib=0)
    request = translate.create_request(ContainerSpec("n", "i", memory_mib=32, options=options))
    assert request.host_config.memory_swap == 32 << 20
    assert translate.create_request(ContainerSpec("n", "i", options=options)).host_config.memory_swap == 0


def test_the_labels_of_an_event_are_without_what_docker_adds() -> None:
    line = b"""{"Type": "container", "Action": "die", "time": 1, "Actor": {"ID": "c1",
        "Attributes": {"task": "t1", "image": "busybox", "name": "n", "exitCode": "3"}}}"""
    event = msgspec.json.decode(line, type=wire.Event)
    assert (event.actor.id, translate.event_labels(event)) == ("c1", {"task": "t1"})


NEVER = "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("status", "started", "finished", "expected"),
    [
        ("created", NEVER, NEVER, ("created", None, None)),
        ("running", "1970-01-01T00:00:07Z", NEVER, ("running", 7.0, None)),
        ("running", NEVER, NEVER, ("running", 5.0, None)),
        ("created", NEVER, "1970-01-01T00:00:09Z", ("exited", None, 9.0)),
        ("exited", "1970-01-01T00:00:07Z", "1970-01-01T00:00:09Z", ("exited", 7.0, 9.0)),
    ],
    ids=["new", "runs", "runs, started for a daemon that was killed", "and ended since", "ended"],
)
def test_a_container_that_was_started_for_a_killed_daemon_runs_and_ends_like_others(
    status: str, started: str, finished: str, expected: tuple[str, float | None, float | None]
) -> None:
    """The next daemon takes it over, but never learns when it started, and calls it created once it has ended."""
    state = {"Status": status, "ExitCode": 0, "StartedAt": started, "FinishedAt": finished}
    answer = {"Id": "c1", "Name": "/n", "Image": "sha256:i", "Created": "1970-01-01T00:00:05Z", "State": state}
    rest = {"Config": {"Image": "i"}, "HostConfig": {}, "NetworkSettings": {}}
    inspected = msgspec.json.decode(msgspec.json.encode({**answer, **rest}), type=wire.Inspected)
    found = translate.container(inspected, "")
    assert (found.state, found.started_at, found.finished_at) == expected


def test_an_answer_that_is_not_json_is_its_own_message() -> None:
    assert Answer(502, b"Bad Gateway\n").message == "Error response from daemon: Bad Gateway"
