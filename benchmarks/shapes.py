"""Shapes: what decoding and checking a request costs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import msgspec

from benchmarks.harness import Row, median_of, report, seconds
from quarterdeck.events.shapes import OPERATIONS, RunTaskRequest

REQUEST = (
    b'{"cluster":"web","taskDefinition":"job:1","count":2,"enableECSManagedTags":true,"launchType":"EC2",'
    b'"overrides":{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":"1"}]}]},'
    b'"placementStrategy":[{"type":"spread","field":"attribute:ecs.availability-zone"}]}'
)
ROUNDS = 100_000
DECODE_MICROSECONDS_MAX = 5


def measure() -> Iterator[Row]:
    """Decode a RunTask, and build the decoders of all operations."""
    decode = median_of(lambda: seconds(decode_many)) / ROUNDS * 1e6
    yield Row(name="shapes: decode and check a RunTask", value=decode, unit="µs", at_most=DECODE_MICROSECONDS_MAX)
    build = seconds(lambda: [msgspec.json.Decoder(request) for request, _ in OPERATIONS.values()]) * 1e3
    yield Row(name="shapes: decoders of all requests, built once", value=build, unit="ms")


def decode_many() -> None:
    """Decode the same request many times."""
    decoder = msgspec.json.Decoder(RunTaskRequest)
    for _ in range(ROUNDS):
        decoder.decode(REQUEST)


if __name__ == "__main__":
    sys.exit(report(measure()))
