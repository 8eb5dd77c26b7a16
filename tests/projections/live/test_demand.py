"""Demand: what a task takes of an instance (spec §4.3)."""

from __future__ import annotations

from quarterdeck.events import shapes
from quarterdeck.projections.live.demand import Demand, demand
from tests.engine.core.story import container


def of(*containers: shapes.ContainerDefinition, **members: str) -> shapes.TaskDefinition:
    return shapes.TaskDefinition(
        container_definitions=list(containers),
        cpu=members.get("cpu"),
        memory=members.get("memory"),
        network_mode=members.get("mode"),
    )


def ports(*mappings: tuple[int, str]) -> list[shapes.PortMapping]:
    return [shapes.PortMapping(container_port=1, host_port=port, protocol=protocol) for port, protocol in mappings]


def test_a_task_takes_its_own_size_if_it_has_one() -> None:
    assert demand(of(container(cpu=100, memory=100), cpu="512", memory="1024")) == Demand(cpu=512, memory=1024)


def test_else_it_takes_what_its_containers_take_together() -> None:
    assert demand(of(container(cpu=100, memory=100), container("b", memory=50))) == Demand(cpu=100, memory=150)


def test_a_soft_limit_counts_before_a_hard_one() -> None:
    assert demand(of(container(memory=100, memory_reservation=60))).memory == 60


def test_gpus_are_added_up_and_overridden_too() -> None:
    gpus = [shapes.ResourceRequirement(type="GPU", value="2")]
    neuron = [shapes.ResourceRequirement(type="NeuronDevice", value="1")]
    definition = of(container(resource_requirements=gpus), container("b", resource_requirements=neuron))
    assert demand(definition).gpus == 2
    less = shapes.ContainerOverride(name="main", resource_requirements=[])
    assert demand(definition, shapes.TaskOverride(container_overrides=[less])).gpus == 0


def test_overrides_replace_before_adding_up() -> None:
    definition = of(container(cpu=100, memory=100, memory_reservation=60), container("b", cpu=1, memory=50))
    override = shapes.ContainerOverride(name="main", cpu=7, memory=70)
    assert demand(definition, shapes.TaskOverride(container_overrides=[override])) == Demand(cpu=8, memory=110)
    soft = shapes.ContainerOverride(name="main", memory_reservation=10)
    assert demand(definition, shapes.TaskOverride(container_overrides=[soft])) == Demand(cpu=101, memory=60)
    assert demand(definition, shapes.TaskOverride(cpu="5", memory="6")) == Demand(cpu=5, memory=6)


def test_static_host_ports_are_taken_by_protocol_and_dynamic_ones_are_not() -> None:
    found = demand(of(container(port_mappings=ports((80, "tcp"), (53, "udp"), (0, "tcp")))))
    assert (found.tcp, found.udp) == (frozenset({80}), frozenset({53}))


def test_a_task_with_a_network_of_its_own_takes_no_port_of_the_host() -> None:
    assert demand(of(container(port_mappings=ports((80, "tcp"))), mode="awsvpc")).tcp == frozenset()
    assert demand(of(container(port_mappings=ports((80, "tcp"))), mode="host")).tcp == frozenset({80})


def test_equal_demands_are_equal_keys() -> None:
    one = demand(of(container(port_mappings=ports((80, "tcp")))))
    assert {one: 1}[demand(of(container(port_mappings=ports((80, "tcp")))))] == 1
