"""Docker: how soon containers run, stop and are replaced: Quarterdeck and Swarm beside the floor, the raw Engine API.

All play the same (`docker_play`) on the same daemon one after the other, `ROUNDS` times, Swarm only once; a ratio is of
one round, and the median of the rounds is shown. What each one's start and stop is: `docker_floor`, `docker_swarm`,
`docker_service`.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter
from statistics import median
from typing import NamedTuple

import structlog

from benchmarks import docker_daemon
from benchmarks.docker_daemon import Daemon
from benchmarks.docker_floor import floor
from benchmarks.docker_play import FEW, MANY, MARKS, ROLLED_AT_ONCE, SOME, Measured, play
from benchmarks.docker_service import service
from benchmarks.docker_swarm import in_one, swarm
from benchmarks.harness import Row, number
from tests import docker_engine

ROUNDS = 5
FIRST_SECONDS_MAX = 0.4
TOLD_SECONDS_MAX = 0.5
RUNNING_RATIO_MAX, KILLED_RATIO_MAX, ROLLED_RATIO_MAX, GONE_RATIO_MAX = 1.05, 1.25, 1.5, 1.2

Figure = Callable[[Measured], float]


class Round(NamedTuple):
    """What was measured of each, one after the other."""

    floor: Measured
    reacted: float
    ours: Measured
    swarm: Measured | None


def measure() -> Iterator[Row]:
    """Measure all; nothing without a Docker Engine."""
    if missing := docker_engine.missing():
        print(f"docker: not measured: {missing}")
        return
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    docker_engine.build_image()
    try:
        rounds = [asyncio.run(_round(with_swarm=not number)) for number in range(ROUNDS)]
    finally:
        docker_daemon.sweep()
        structlog.reset_defaults()
    yield from rows(rounds)
    yield Row(name="load average meanwhile", value=os.getloadavg()[0], unit="")


async def _round(*, with_swarm: bool) -> Round:
    async with docker_daemon.opened() as daemon:
        async with floor(daemon) as contender:
            lowest, reacted = await play(contender), median(contender.reactions)
        async with service(daemon) as contender:
            ours = await play(contender)
        return Round(lowest, reacted, ours, await _swarm(daemon) if with_swarm else None)


async def _swarm(daemon: Daemon) -> Measured | None:
    if await in_one(daemon):
        return None
    async with swarm(daemon) as contender:
        try:
            return await play(contender)
        except TimeoutError:
            print("docker: Swarm did not get there in time")
            return None


def rows(rounds: list[Round]) -> Iterator[Row]:
    """Set the three beside one another."""
    first = median(each.ours.first for each in rounds)
    yield Row(name=_beside("first task", rounds, attrgetter("first")), value=first, unit="s", at_most=FIRST_SECONDS_MAX)
    yield _ratio("killed to running", rounds, _killed, KILLED_RATIO_MAX)
    reacted = median(_killed(each.ours) / each.reacted for each in rounds)
    yield Row(name="         of the raw API's, told of the end", value=reacted, unit="x")
    for index, mark in enumerate(MARKS):
        yield _ratio(f"{mark} running", rounds, partial(_running, index), RUNNING_RATIO_MAX)
    yield _ratio(f"{SOME} rolled by {ROLLED_AT_ONCE}, last start", rounds, attrgetter("rolled"), ROLLED_RATIO_MAX)
    told = median(each.ours.told for each in rounds)
    yield Row(name="         reported complete", value=told, unit="s", at_most=TOLD_SECONDS_MAX)
    yield _ratio(f"{MANY} to {FEW} gone", rounds, attrgetter("gone"), GONE_RATIO_MAX)


def _running(index: int, each: Measured) -> float:
    return each.running[index]


def _killed(each: Measured) -> float:
    return median(each.killed)


def _ratio(name: str, rounds: list[Round], figure: Figure, at_most: float) -> Row:
    ratio = median(figure(each.ours) / figure(each.floor) for each in rounds)
    return Row(name=_beside(name, rounds, figure), value=ratio, unit="x", at_most=at_most)


def _beside(name: str, rounds: list[Round], figure: Figure) -> str:
    """Write seconds of each contender after the name, and Swarm's ratio."""
    lowest = median(figure(each.floor) for each in rounds)
    ours = median(figure(each.ours) for each in rounds)
    text = f"{name}: floor {number(lowest)}, ours {number(ours)}"
    swarms = [(figure(each.swarm), figure(each.swarm) / figure(each.floor)) for each in rounds if each.swarm]
    if not swarms:
        return text
    seconds, ratio = median(each for each, _ in swarms), median(each for _, each in swarms)
    return f"{text}, Swarm {number(seconds)} s ({number(ratio)} x)"
