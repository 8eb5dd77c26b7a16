"""Readings: figures out of Docker's statistics. Pure."""

from collections.abc import Iterable
from typing import Any

import msgspec

from quarterdeck.events.stats import Stats

NANOSECONDS = 1_000_000_000
READ, WRITE = "read", "write"


class Sample(msgspec.Struct, frozen=True):
    """Docker's statistics of a container, and when they were taken (seconds since the epoch)."""

    raw: dict[str, Any]
    at: float


def stats(sample: Sample, before: Sample | None) -> Stats:
    """Read a sample; what is of a second needs the one before."""
    raw = sample.raw
    rx, tx = _network(raw, "rx_bytes"), _network(raw, "tx_bytes")
    seconds = sample.at - before.at if before is not None else 0.0
    older = before.raw if before is not None else {}
    memory = raw.get("memory_stats") or {}
    return Stats(
        cpu_percent=round(100 * _rate(_cpu(raw), _cpu(older), seconds) / NANOSECONDS, 2),
        memory_bytes=_memory(memory),
        memory_limit_bytes=memory.get("limit") or 0,
        rx_bytes=rx,
        tx_bytes=tx,
        rx_bytes_per_second=round(_rate(rx, _network(older, "rx_bytes"), seconds), 1),
        tx_bytes_per_second=round(_rate(tx, _network(older, "tx_bytes"), seconds), 1),
        read_bytes=_blocks(raw, READ),
        write_bytes=_blocks(raw, WRITE),
        pids=(raw.get("pids_stats") or {}).get("current") or 0,
    )


def document(sample: Sample, before: Sample | None) -> dict[str, Any]:
    """Docker's statistics with those before them and the network's rates, as the ECS agent's endpoint has them."""
    read = stats(sample, before)
    rates = {"rx_bytes_per_sec": read.rx_bytes_per_second, "tx_bytes_per_sec": read.tx_bytes_per_second}
    older = {"preread": before.raw.get("read"), "precpu_stats": before.raw.get("cpu_stats")} if before else {}
    return {**sample.raw, **older, **({"network_rate_stats": rates} if before else {})}


def _rate(now: int, before: int, seconds: float) -> float:
    """Of a second; a counter that went back belongs to another run."""
    return (now - before) / seconds if seconds > 0 and now >= before else 0.0


def _cpu(raw: dict[str, Any]) -> int:
    return ((raw.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage") or 0


def _memory(memory: dict[str, Any]) -> int:
    """What is used without what the kernel would give back: as `docker stats` has it."""
    detail = memory.get("stats") or {}
    spare = detail.get("total_inactive_file", detail.get("inactive_file", 0)) or 0
    return max(0, (memory.get("usage") or 0) - spare)


def _network(raw: dict[str, Any], what: str) -> int:
    return sum(each.get(what) or 0 for each in (raw.get("networks") or {}).values())


def _blocks(raw: dict[str, Any], operation: str) -> int:
    entries: Iterable[dict[str, Any]] = (raw.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return sum(each.get("value") or 0 for each in entries if str(each.get("op")).lower() == operation)
