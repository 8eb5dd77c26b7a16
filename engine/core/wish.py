"""Wish: what a task asks of a place: its definition's, its service's or its caller's demands and preferences."""

from typing import NamedTuple

import msgspec

from quarterdeck.engine.core import placement_options
from quarterdeck.events.task import TaskRequested
from quarterdeck.projections.live.demand import Demand, constrained, demand
from quarterdeck.projections.live.rule import Rule
from quarterdeck.projections.live.states import NamespaceState
from quarterdeck.projections.live.task import SERVICE_GROUP
from quarterdeck.projections.live.task_definition import find


class Wish(NamedTuple):
    """What an instance must have, and which is preferred."""

    demand: Demand
    rule: Rule


def wish(state: NamespaceState, requested: TaskRequested) -> Wish:
    """Put together what a task asks for; one of a service is placed as the service says now."""
    definition = find(state, requested.task_definition)
    needs = definition.demand
    if requested.overrides is not None:
        needs = demand(definition.definition, requested.overrides)
    constraints, strategies = requested.placement_constraints, requested.placement_strategy
    if requested.deployment:
        settings = state.clusters[requested.cluster].services[requested.group.removeprefix(SERVICE_GROUP)].settings
        constraints, strategies = settings.placement_constraints, settings.placement_strategy
    network = requested.network_configuration
    if network is not None and network.awsvpc_configuration is not None:
        needs = msgspec.structs.replace(needs, subnets=frozenset(network.awsvpc_configuration.subnets or ()))
    return Wish(constrained(needs, constraints), placement_options.rule(constraints, strategies))
