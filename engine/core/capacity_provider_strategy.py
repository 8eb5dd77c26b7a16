"""Capacity provider strategy: as a service or a task asks for it; no capacity provider gives room yet (spec §7.2)."""

from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.events.shapes import CapacityProviderStrategyItem

NO_WEIGHT = (
    "There are no capacity providers with a weight value greater than zero defined in the capacity provider strategy. "
    "At least one capacity provider must have a weight value greater than zero specified. Update the cluster's default "
    "capacity provider strategy or specify a valid capacity provider strategy and try again."
)
MANY_BASES = (
    "There are multiple capacity providers in the specified capacity provider strategy with a base value defined. "
    "Only one capacity provider in a capacity provider strategy can have a base value defined."
)


def check(strategy: list[CapacityProviderStrategyItem] | None) -> None:
    """Refuse what ECS refuses; and the rest too, as long as it would be ignored."""
    if not strategy:
        return
    if sum(1 for each in strategy if each.base) > 1:
        raise InvalidParameterException(MANY_BASES)
    if not any(each.weight or (each.weight is None and len(strategy) == 1) for each in strategy):
        raise InvalidParameterException(NO_WEIGHT)
    raise UnsupportedFeatureException("Capacity provider strategies are not supported by this version.")
