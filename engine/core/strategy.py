"""Strategy: which capacity providers a cluster has, and what strategies may say of them (spec §3.3, §10.2).

No task or service uses a capacity provider yet, so any may be taken from a cluster.
"""

from quarterdeck.engine.core.capacity_provider import NOT_FOUND, PREDEFINED, is_usable, provider_name
from quarterdeck.engine.core.capacity_provider_strategy import MANY_BASES
from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCapacityProvidersChanged
from quarterdeck.projections.live.states import ClusterState

PROVIDERS_MAX = 20
WEIGHT_MAX = 1_000
BASE_MAX = 100_000

Strategy = list[shapes.CapacityProviderStrategyItem]


def put(turn: Turn, cluster: ClusterState, request: shapes.PutClusterCapacityProvidersRequest) -> None:
    """Replace a cluster's capacity providers and its default strategy."""
    if request.capacity_providers is None or request.default_capacity_provider_strategy is None:
        raise InvalidParameterException("capacityProviders and defaultCapacityProviderStrategy must be specified.")
    providers = checked_providers(turn, request.capacity_providers, cluster.name)
    strategy = checked_strategy(turn, request.default_capacity_provider_strategy, providers)
    if (providers, strategy) != (cluster.capacity_providers, cluster.default_strategy):
        turn.emit(
            ClusterCapacityProvidersChanged(
                cluster=cluster.name, capacity_providers=providers, default_capacity_provider_strategy=strategy
            )
        )


def checked_providers(turn: Turn, references: list[str] | None, cluster: str) -> list[str]:
    """Refuse capacity providers a cluster can't have; gives their names, each once."""
    names = list(dict.fromkeys(provider_name(turn, each) for each in references or []))
    if len(names) > PROVIDERS_MAX:
        raise InvalidParameterException(f"A cluster can have at most {PROVIDERS_MAX} capacity providers.")
    if any(not is_usable(turn.state, name) for name in names):
        raise InvalidParameterException(NOT_FOUND)
    for name in names:
        _check_exclusive(turn, name, cluster)
    return names


def checked_strategy(turn: Turn, strategy: Strategy | None, associated: list[str]) -> Strategy:
    """Refuse a strategy that can't be followed; gives it with names for references and numbers filled in."""
    items = [
        shapes.CapacityProviderStrategyItem(
            capacity_provider=provider_name(turn, each.capacity_provider or ""),
            weight=each.weight or 0,
            base=each.base or 0,
        )
        for each in strategy or []
    ]
    names = [each.capacity_provider or "" for each in items]
    if any(name not in associated for name in names):
        raise InvalidParameterException(
            "The specified capacity provider strategy cannot contain a capacity provider that is not associated with "
            "the cluster. Associate the capacity provider with the cluster and try again."
        )
    _check_numbers(items)
    _check_mix(names)
    return items


def _check_exclusive(turn: Turn, name: str, cluster: str) -> None:
    """Managed scaling works for one cluster: the Auto Scaling group has one reservation to follow."""
    known = turn.state.capacity_providers.get(name)
    scaling = known.auto_scaling_group_provider.managed_scaling if known is not None else None
    if scaling is None or scaling.status != "ENABLED":
        return
    others = (each for each in turn.state.clusters.values() if each.name != cluster and each.status == "ACTIVE")
    if any(name in each.capacity_providers for each in others):
        raise InvalidParameterException(
            f"The capacity provider {name} uses managed scaling and is associated with another cluster already."
        )


def _check_numbers(items: Strategy) -> None:
    if len(items) > PROVIDERS_MAX:
        raise InvalidParameterException(
            f"A capacity provider strategy can have at most {PROVIDERS_MAX} capacity providers."
        )
    if any(not 0 <= (each.weight or 0) <= WEIGHT_MAX for each in items):
        raise InvalidParameterException(f"The weight of a capacity provider must be from 0 to {WEIGHT_MAX}.")
    if any(not 0 <= (each.base or 0) <= BASE_MAX for each in items):
        raise InvalidParameterException(f"The base of a capacity provider must be from 0 to {BASE_MAX}.")
    if sum(bool(each.base) for each in items) > 1:
        raise InvalidParameterException(MANY_BASES)
    if len(items) > 1 and not any(each.weight for each in items):
        raise InvalidParameterException(
            "At least one capacity provider must have a weight value greater than zero specified. "
            "Specify a valid capacity provider strategy and try again."
        )


def _check_mix(names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise InvalidParameterException("A capacity provider strategy cannot contain a capacity provider twice.")
    if len({name in PREDEFINED for name in names}) > 1:
        raise InvalidParameterException(
            "A capacity provider strategy cannot contain both Auto Scaling group and Fargate capacity providers."
        )
