"""Tasks with a network of their own (awsvpc)."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from quarterdeck.agents import pause
from quarterdeck.agents.networks import Networks
from quarterdeck.agents.runtimes.docker.pause import MACHINES, program
from quarterdeck.agents.runtimes.errors import ResourceInitializationError
from quarterdeck.agents.runtimes.network import PAUSE_IMAGE, Network, NoNetworks
from quarterdeck.agents.translate import translate
from quarterdeck.events import shapes
from quarterdeck.events.wanted import WantedTask
from tests.agents.world import INSTANCE, NAMESPACE, ManualClock, World, container, definition, task_id

ONE = task_id(1)
SUBNET = shapes.NetworkConfiguration(awsvpc_configuration=shapes.AwsVpcConfiguration(subnets=["subnet-a"]))


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.close()


def own_network(*containers: shapes.ContainerDefinition, **fields: Any) -> shapes.TaskDefinition:
    return definition(*containers, network_mode="awsvpc", **fields)


def test_a_pause_container_owns_the_network_that_the_others_share() -> None:
    port = shapes.PortMapping(container_port=80, host_port=80)
    control = shapes.SystemControl(namespace="net.core.somaxconn", value="7")
    other = shapes.SystemControl(namespace="kernel.msgmax", value="9")
    app = container("app", port_mappings=[port], system_controls=[control, other])
    wanted = WantedTask(task=ONE, definition=own_network(app, container("side")), network_configuration=SUBNET)
    plan = translate(wanted, NAMESPACE.task_arn("moon", ONE), "moon", INSTANCE)
    owner, *others = plan.containers
    assert (owner.name, owner.internal, owner.spec.image) == (pause.NAME, True, PAUSE_IMAGE)
    assert owner.needs.subnets == ("subnet-a",)
    assert [each.name for each in plan.told] == ["app", "side"]
    for each in others:
        assert each.spec.network_of == owner.spec.name
        assert each.spec.ports == ()
        assert pause.NAME in {dependency.container for dependency in each.after}
    assert owner.spec.options.system_controls == {"net.core.somaxconn": "7"}
    assert others[0].spec.options.system_controls == {"kernel.msgmax": "9"}


def listening(address: str) -> bool:
    """Whether anybody does, on this host."""
    (local,) = struct.unpack("<I", socket.inet_aton(address))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].startswith(f"{local:08X}:") and row[3] == "0A" for row in rows)


async def test_tasks_that_outlive_their_agent_reach_the_next_one_from_their_network(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = f"127.0.{os.getpid() % 250 + 1}.9"

    async def ensure(_: NoNetworks, name: str, addresses: str, labels: dict[str, str]) -> Network:
        del addresses, labels
        return Network(name, gateway)

    monkeypatch.setattr(NoNetworks, "ensure", ensure)
    world.start(endpoints=True)
    world.engine.place(ONE, definition=own_network(), network_configuration=SUBNET)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    assert listening(gateway)
    await world.stop()
    assert not listening(gateway)
    world.start(endpoints=True)
    await world.until(lambda: listening(gateway))
    assert world.engine.told(ONE) == ["RUNNING"]


async def test_the_network_comes_first_and_goes_last_and_nobody_is_told_of_its_container(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=own_network(), network_configuration=SUBNET)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    owner, app = world.containers()
    assert owner.labels["com.amazonaws.ecs.container-name"] == pause.NAME
    assert world.host.held(owner.id).spec.network == "quarterdeck-subnet-a"
    assert [each.container_name for each in world.engine.last(ONE).containers or []] == ["app"]
    world.host.kill(app.id, exit_code=3)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])
    assert [each.container_name for each in world.engine.last(ONE).containers or []] == ["app"]
    assert world.engine.last(ONE).reason == "Essential container in task exited"
    await world.go(12)
    assert world.containers() == []


async def test_a_task_whose_network_goes_ends(world: World) -> None:
    world.start()
    world.engine.place(ONE, definition=own_network(), network_configuration=SUBNET)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING"])
    world.host.kill(world.containers()[0].id)
    await world.until(lambda: world.engine.told(ONE) == ["RUNNING", "STOPPED"])


async def test_a_subnet_that_is_not_of_this_zone_is_the_reason(world: World) -> None:
    world.start(subnets={"subnet-b": "10.9.0.0/24"}, zone="us-east-1b")
    world.engine.place(ONE, definition=own_network(), network_configuration=SUBNET)
    await world.until(lambda: world.engine.told(ONE) == ["STOPPED"])
    reason = "ResourceInitializationError: none of the subnets subnet-a is in us-east-1b"
    assert world.engine.last(ONE).reason == reason


def test_of_several_subnets_the_first_of_this_zone_is_taken() -> None:
    here = Networks(NoNetworks(), ManualClock(), "us-east-1a", {"subnet-c": "", "subnet-b": ""})
    assert here.choose(["subnet-a", "subnet-b", "subnet-c"]) == "subnet-b"
    assert Networks(NoNetworks(), ManualClock(), "", {}).choose(["subnet-a", "subnet-b"]) == "subnet-a"
    with pytest.raises(ResourceInitializationError):
        here.choose(["subnet-a"])


@pytest.mark.parametrize("architecture", sorted(MACHINES))
def test_the_pause_program_is_an_executable_that_ends_where_its_segment_does(architecture: str) -> None:
    content = program(architecture)
    assert content.startswith(b"\x7fELF\x02\x01\x01")
    assert int.from_bytes(content[24:32], "little") == 0x400000 + 120
    assert int.from_bytes(content[96:104], "little") == len(content)
