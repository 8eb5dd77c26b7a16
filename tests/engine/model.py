"""Model: requests built from ECS's model: the least that is valid, anything that is valid, and each rule broken."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tools.generate_shapes import load

MODEL = load()
SHAPES = MODEL["shapes"]
OPERATIONS = sorted(MODEL["operations"])
DEPTH_MAX = 3
WORD = "abc"
INT_MAX = (1 << 31) - 1

WRONG: dict[str, list[Any]] = {
    "structure": [[], "x", 5, True],
    "list": [{}, "x", 5, True],
    "map": [[], "x", 5, True],
    "string": [{}, [], 5, True],
    "integer": [{}, [], "5", True, 1.5],
    "long": [{}, [], "5", True, 1.5],
    "double": [{}, [], "5", True],
    "boolean": [{}, [], "true", 1],
    "timestamp": [{}, [], True],
}
SIMPLE: dict[str, Any] = {"boolean": True, "double": 1.0, "timestamp": 1_700_000_000, "map": {}, "blob": "YQ=="}


class Break(NamedTuple):
    """One rule, broken: where, as ``Structure.member`` and as a path, how, and the request."""

    member: str
    path: tuple[str, ...]
    kind: str
    request: dict[str, Any]


def input_of(operation: str) -> str:
    return str(MODEL["operations"][operation]["input"]["shape"])


def example(operation: str) -> dict[str, Any]:
    """The least that is valid."""
    least: dict[str, Any] = least_of(input_of(operation))
    return least


def least_of(name: str) -> Any:
    shape = SHAPES[name]
    match shape["type"]:
        case "structure" if shape.get("document"):
            return {}
        case "structure":
            members = list(shape["members"])[:1] if shape.get("union") else shape.get("required", ())
            return {member: least_of(shape["members"][member]["shape"]) for member in members}
        case "list":
            return [least_of(shape["member"]["shape"])]
        case "string":
            return shape["enum"][0] if "enum" in shape else WORD
        case "integer" | "long":
            return max(1, shape.get("min", 1))
        case other:
            return SIMPLE[other]


def breaks(operation: str) -> Iterator[Break]:
    """Every rule of an operation's request broken in turn, each in a request that is valid but for it."""
    for path, chain in _places(input_of(operation), (), ()):
        owner, member = chain[-1]
        name = SHAPES[owner]["members"][member]["shape"]
        for kind, value in _bad(name):
            yield Break(f"{owner}.{member}", path, kind, _put(operation, path, value))
        if member in SHAPES[owner].get("required", ()):
            yield Break(f"{owner}.{member}", path, "required", _put(operation, path, None))


def _places(
    name: str, path: tuple[str, ...], chain: tuple[tuple[str, str], ...]
) -> Iterator[tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]:
    for member, ref in SHAPES[name].get("members", {}).items():
        here, inner = (*path, member), ref["shape"]
        yield here, (*chain, (name, member))
        if SHAPES[inner]["type"] == "list":
            inner, here = SHAPES[inner]["member"]["shape"], (*here, "[]")
        if SHAPES[inner]["type"] == "structure" and not SHAPES[inner].get("document"):
            yield from _places(inner, here, (*chain, (name, member)))


def _bad(name: str) -> Iterator[tuple[str, Any]]:
    shape = SHAPES[name]
    if shape.get("document"):
        return
    for value in WRONG.get(shape["type"], []):
        yield "type", value
    if "enum" in shape:
        yield "enum", "no-such-value"
    if shape["type"] in {"integer", "long", "double"}:
        yield from _bad_numbers(shape)
    else:
        yield from _bad_lengths(name, shape)


def _bad_numbers(shape: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    limited = shape.get("max", INT_MAX) < INT_MAX
    if "min" in shape:
        yield "range", shape["min"] - 1
    if limited:
        yield "range", shape["max"] + 1
    if shape["type"] != "double":
        yield ("range" if limited else "type"), 1 << 63


def _bad_lengths(name: str, shape: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if shape.get("min"):
        yield "length", least_of(name)[:0]
    if "max" in shape:
        longer = [least_of(shape["member"]["shape"])] if shape["type"] == "list" else WORD
        yield "length", longer * (shape["max"] + 1)


def _put(operation: str, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    request = example(operation)
    name, at = input_of(operation), request
    for step, following in pairwise(path):
        if step == "[]":
            continue
        name = SHAPES[name]["members"][step]["shape"]
        if following == "[]":
            name = SHAPES[name]["member"]["shape"]
            at[step] = [least_of(name)]
            at = at[step][0]
        else:
            at[step] = at.get(step) or least_of(name)
            at = at[step]
    at[path[-1]] = value
    return request


def valid(operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Anything that is valid by its shape, whatever it may mean."""
    strategy: st.SearchStrategy[dict[str, Any]] = _any(input_of(operation), 0)
    return strategy


TELLING = [
    "",
    "default",
    "web",
    "job",
    "job:1",
    "job:99999999999999999999",
    "app",
    "1",
    "-1",
    "1e9",
    "0" * 32,
    "arn:aws:ecs:us-east-1:000000000000:cluster/web",
    "arn:aws:ecs:us-east-1:000000000000:task/web/" + "0" * 32,
    "arn:aws:ecs",
    "arn:aws:ecs:::/",
    "\x00",
    "🐳",
    "a" * 300,
    "aws:x",
    "../..",
    "%s",
    "' OR 1=1 --",
]


STRATEGIES: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "timestamp": st.floats(0, 4e9),
    "blob": st.binary(max_size=8).map(lambda data: base64.b64encode(data).decode()),
}


def _any(name: str, depth: int) -> st.SearchStrategy[Any]:
    shape = SHAPES[name]
    match shape["type"]:
        case "structure":
            return st.just({}) if shape.get("document") else _any_structure(shape, depth)
        case "list":
            size = max(shape.get("min", 0), min(2, shape.get("max", 2)))
            return st.lists(_any(shape["member"]["shape"], depth + 1), min_size=shape.get("min", 0), max_size=size)
        case "map":
            return st.dictionaries(st.text(max_size=5), _any(shape["value"]["shape"], depth + 1), max_size=2)
        case "string":
            return _any_text(shape)
        case "integer" | "long" | "double":
            return _any_number(shape)
        case other:
            return STRATEGIES[other]


def _any_text(shape: dict[str, Any]) -> st.SearchStrategy[str]:
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    if "pattern" in shape:
        return st.text("abcXYZ012", min_size=shape.get("min", 0), max_size=20)
    return st.one_of(st.sampled_from(TELLING), st.text(min_size=shape.get("min", 0), max_size=12))


def _any_number(shape: dict[str, Any]) -> st.SearchStrategy[float]:
    if shape["type"] == "double":
        return st.floats(shape.get("min", -1e300), shape.get("max", 1e300), allow_nan=False)
    bits = 31 if shape["type"] == "integer" else 63
    return st.integers(shape.get("min", -(1 << bits)), shape.get("max", (1 << bits) - 1))


def _any_structure(shape: dict[str, Any], depth: int) -> st.SearchStrategy[dict[str, Any]]:
    members = {member: ref["shape"] for member, ref in shape["members"].items()}
    required = {member: _any(members[member], depth + 1) for member in shape.get("required", ())}
    if depth > DEPTH_MAX:
        return st.fixed_dictionaries(required)
    optional = {member: _later(name, depth + 1) for member, name in members.items() if member not in required}
    return st.fixed_dictionaries(required, optional=optional)


def _later(name: str, depth: int) -> st.SearchStrategy[Any]:
    return st.deferred(lambda: _any(name, depth))
