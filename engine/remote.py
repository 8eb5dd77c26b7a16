"""Remote: the client of an engine somewhere else, over NATS.

What it may do is what its user may: an operator carries operations out; following the log and asking the engine
about itself take the engine's own credentials, or others that may read the stream.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from pathlib import Path
from typing import Self

import msgspec
import nats.errors
from nats.aio.msg import Msg

from quarterdeck.engine import commits
from quarterdeck.engine.caller import Answer, Unreachable, refusal
from quarterdeck.engine.commits import StoredCommit
from quarterdeck.engine.doors import questions
from quarterdeck.engine.doors.questions import EngineAbout, Figures, Fingerprint, NewSecret, ShownSecret, ShownSecrets
from quarterdeck.engine.doors.reply import COMMAND, ERROR, SEQUENCE
from quarterdeck.engine.remote_call import away_since, called, stored_log
from quarterdeck.engine.task_logs import LogReader
from quarterdeck.engine.task_session import Executor
from quarterdeck.events.log import stream
from quarterdeck.events.log.channel import Channel
from quarterdeck.events.log.connect import Address, Link
from quarterdeck.events.log.connect import connect as open_link
from quarterdeck.events.log.errors import LogUnavailable
from quarterdeck.events.log.port import Record
from quarterdeck.events.log.reader import Reader
from quarterdeck.events.names import DEFAULT_ACCOUNT, DEFAULT_CLUSTER, DEFAULT_REGION, Namespace, short_name
from quarterdeck.events.stats import InstanceStats

ANSWER_SECONDS_MAX = 20.0
BACK_SECONDS_MAX = 5.0
"""A server that is started again, and the engine on it, are back sooner."""
AGAIN_SECONDS = 0.05
TOKEN_BYTES = 16
BEHIND_SECONDS_MAX = 30.0
BEHIND_POLL_SECONDS = 0.02
NO_CLUSTER = "-"
PREFIX = "qd.cmd"
HINT = "Is `quarterdeck up` (or `quarterdeck engine`) running there? `quarterdeck env` tells what runs here."


class _Error(msgspec.Struct):
    message: str = ""


class _Lost(Exception):
    """The connection was lost before an answer came."""


class RemoteClient(LogReader, Executor):
    """All operations on an engine reached over a link; also an async context manager that closes it."""

    def __init__(self, link: Link, namespace: Namespace, shard: int = 0) -> None:
        self._link = link
        self._namespace = namespace
        self._shard = shard

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def call(self, operation: str, request: msgspec.Struct, answer: type[Answer], *, token: str = "") -> Answer:
        """Carry an operation out; see `Caller.call`."""
        cluster = short_name(getattr(request, "cluster", None) or "") or NO_CLUSTER
        if not token and not getattr(request, "client_token", None):
            token = secrets.token_hex(TOKEN_BYTES)
        reply = await self.request(operation, msgspec.json.encode(request), cluster, token, again=True)
        return msgspec.json.decode(reply, type=answer)

    async def request(
        self, operation: str, body: bytes, cluster: str = NO_CLUSTER, token: str = "", *, again: bool = False
    ) -> bytes:
        """Send an operation as it is, in JSON; gives the answer's JSON. Raises Refusal, Unreachable.

        With a token, or if it may go out ``again``, it is sent once more when the answer was lost with the connection.
        """
        subject = f"{PREFIX}.{self._namespace.region}.{self._namespace.account}.{cluster}.{operation}"
        return await self._request(subject, body, {COMMAND: token} if token else None, again=again or bool(token))

    async def usage(self, cluster: str | None = None) -> list[InstanceStats]:
        """Ask what the containers of a cluster use, as agents told last. Raises Unreachable."""
        subject = f"{questions.USAGE}{self._namespace.region}.{self._namespace.account}"
        name = short_name(cluster or DEFAULT_CLUSTER)
        return msgspec.json.decode(await self._request(f"{subject}.{name}", b"", None), type=Figures).instances

    async def store_secret(self, name: str, value: str) -> ShownSecret:
        """Store a value under a name; it is shown to nobody. Raises Refusal, Unreachable."""
        return msgspec.json.decode(await self._secret("store", NewSecret(name=name, value=value)), type=ShownSecret)

    async def delete_secret(self, name: str) -> ShownSecret:
        """Delete a secret. Raises Refusal, Unreachable."""
        return msgspec.json.decode(await self._secret("delete", NewSecret(name=name)), type=ShownSecret)

    async def secrets(self) -> list[ShownSecret]:
        """List secrets, without their values. Raises Unreachable."""
        return msgspec.json.decode(await self._secret("list", NewSecret(name="")), type=ShownSecrets).secrets

    async def _secret(self, verb: str, told: NewSecret) -> bytes:
        subject = f"{questions.SECRETS}{self._namespace.region}.{self._namespace.account}.{verb}"
        return await self._request(subject, msgspec.json.encode(told), None)

    async def about(self) -> EngineAbout:
        """Ask whose turn it is to keep the log, and where it is. Raises Unreachable."""
        return msgspec.json.decode(await self._request(questions.PREFIX + "about", b"", None), type=EngineAbout)

    async def fingerprint(self) -> Fingerprint:
        """Ask for the digest of the live state; takes the engine's own credentials. Raises Unreachable."""
        return msgspec.json.decode(await self._request(questions.PREFIX + "fingerprint", b"", None), type=Fingerprint)

    async def _request(
        self, subject: str, body: bytes, headers: dict[str, str] | None, *, again: bool = False
    ) -> bytes:
        try:
            reply = await self._answer(subject, body, headers, again=again)
        except nats.errors.NoRespondersError as error:
            raise Unreachable(f"NATS is there, but no engine answers. {HINT}") from error
        except (TimeoutError, _Lost) as error:
            why = "before the connection was lost" if isinstance(error, _Lost) else "in time"
            raise Unreachable(f"No answer came {why}: the request may have been carried out or not.") from error
        except (nats.errors.Error, LogUnavailable, OSError) as error:
            raise Unreachable(f"No answer: {str(error) or type(error).__name__}. {HINT}") from error
        found = reply.headers or {}
        self.sequence = max(self.sequence, int(found.get(SEQUENCE, 0)))
        if ERROR in found:
            raise refusal(found[ERROR], msgspec.json.decode(reply.data, type=_Error).message)
        return reply.data

    async def _answer(self, subject: str, body: bytes, headers: dict[str, str] | None, *, again: bool) -> Msg:
        """Wait for an answer; ask ``again`` once the connection is back, should it be lost, and an engine serves."""
        now = asyncio.get_running_loop().time
        until = 0.0
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while True:
                try:
                    return await self._once(subject, body, headers)
                except (_Lost, LogUnavailable):
                    until = until or now() + BACK_SECONDS_MAX
                    if not again or self._link.client.is_closed or now() > until:
                        raise
                except nats.errors.NoRespondersError:
                    if now() > until:
                        raise
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._link.up.wait(), until - now())
                await asyncio.sleep(AGAIN_SECONDS)

    async def _once(self, subject: str, body: bytes, headers: dict[str, str] | None) -> Msg:
        """Wait for an answer, but not for one that was lost with the connection. Raises _Lost, nats-py's errors."""
        self._link.check()
        try:
            async with asyncio.timeout(None) as limit:

                def give_up() -> None:
                    limit.reschedule(asyncio.get_running_loop().time())

                self._link.watch(lost=give_up)
                try:
                    return await self._link.request(subject, body, 2 * ANSWER_SECONDS_MAX, headers)
                finally:
                    self._link.forget(give_up)
        except TimeoutError as error:
            raise _Lost from error

    async def follow(
        self, from_sequence: int = 1, *, until: int | None = None, follow: bool = True
    ) -> AsyncGenerator[StoredCommit, None]:
        """Give the commits at and after a position, for ever unless told otherwise.

        Raises Unreachable when the log can't be read, or this user may not read it.
        """
        records = self.records(from_sequence, until=until, follow=follow)
        async with aclosing(records) as batches, aclosing(commits.commits(batches)) as found:
            async for commit in found:
                yield commit

    async def records(
        self, from_sequence: int = 1, *, until: int | None = None, follow: bool = False
    ) -> AsyncGenerator[list[Record], None]:
        """Give the log's records at and after a position, as they are stored; see `follow`."""
        names = stream.Names(self._shard)
        try:
            await stream.info(self._link, names)
            reader = Reader(self._link, names, after=from_sequence - 1, until=until, follow=follow)
            async with aclosing(reader.batches()) as batches:
                async for batch in batches:
                    yield batch
        except LogUnavailable as error:
            raise Unreachable(
                f"The log can't be read: {error}. It takes credentials that may read the stream "
                "(creds/engine.creds beside an embedded server)."
            ) from error

    def called(self, cluster: str, container_instance: str) -> AbstractAsyncContextManager[Channel]:
        """Call an agent; see `Streams.called`."""
        return called(self._link, self._namespace, cluster, container_instance)

    async def stored_log(self, task: str, container: str) -> bytes | None:
        """Look into the bucket; see `Streams.stored_log`."""
        return await stored_log(self._link, self._namespace, task, container)

    async def away_since(self, cluster: str, container_instance: str) -> float | None:
        """Look into the feed; see `Streams.away_since`."""
        return await away_since(self._link, self._namespace, cluster, container_instance)

    async def wait_for(self, sequence: int) -> None:
        """Return once answers are true at this position or later. Raises Unreachable after BEHIND_SECONDS_MAX."""
        try:
            async with asyncio.timeout(BEHIND_SECONDS_MAX):
                while self.sequence < sequence:
                    await self.list_clusters(max_results=1)
                    await asyncio.sleep(BEHIND_POLL_SECONDS if self.sequence < sequence else 0)
        except TimeoutError as error:
            raise Unreachable(f"The engine is at {self.sequence} and did not reach {sequence} in time.") from error


async def connect(
    url: str,
    *,
    creds: Path | str | None = None,
    region: str = DEFAULT_REGION,
    account: str = DEFAULT_ACCOUNT,
    name: str = "quarterdeck client",
) -> RemoteClient:
    """Connect to an engine over NATS. Raises Unreachable."""
    address = Address(url=url, creds=None if creds is None else Path(creds))
    try:
        link = await open_link(address, name)
    except LogUnavailable as error:
        raise Unreachable(f"{error}. {HINT}") from error
    return RemoteClient(link, Namespace(region, account))
