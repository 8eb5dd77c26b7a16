"""Strict: what an answer has that ECS's model does not know, or knows otherwise. botocore's parser drops it unsaid."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

TYPES: dict[str, Any] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "long": int,
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float),
    "boolean": bool,
}


class Strict:
    """Listens to a client of boto3; every answer is held against its output shape, its JSON and as it was parsed."""

    def __init__(self, client: Any) -> None:
        self.wrong: list[str] = []
        self.seen: set[str] = set()
        self._body: Any = None
        client.meta.events.register("before-parse.ecs", self._arrived)
        client.meta.events.register("after-call.ecs", self._parsed)

    def _arrived(self, response_dict: dict[str, Any], **_: Any) -> None:
        self._body = json.loads(response_dict["body"])

    def _parsed(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        self.seen.add(model.name)
        if "Error" in parsed:
            self.wrong += [f"{model.name}: error with {name}" for name in self._body if name not in ERROR_MEMBERS]
            return
        self.wrong += differences(model.output_shape, self._body, model.name)
        if set(self._body) != set(parsed) - {"ResponseMetadata"}:
            self.wrong.append(f"{model.name}: {sorted(self._body)} was parsed as {sorted(parsed)}")


ERROR_MEMBERS = {"__type", "message", "resourceIds"}


def differences(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Say where a value differs from its shape."""
    expected = TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif shape.type_name == "structure":
        yield from _members(shape, value, path)
    elif shape.type_name == "list":
        for each in value:
            yield from differences(shape.member, each, f"{path}[]")
    elif shape.type_name == "map":
        for each in value.values():
            yield from differences(shape.value, each, f"{path}{{}}")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is none of {shape.enum}"


def _members(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: required, and not there"
    for name, each in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: {shape.name} has no such member"
        else:
            yield from differences(shape.members[name], each, f"{path}.{name}")
