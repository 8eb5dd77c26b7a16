"""Members: what a client's documents name must be known; the engine itself ignores unknown members, as ECS does.

The AWS SDKs refuse them in the client too, before anything is sent.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import get_args

import msgspec

from quarterdeck.engine.core.errors import SerializationException
from quarterdeck.events.shapes import Shape


def check(operation: str, request: type[msgspec.Struct], arguments: Mapping[str, object]) -> None:
    """Refuse members that no shape has, at any depth; arguments are the request's members, known and of their types.

    Raises SerializationException, with the path as the caller wrote it.
    """
    shapes = _members(request)
    for field in msgspec.structs.fields(request):
        given, shape = arguments.get(field.encode_name), shapes[field.encode_name]
        if given is not None and shape is not None:
            _check(operation, field.name, shape, given)


def _check(operation: str, path: str, shape: type[Shape], given: object) -> None:
    if isinstance(given, Mapping):
        known = _members(shape)
        for name, value in given.items():
            if name not in known:
                raise SerializationException(f"{operation}: {path}.{name}: unknown member, {_instead(name, known)}")
            below = known[name]
            if below is not None:
                _check(operation, f"{path}.{name}", below, value)
    elif isinstance(given, list | tuple):
        for index, each in enumerate(given):
            _check(operation, f"{path}[{index}]", shape, each)


def _instead(name: str, known: Mapping[str, object]) -> str:
    folded = {each.lower(): each for each in known}
    close = get_close_matches(str(name).replace("_", "").lower(), folded, n=1)
    return f"did you mean {folded[close[0]]}?" if close else f"known are {', '.join(sorted(known))}."


@cache
def _members(shape: type[msgspec.Struct]) -> dict[str, type[Shape] | None]:
    """Members as AWS spells them, each with the shape of what it holds, or of what is in its list."""
    return {field.encode_name: _shape(field.type) for field in msgspec.structs.fields(shape)}


def _shape(declared: object) -> type[Shape] | None:
    if isinstance(declared, type) and issubclass(declared, Shape):
        return declared
    return next((found for each in get_args(declared) if (found := _shape(each)) is not None), None)
