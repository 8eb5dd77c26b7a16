"""The link to NATS, against a server that writes down the order of what reaches it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quarterdeck.events.log.connect import Address, connect

INFO = b'INFO {"server_id":"s","version":"2.15.0","max_payload":1048576,"headers":true}\r\n'


@asynccontextmanager
async def clerk(verbs: list[bytes]) -> AsyncIterator[str]:
    """Serve just enough of the protocol to be connected to; ``verbs`` holds what was said, in order."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(INFO)
        while line := await reader.readline():
            verbs.append(line.split()[0])
            if verbs[-1] == b"PUB":
                await reader.readline()
                writer.write(b"-ERR 'Permissions Violation for Publish to \"%s\"'\r\n" % line.split()[1])
            if verbs[-1] == b"PING":
                writer.write(b"PONG\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_flush_ends_after_the_subscriptions_before_it_stand() -> None:
    verbs: list[bytes] = []
    async with clerk(verbs) as url:
        link = await connect(Address(url=url), "test")
        await link.client.subscribe("orders")
        await link.flush()
        assert b"PING" in verbs[verbs.index(b"SUB") :]
        await link.close()


async def test_what_the_server_does_not_let_one_publish_is_told_by_its_subject() -> None:
    async with clerk([]) as url:
        link = await connect(Address(url=url), "test")
        await link.client.publish("orders.Blue", b"two")
        await link.flush()
        assert 'to "orders.blue"' in link.refusal("orders.Blue").lower()
        assert link.refusal("orders.Red") == ""
        await link.close()
