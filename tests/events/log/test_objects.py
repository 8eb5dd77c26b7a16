"""Objects in JetStream: kept whole, replaced, bounded, and read by other clients of NATS too."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator

import msgspec
import nats
import pytest
import pytest_asyncio

from quarterdeck.events.log.connect import Address, Link, connect
from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.log.objects import CHUNK_BYTES_MAX, Bucket, ObjectInfo, Objects

pytestmark = pytest.mark.nats
ROOM = Bucket(bytes_max=8 << 20, seconds_max=3600.0)


@pytest.fixture
def name() -> str:
    return f"T{secrets.token_hex(6)}"


@pytest_asyncio.fixture
async def link(nats_url: str) -> AsyncIterator[Link]:
    made = await connect(Address(url=nats_url), "test")
    yield made
    await made.close()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES_MAX, 3 * CHUNK_BYTES_MAX + 5])
async def test_what_was_put_is_read_by_us_and_by_nats_own_client(
    nats_url: str, link: Link, name: str, size: int
) -> None:
    objects = Objects(link, name)
    await objects.ensure(ROOM)
    content = os.urandom(size)
    await objects.put("a/b.log.gz", content)
    assert await objects.get("a/b.log.gz") == content
    client = await nats.connect(nats_url)
    theirs = await (await client.jetstream().object_store(name)).get("a/b.log.gz")
    assert (theirs.data or b"") == content
    await client.close()


async def test_what_is_put_again_takes_the_place_of_what_was_there(link: Link, name: str) -> None:
    objects = Objects(link, name)
    await objects.ensure(ROOM)
    for content in (bytes(1 << 20), b"short"):
        await objects.put("x", content)
    assert await objects.get("x") == b"short"
    info = await link.client.jetstream().stream_info(f"OBJ_{name}")
    assert (info.state.messages, info.state.bytes < 10_000) == (2, True)


async def test_a_full_bucket_drops_the_oldest(link: Link, name: str) -> None:
    objects = Objects(link, name)
    await objects.ensure(Bucket(bytes_max=1 << 20, seconds_max=3600.0))
    for number in range(6):
        await objects.put(str(number), bytes(300_000))
    there = [await objects.get(str(number)) is not None for number in range(6)]
    assert there == [False, False, False, True, True, True]


async def test_a_bucket_keeps_nothing_longer_than_it_is_told(link: Link, name: str) -> None:
    objects = Objects(link, name)
    await objects.ensure(ROOM)
    await objects.ensure(Bucket(bytes_max=1, seconds_max=1.0))  # it is there: it stays as it is
    config = (await link.client.jetstream().stream_info(f"OBJ_{name}")).config
    assert (config.max_age, config.max_bytes) == (3600.0, 8 << 20)


async def test_what_is_not_there_is_nothing_and_a_bucket_that_is_not_there_an_error(link: Link, name: str) -> None:
    objects = Objects(link, name)
    with pytest.raises(LogUnavailable, match=name):
        await objects.get("x")
    await objects.ensure(ROOM)
    assert await objects.get("x") is None


async def test_what_does_not_fit_at_all_is_not_there(link: Link, name: str) -> None:
    objects = Objects(link, name)
    await objects.ensure(Bucket(bytes_max=1000, seconds_max=3600.0))
    await objects.put("x", bytes(CHUNK_BYTES_MAX))
    assert await objects.get("x") is None


async def test_what_another_client_deleted_is_not_there_and_can_be_put_again(
    nats_url: str, link: Link, name: str
) -> None:
    objects = Objects(link, name)
    await objects.ensure(ROOM)
    await objects.put("a", b"one")
    client = await nats.connect(nats_url)
    await (await client.jetstream().object_store(name)).delete("a")
    await client.close()
    assert await objects.get("a") is None
    await objects.put("a", b"two")
    assert await objects.get("a") == b"two"


def test_a_description_of_what_the_nats_command_deleted_is_read() -> None:
    said = b'{"name":"a","bucket":"B","nuid":"n","size":0,"mtime":"0001-01-01T00:00:00Z","chunks":0,"deleted":true}'
    assert msgspec.json.decode(said, type=ObjectInfo).deleted
