"""Query match: what an expression of the cluster query language says of a container instance (spec §8.3).

What an instance does not have makes every operator false but ``!exists``: ``attribute:stack != prod``
is for instances that have another stack. Of groups, ``==`` means that a task of it is there, ``!=``
that none is.
"""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Protocol

from quarterdeck.engine.core.pattern import Pattern
from quarterdeck.engine.core.query import ATTRIBUTE, And, Expression, Not, Or, Simple, parse
from quarterdeck.engine.core.query_values import moment, number, version

EXPRESSIONS_KEPT_MAX = 4_096
VALUES_KEPT_MAX = 1_024
"""Values that a pattern remembers: instances share most of theirs."""
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": eq,
    "!=": ne,
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
}
ZONE = "ecs.availability-zone"


class Facts(Protocol):
    """What an expression may look at."""

    @property
    def zone(self) -> str:
        """The availability zone."""
        ...

    @property
    def attributes(self) -> Mapping[str, str]:
        """Attributes by name; empty where there is no value."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the agent is heard."""
        ...

    @property
    def agent_version(self) -> str:
        """The agent's version, empty if it did not say."""
        ...

    @property
    def ec2_instance_id(self) -> str:
        """The id of the machine, empty if it did not say."""
        ...

    @property
    def registered_at(self) -> float:
        """Seconds since the epoch."""
        ...

    @property
    def running(self) -> int:
        """The number of tasks RUNNING."""
        ...

    @property
    def groups(self) -> Collection[str]:
        """The group of each task that is not STOPPED."""
        ...


Matcher = Callable[[Facts], bool]


@lru_cache(EXPRESSIONS_KEPT_MAX)
def matcher(text: str) -> Matcher:
    """Make an expression's test. Raises Malformed."""
    return _test(parse(text))


def _test(expression: Expression) -> Matcher:
    match expression:
        case Simple():
            return _simple(expression)
        case Not():
            inner = _test(expression.term)
            return lambda facts: not inner(facts)
        case And():
            every = [_test(each) for each in expression.terms]
            return lambda facts: all(test(facts) for test in every)
        case Or():
            some = [_test(each) for each in expression.terms]
            return lambda facts: any(test(facts) for test in some)


def _simple(expression: Simple) -> Matcher:
    match expression.subject:
        case "agentConnected":
            said = _said(expression)
            return lambda facts: said("true" if facts.connected else "false")
        case "ec2InstanceId":
            said = _said(expression)
            return lambda facts: bool(facts.ec2_instance_id) and said(facts.ec2_instance_id)
        case "agentVersion":
            return _of_version(expression)
        case "registeredAt" | "runningTasksCount":
            return _of_number(expression)
        case "task:group":
            return _of_groups(expression)
        case subject:
            return _of_attribute(expression, subject.removeprefix(ATTRIBUTE))


def _of_attribute(expression: Simple, name: str) -> Matcher:
    if expression.operator == "!exists":
        return lambda facts: _attribute(facts, name) is None
    if expression.operator == "exists":
        return lambda facts: _attribute(facts, name) is not None
    said = _said(expression)

    def has(facts: Facts) -> bool:
        value = _attribute(facts, name)
        return value is not None and said(value)

    return has


def _attribute(facts: Facts, name: str) -> str | None:
    value = facts.attributes.get(name)
    return facts.zone if value is None and name == ZONE else value


def _of_version(expression: Simple) -> Matcher:
    compared, wanted = COMPARISONS[expression.operator], version(expression.values[0])

    def is_so(facts: Facts) -> bool:
        held = version(facts.agent_version)
        return held is not None and compared(held, wanted)

    return is_so


def _of_number(expression: Simple) -> Matcher:
    compared, value = COMPARISONS[expression.operator], expression.values[0]
    if expression.subject == "runningTasksCount":
        wanted = int(value)
        return lambda facts: compared(facts.running, wanted)
    at = moment(value)
    return lambda facts: compared(float(int(facts.registered_at)), at)


def _of_groups(expression: Simple) -> Matcher:
    operator = expression.operator
    absent = operator in {"!=", "!in", "!~"}
    positive = {"!=": "==", "!in": "in", "!~": "=~"}.get(operator, operator)
    said = _said(Simple(expression.subject, positive, expression.values))
    return lambda facts: any(map(said, facts.groups)) is not absent


def _said(expression: Simple) -> Callable[[str], bool]:
    """Make the test of a text."""
    operator, values = expression.operator, expression.values
    first = values[0]
    match operator:
        case "in" | "!in":
            among, wanted = frozenset(values), operator == "in"
            return lambda value: (value in among) is wanted
        case "=~" | "!~":
            matches, matching = lru_cache(VALUES_KEPT_MAX)(Pattern(first).matches), operator == "=~"
            return lambda value: matches(value) is matching
        case "==":
            return lambda value: value == first
        case "!=":
            return lambda value: value != first
        case _:
            return _ordered(operator, first)


def _ordered(operator: str, first: str) -> Callable[[str], bool]:
    """Compare as numbers if both are, else as texts."""
    compared, wanted = COMPARISONS[operator], number(first)

    def test(value: str) -> bool:
        held = number(value)
        return compared(value, first) if held is None or wanted is None else compared(held, wanted)

    return test
