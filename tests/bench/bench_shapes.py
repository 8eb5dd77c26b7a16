"""Bench of shapes: what decoding and checking a request costs."""

from __future__ import annotations

import timeit

import msgspec

from quarterdeck.events.shapes import OPERATIONS, RunTaskRequest

REQUEST = (
    b'{"cluster":"web","taskDefinition":"job:1","count":2,"enableECSManagedTags":true,"launchType":"EC2",'
    b'"overrides":{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":"1"}]}]},'
    b'"placementStrategy":[{"type":"spread","field":"attribute:ecs.availability-zone"}]}'
)
ROUNDS = 100_000


def measure() -> list[str]:
    """Decode a RunTask, and build the decoders of all operations."""
    decoder = msgspec.json.Decoder(RunTaskRequest)
    decode = timeit.timeit(lambda: decoder.decode(REQUEST), number=ROUNDS) / ROUNDS
    build = timeit.timeit(lambda: [msgspec.json.Decoder(request) for request, _ in OPERATIONS.values()], number=1)
    return [
        f"shapes: decode and check a RunTask           {decode * 1e6:6.2f} µs",
        f"shapes: decoders of all requests, built once {build * 1e3:6.2f} ms",
    ]
