"""Placement options: constraints and strategies as requests give them (spec §2.10, §7.2); not evaluated yet."""

from quarterdeck.engine.core.errors import InvalidParameterException, UnsupportedFeatureException
from quarterdeck.events import shapes

CONSTRAINTS_MAX = 10
STRATEGIES_MAX = 5
EXPRESSION_CHARACTERS_MAX = 2_000
CONSTRAINT_TYPES = ("distinctInstance", "memberOf")
STRATEGY_TYPES = ("random", "spread", "binpack")
BINPACK_FIELDS = ("cpu", "memory")


def check(
    constraints: list[shapes.PlacementConstraint] | None, strategies: list[shapes.PlacementStrategy] | None
) -> None:
    """Refuse what ECS refuses; and the rest too, as long as it would be ignored."""
    if len(constraints or []) > CONSTRAINTS_MAX:
        raise InvalidParameterException(f"Maximum number of placement constraints is {CONSTRAINTS_MAX}")
    if len(strategies or []) > STRATEGIES_MAX:
        raise InvalidParameterException(f"Maximum number of strategies is {STRATEGIES_MAX}")
    for constraint in constraints or []:
        _check_constraint(constraint)
    for strategy in strategies or []:
        if strategy.type not in STRATEGY_TYPES:
            raise InvalidParameterException(f"strategy type should be one of [{','.join(STRATEGY_TYPES)}]")
        if strategy.type == "binpack" and (strategy.field or "").lower() not in BINPACK_FIELDS:
            raise InvalidParameterException(f"binpack field '{strategy.field or ''}' is invalid")
    if constraints or strategies:
        raise UnsupportedFeatureException("Placement constraints and strategies are not supported by this version.")


def _check_constraint(constraint: shapes.PlacementConstraint) -> None:
    if constraint.type not in CONSTRAINT_TYPES:
        raise InvalidParameterException(f"constraint type should be one of [{','.join(CONSTRAINT_TYPES)}]")
    if constraint.type == "distinctInstance" and constraint.expression:
        raise InvalidParameterException("distinctInstance expression should not be specified.")
    if constraint.type == "memberOf" and not constraint.expression:
        raise InvalidParameterException("Invalid expression: memberOf needs one.")
    if len(constraint.expression or "") > EXPRESSION_CHARACTERS_MAX:
        raise InvalidParameterException(f"Invalid expression: it has more than {EXPRESSION_CHARACTERS_MAX} characters.")
