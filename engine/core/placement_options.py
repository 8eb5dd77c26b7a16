"""Placement options: constraints and strategies as requests give them, and the rule they make (spec §7.2, §8.2)."""

from functools import lru_cache

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.engine.core.query import parse, subjects
from quarterdeck.engine.core.query_tokens import Malformed
from quarterdeck.events import shapes
from quarterdeck.projections.live.rule import ATTRIBUTE, COUNT, DEFAULT, ZONE, Rule

CONSTRAINTS_MAX = 10
STRATEGIES_MAX = 5
SHOWN_CHARACTERS_MAX = 200
RULES_KEPT_MAX = 4_096
CONSTRAINT_TYPES = ("distinctInstance", "memberOf")
STRATEGY_TYPES = ("random", "spread", "binpack")
BINPACK_FIELDS = ("cpu", "memory")
INSTANCE_FIELDS = ("instanceid", "host")

Constraints = list[shapes.PlacementConstraint]
Strategies = list[shapes.PlacementStrategy]


def check(constraints: Constraints | None, strategies: Strategies | None) -> None:
    """Refuse what ECS refuses. Raises InvalidParameterException."""
    if len(constraints or []) > CONSTRAINTS_MAX:
        raise InvalidParameterException(f"Maximum number of placement constraints is {CONSTRAINTS_MAX}")
    if len(strategies or []) > STRATEGIES_MAX:
        raise InvalidParameterException(f"Maximum number of strategies is {STRATEGIES_MAX}")
    for constraint in constraints or []:
        _check_constraint(constraint)
    for strategy in strategies or []:
        _check_strategy(strategy)


def check_together(definition: shapes.TaskDefinition, constraints: Constraints | None) -> None:
    """Refuse more constraints than a task may have, those of its definition counted."""
    count = len(definition.placement_constraints or []) + len(constraints or [])
    if count > CONSTRAINTS_MAX:
        raise InvalidParameterException(
            f"Maximum number of placement constraints is {CONSTRAINTS_MAX}, those of the task definition included: "
            f"there are {count}"
        )


@lru_cache(RULES_KEPT_MAX)
def objection(expression: str) -> str:
    """Say what is wrong with an expression, and where; empty if nothing is."""
    try:
        parse(expression)
    except Malformed as error:
        return str(error)
    return ""


def rule(constraints: Constraints, strategies: Strategies) -> Rule:
    """Make the rule that decides between instances that fit."""
    distinct = any(each.type == "distinctInstance" for each in constraints)
    return _rule(tuple((each.type or "", each.field or "") for each in strategies), distinct=distinct)


def follows_zones(constraints: Constraints, strategies: Strategies) -> bool:
    """Tell whether tasks are spread over zones first, and nothing else says which (spec §8.7)."""
    first = rule(constraints, strategies).leading[:1]
    looked_at = [subjects(parse(each.expression or "")) for each in constraints if each.type == "memberOf"]
    return first == (ZONE,) and not any(ZONE in each for each in looked_at)


@lru_cache(RULES_KEPT_MAX)
def _rule(strategies: tuple[tuple[str, str], ...], *, distinct: bool) -> Rule:
    if not strategies:
        return Rule(distinct=distinct) if distinct else DEFAULT
    chain: list[str] = []
    random = False
    for kind, field in strategies:
        if kind == "random":
            random = True
            break
        component = _component(field)
        if component not in chain:
            chain.append(component)
    if not random and COUNT not in chain:
        chain.append(COUNT)
    leading = next((at for at, each in enumerate(chain) if not each.startswith(ATTRIBUTE)), len(chain))
    inside = [each for each in chain if not each.startswith(ATTRIBUTE)]
    packs_first = bool(inside) and inside[0] != COUNT
    packed = inside if packs_first else inside[1:]
    return Rule(
        leading=tuple(chain[:leading]),
        rest=tuple(chain[leading:]),
        fields=tuple(each for each in chain if each.startswith(ATTRIBUTE)),
        packing=tuple(packed[: packed.index(COUNT)] if COUNT in packed else packed),
        packs_first=packs_first,
        random=random,
        distinct=distinct,
    )


def _component(field: str) -> str:
    if field.lower() in BINPACK_FIELDS:
        return field.lower()
    if field.lower() in INSTANCE_FIELDS:
        return COUNT
    name = field[len(ATTRIBUTE) :]
    return ZONE if name.lower() == ZONE.removeprefix(ATTRIBUTE) else f"{ATTRIBUTE}{name}"


def _check_strategy(strategy: shapes.PlacementStrategy) -> None:
    field = strategy.field or ""
    if strategy.type not in STRATEGY_TYPES:
        raise InvalidParameterException(f"strategy type should be one of [{','.join(STRATEGY_TYPES)}]")
    if strategy.type == "binpack" and field.lower() not in BINPACK_FIELDS:
        raise InvalidParameterException(f"binpack field '{field}' is invalid")
    is_attribute = field.lower().startswith(ATTRIBUTE) and len(field) > len(ATTRIBUTE)
    if strategy.type == "spread" and field.lower() not in INSTANCE_FIELDS and not is_attribute:
        raise InvalidParameterException(f"spread field '{field}' is invalid")


def _check_constraint(constraint: shapes.PlacementConstraint) -> None:
    if constraint.type not in CONSTRAINT_TYPES:
        raise InvalidParameterException(f"constraint type should be one of [{','.join(CONSTRAINT_TYPES)}]")
    expression = constraint.expression or ""
    if constraint.type == "distinctInstance":
        if expression:
            raise InvalidParameterException("distinctInstance expression should not be specified.")
        return
    wrong = objection(expression)
    if wrong:
        raise InvalidParameterException(f"Invalid expression '{shown(expression)}': {wrong}")


def shown(expression: str) -> str:
    """Shorten an expression for a message."""
    return expression if len(expression) <= SHOWN_CHARACTERS_MAX else f"{expression[:SHOWN_CHARACTERS_MAX]}…"
