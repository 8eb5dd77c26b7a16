"""What a definition asks of a container engine, and in which order that lets containers start."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.agents.runtimes.options import Device, Options
from quarterdeck.agents.untranslatable import Untranslatable
from quarterdeck.events import shapes
from tests.agents.test_translate import plans, spec
from tests.agents.world import container

WAITS = [shapes.ContainerDependency(container_name="a", condition="SUCCESS")]


def linux(**fields: Any) -> Options:
    return spec(linux_parameters=shapes.LinuxParameters(**fields)).options


def waits(*containers: shapes.ContainerDefinition, **task: Any) -> dict[str, list[tuple[str, str]]]:
    """Which containers wait for which."""
    return {each.name: [(one.container, one.condition) for one in each.after] for each in plans(*containers, **task)}


def test_a_container_that_asks_for_nothing_has_no_options() -> None:
    assert spec().options == Options()
    assert spec().options.asked() == []


def test_options_that_were_asked_for_are_named() -> None:
    assert spec(privileged=True, dns_servers=["192.0.2.1"]).options.asked() == ["privileged", "dns_servers"]


def test_swappiness_without_a_swap_limit_is_ignored() -> None:
    assert linux(swappiness=10).swappiness is None
    assert (linux(swappiness=10, max_swap=0).swappiness, linux(max_swap=0).swap_mib) == (10, 0)


def test_a_device_is_where_it_is_on_the_host_with_all_permissions_unless_said_otherwise() -> None:
    devices = [shapes.Device(host_path="/dev/a"), shapes.Device(host_path="/dev/b", permissions=["mknod"])]
    assert linux(devices=devices).devices == (Device("/dev/a", "/dev/a", "rwm"), Device("/dev/b", "/dev/b", "m"))


def test_links_and_volumes_from_wait_for_their_containers() -> None:
    shared = [shapes.VolumeFrom(source_container="c")]
    found = plans(container("a", links=["b:store", "c"]), container("b", volumes_from=shared), container("c"))
    assert [(one.container, one.condition) for one in found[0].after] == [("b", "START"), ("c", "START")]
    assert found[0].spec.options.links == (("ecs-web-1-b-0123456789ab", "store"), ("ecs-web-1-c-0123456789ab", "c"))
    assert found[1].spec.options.volumes_from == (("ecs-web-1-c-0123456789ab", False),)
    assert found[1].after[0].container == "c"


def test_the_others_join_the_namespaces_of_an_essential_container_that_comes_first() -> None:
    parts = [container("a", essential=False), container("b", depends_on=WAITS), container("c")]
    assert waits(*parts, pid_mode="task") == {"a": [("c", "START")], "b": [("a", "SUCCESS"), ("c", "START")], "c": []}
    found = plans(*parts, pid_mode="task", ipc_mode="task")
    join = "container:ecs-web-1-c-0123456789ab"
    modes = [(each.spec.options.pid_mode, each.spec.options.ipc_mode) for each in found]
    assert modes == [(join, join), (join, join), ("", "shareable")]


def test_without_such_a_container_namespaces_can_not_be_shared() -> None:
    parts = [container("a", essential=False), container("b", depends_on=WAITS)]
    with pytest.raises(Untranslatable, match="pidMode and ipcMode task need an essential container"):
        plans(*parts, ipc_mode="task")
    assert plans(*parts, ipc_mode="host")[0].spec.options.ipc_mode == "host"
