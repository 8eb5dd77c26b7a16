"""Remote call: a client's end of a session with an agent, over NATS (subjects: events/session)."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

import msgspec
import nats.errors
from nats.aio.msg import Msg

from quarterdeck.engine.caller import Unreachable
from quarterdeck.events.container_instance import AgentDisconnected
from quarterdeck.events.log.api import RefusedError
from quarterdeck.events.log.channel import Channel, NobodyListens, PacketChannel, kept
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.credentials import FEED_STREAM
from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.log.objects import Objects
from quarterdeck.events.names import Namespace
from quarterdeck.events.session import INPUT, OPEN, out, subject
from quarterdeck.events.stored_log import BUCKET, stored_name

TOKEN_BYTES = 16
LOOK_SECONDS_MAX = 2.0
NO_RESPONDERS = "503"


class _Published(msgspec.Struct):
    time: datetime


@asynccontextmanager
async def called(link: Link, namespace: Namespace, cluster: str, container_instance: str) -> AsyncIterator[Channel]:
    """Call an agent for the length of a block. Raises Unreachable."""
    token = secrets.token_hex(TOKEN_BYTES)
    first = [True]

    async def publish(data: bytes) -> None:
        what, reply = (OPEN, out(token)) if first else (f"{INPUT}.{token}", "")
        first.clear()
        await link.client.publish(subject(namespace, cluster, container_instance, what), data, reply)

    async def arrived(message: Msg) -> None:
        if (message.headers or {}).get("Status") == NO_RESPONDERS:
            channel.close(NobodyListens("no agent takes calls there"))
        else:
            channel.arrived(message.data)

    channel = PacketChannel(publish)
    try:
        link.check()
        subscription = await link.client.subscribe(out(token), cb=arrived)
    except (nats.errors.Error, LogUnavailable, OSError) as error:
        raise Unreachable(f"No agent can be called: {str(error) or type(error).__name__}.") from error
    try:
        async with kept(channel):
            yield channel
    finally:
        with suppress(nats.errors.Error):
            await subscription.unsubscribe()


async def stored_log(link: Link, namespace: Namespace, task: str, container: str) -> bytes | None:
    """Read an object of the bucket of logs, which an operator may; None if there is no such bucket either."""
    try:
        return await Objects(link, BUCKET).get(stored_name(namespace, task, container))
    except (LogUnavailable, RefusedError, msgspec.MsgspecError):
        return None


async def away_since(link: Link, namespace: Namespace, cluster: str, container_instance: str) -> float | None:
    """Find the last time an agent was disconnected in the feed, which an operator may read."""
    kind = AgentDisconnected.__name__
    scope = f"{namespace.region}.{namespace.account}.{cluster}"
    subject_of_it = f"qd.feed.{scope}.container_instance.{container_instance}.{kind}"
    try:
        answer = await link.request(f"$JS.API.DIRECT.GET.{FEED_STREAM}.{subject_of_it}", b"", LOOK_SECONDS_MAX)
        return msgspec.json.decode(answer.data, type=_Published).time.timestamp()
    except (nats.errors.Error, TimeoutError, OSError, msgspec.MsgspecError):
        return None
