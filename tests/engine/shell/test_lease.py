"""The lease: one holder at a time, the next as soon as it is free."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from quarterdeck.engine.shell import lease as module
from quarterdeck.engine.shell.lease import Lease, LeaseLost
from quarterdeck.events.log.connect import Link, connect
from quarterdeck.events.log.server import Server

pytestmark = pytest.mark.nats


@asynccontextmanager
async def link(server: Server) -> AsyncIterator[Link]:
    found = await connect(server.address(), "test")
    try:
        yield found
    finally:
        await found.close()


async def test_a_released_lease_is_taken_at_once(server: Server) -> None:
    async with link(server) as here, link(server) as there, asyncio.TaskGroup() as group:
        first, second = Lease(here, 0, "a"), Lease(there, 0, "b")
        await first.acquire()
        assert first.held
        assert await second.holder() == "a"
        waiting = group.create_task(second.acquire())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        began = time.monotonic()
        await first.release()
        await waiting
        assert time.monotonic() - began < 1.0
        assert (first.held, second.held) == (False, True)
        await second.release()


async def test_a_lease_nobody_renews_expires_and_its_holder_knows_first(server: Server) -> None:
    async with link(server) as here, link(server) as there:
        first, second = Lease(here, 0, "a"), Lease(there, 0, "b")
        await first.acquire()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(second.acquire())
            while first.held:
                await asyncio.sleep(0.01)
            assert not waiting.done()
        assert 2.0 < time.monotonic() - began < module.LEASE_SECONDS + 3.0
        with pytest.raises(LeaseLost):
            await first.renew()
        assert first.lost.is_set()


async def test_a_renewed_lease_stays(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.2)
    async with link(server) as here, link(server) as there, asyncio.TaskGroup() as group:
        first, second = Lease(here, 0, "a"), Lease(there, 0, "b")
        await first.acquire()
        renewing = group.create_task(first.renew())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(module.LEASE_SECONDS + 1):
                await second.acquire()
        assert first.held
        renewing.cancel()


async def test_a_server_that_is_killed_and_started_again_costs_nobody_the_lease(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.1)
    async with link(server) as here, link(server) as there, asyncio.TaskGroup() as group:
        first, second = Lease(here, 0, "a"), Lease(there, 0, "b")
        await first.acquire()
        renewing = group.create_task(first.renew())
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(module.LEASE_SECONDS + 1):
                while first.held:
                    await asyncio.sleep(0.01)
        assert server.restarts == 1
        assert await second.holder() == "a"
        renewing.cancel()


async def test_shards_have_leases_of_their_own(server: Server) -> None:
    async with link(server) as here:
        leases = [Lease(here, number, "a") for number in range(3)]
        for each in leases:
            await each.acquire()
        assert all(each.held for each in leases)


async def test_a_server_that_forgot_the_lease_is_told_again(server: Server) -> None:
    async with link(server) as here:
        first = Lease(here, 0, "a")
        await first.acquire()
        await here.client.request(f"$JS.API.STREAM.DELETE.KV_{module.BUCKET}", b"")
        await first.acquire()
        assert await first.holder() == "a"
