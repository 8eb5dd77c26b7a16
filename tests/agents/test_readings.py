"""Figures out of Docker's statistics."""

from __future__ import annotations

from typing import Any

from quarterdeck.agents.readings import Sample, document, stats

SECOND = 1_000_000_000


def raw(cpu_seconds: float, rx: int = 0, tx: int = 0) -> dict[str, Any]:
    """As Docker 20.10 on cgroup v1 says it."""
    return {
        "read": f"at {cpu_seconds}",
        "cpu_stats": {"cpu_usage": {"total_usage": int(cpu_seconds * SECOND)}, "online_cpus": 2},
        "memory_stats": {"usage": 5000, "limit": 8000, "stats": {"total_inactive_file": 1000}},
        "blkio_stats": {
            "io_service_bytes_recursive": [
                {"op": "Read", "value": 10},
                {"op": "Write", "value": 20},
                {"op": "Total", "value": 30},
                {"op": "read", "value": 5},
            ]
        },
        "networks": {"eth0": {"rx_bytes": rx, "tx_bytes": tx}, "eth1": {"rx_bytes": 1, "tx_bytes": 0}},
        "pids_stats": {"current": 3},
    }


def test_cpu_and_network_are_of_a_second() -> None:
    found = stats(Sample(raw(7.0, rx=400, tx=80), 110.0), Sample(raw(4.0, rx=200, tx=80), 100.0))
    assert found.cpu_percent == 30.0
    assert (found.rx_bytes, found.rx_bytes_per_second) == (401, 20.0)
    assert (found.tx_bytes, found.tx_bytes_per_second) == (80, 0.0)


def test_memory_leaves_out_what_the_kernel_would_give_back_and_disks_are_added_up() -> None:
    found = stats(Sample(raw(1.0), 1.0), None)
    assert (found.memory_bytes, found.memory_limit_bytes, found.pids) == (4000, 8000, 3)
    assert (found.read_bytes, found.write_bytes) == (15, 20)
    assert found.cpu_percent == 0.0


def test_a_restarted_container_has_not_used_less_than_nothing() -> None:
    found = stats(Sample(raw(1.0, rx=5), 110.0), Sample(raw(9.0, rx=100), 100.0))
    assert (found.cpu_percent, found.rx_bytes_per_second) == (0.0, 0.0)


def test_what_docker_does_not_say_is_nothing() -> None:
    assert stats(Sample({"cpu_stats": None, "networks": None}, 1.0), None).pids == 0


def test_the_endpoint_has_docker_statistics_with_rates() -> None:
    before = Sample(raw(4.0, rx=200), 100.0)
    found = document(Sample(raw(7.0, rx=400), 110.0), before)
    assert found["network_rate_stats"] == {"rx_bytes_per_sec": 20.0, "tx_bytes_per_sec": 0.0}
    assert found["precpu_stats"] == before.raw["cpu_stats"]
    assert "network_rate_stats" not in document(before, None)
