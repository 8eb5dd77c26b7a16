"""Dry run: what `explain --dry-run` may be told of the task it asks about, as RunTask would be."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

DISTINCT = "distinctInstance"
_OPTIONS = (
    click.option("--group", help="With --dry-run: the group the task belongs to."),
    click.option(
        "--constraint",
        "constraints",
        multiple=True,
        metavar="EXPRESSION",
        help=f"With --dry-run: a memberOf expression, or {DISTINCT}. May be repeated.",
    ),
    click.option(
        "--strategy",
        "strategies",
        multiple=True,
        metavar="TYPE[=FIELD]",
        help="With --dry-run: random, binpack=memory, spread=attribute:rack. May be repeated.",
    ),
    click.option("--overrides", metavar="JSON", help="With --dry-run: overrides, as RunTask takes them."),
    click.option(
        "--subnet", "subnets", multiple=True, help="With --dry-run: a subnet of its own network. May be repeated."
    ),
)
_NAMES = ("group", "constraints", "strategies", "overrides", "subnets")


def options(function: Function) -> Function:
    """Give a command the options that say how the task would be run."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def taken(given: dict[str, Any]) -> dict[str, Any]:
    """Take these options out of a command's, as members of a request; only those that were given."""
    told = {name: given.pop(name) for name in _NAMES}
    members: dict[str, Any] = {
        "group": told["group"],
        "placement_constraints": [_constraint(each) for each in told["constraints"]],
        "placement_strategy": [_strategy(each) for each in told["strategies"]],
        "overrides": _document(told["overrides"]),
        "network_configuration": _network(told["subnets"]),
    }
    return {name: value for name, value in members.items() if value}


def _constraint(text: str) -> dict[str, str]:
    return {"type": DISTINCT} if text == DISTINCT else {"type": "memberOf", "expression": text}


def _strategy(text: str) -> dict[str, str]:
    kind, _, field = text.partition("=")
    return {"type": kind, "field": field} if field else {"type": kind}


def _document(text: str | None) -> dict[str, Any] | None:
    import json

    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--overrides is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise click.UsageError('--overrides is an object, such as {"containerOverrides": [{"name": "web", "cpu": 64}]}')
    return found


def _network(subnets: Sequence[str]) -> dict[str, Any] | None:
    return {"awsvpcConfiguration": {"subnets": list(subnets)}} if subnets else None
