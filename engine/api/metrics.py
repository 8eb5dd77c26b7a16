"""Metrics: what Prometheus may scrape; labels name operations and error codes, never tasks or callers."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from quarterdeck.engine.api.port import Operations

CONTENT_TYPE = CONTENT_TYPE_LATEST
OK = "OK"
SERVING = "serving"
USED = {
    "tasks": ("tasks_measured", "Tasks whose agents tell what they use."),
    "containers": ("containers_measured", "Containers of those tasks."),
    "cpu_percent": ("containers_cpu", "CPUs that containers use."),
    "memory_bytes": ("containers_memory_bytes", "Memory that containers use."),
    "rx_bytes_per_second": ("containers_received_bytes_per_second", "What containers receive in a second."),
    "tx_bytes_per_second": ("containers_sent_bytes_per_second", "What containers send in a second."),
}
SCALE = {"cpu_percent": 0.01}
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class UsageCollector(Collector):
    """What the containers of each service use, of all tasks of none together; as agents told last."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    def collect(self) -> Iterator[Metric]:
        """Give one family a figure."""
        consumers = self._operations.consumers()
        for member, (name, help_text) in USED.items():
            family = GaugeMetricFamily(f"quarterdeck_{name}", help_text, labels=("namespace", "cluster", "service"))
            for consumer, used in consumers.items():
                family.add_metric(consumer, getattr(used, member) * SCALE.get(member, 1))
            yield family


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

        self._registry.register(UsageCollector(operations))

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
