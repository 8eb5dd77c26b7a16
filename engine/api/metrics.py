"""Metrics: what Prometheus may scrape; labels name operations and error codes, never tasks or callers."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from quarterdeck.engine.api.port import Operations

CONTENT_TYPE = CONTENT_TYPE_LATEST
OK = "OK"
SERVING = "serving"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One server's counts."""

    def __init__(self, operations: Operations) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "quarterdeck_requests", "Requests answered over HTTP.", ["operation", "code"], registry=self._registry
        )
        self._seconds = Histogram(
            "quarterdeck_request_seconds",
            "Seconds from a request's headers to its answer.",
            ["operation"],
            registry=self._registry,
            buckets=SECONDS,
        )
        self._counters: dict[tuple[str, str], Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        health = operations.health
        self._gauge("log_position", "Position of the log up to which all is told.", lambda: health().sequence)
        self._gauge(
            "read_model_lag",
            "Positions the read models are behind the log.",
            lambda: max(0, health().sequence - health().read_sequence),
        )
        self._gauge("keeper_ready", "Whether operations can be decided here.", lambda: health().status == SERVING)

    def count(self, operation: str, code: str, seconds: float) -> None:
        """Count one answer."""
        counter = self._counters.get((operation, code))
        if counter is None:
            counter = self._counters[operation, code] = self._requests.labels(operation, code)
        histogram = self._histograms.get(operation)
        if histogram is None:
            histogram = self._histograms[operation] = self._seconds.labels(operation)
        counter.inc()
        histogram.observe(seconds)

    def text(self) -> bytes:
        """Write all of it as Prometheus reads it."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        Gauge(f"quarterdeck_{name}", help_text, registry=self._registry).set_function(value)
