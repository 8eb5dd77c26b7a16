"""JetStream log: one stream per shard, fenced by the sequence each append expects the stream to end at.

An append carries ``Nats-Expected-Last-Sequence``. A claim is a message on the literal epoch subject that expects only
the last claim: it always gets in, moves the end of the stream and so breaks the chain of whoever was writing. (A claim
by expected last sequence would starve against an active writer.)

One append is on its way at a time, others wait here for its answer. Were two on their way, expecting n and n + 1, a
claim stored at n + 1 would refuse the first and let the second in behind itself, out of a state that never was.
Waiting costs a network turn per append, which group commit makes up for. (Guarding each append by the claim's own
sequence as well would do for one replica; with three the server refuses to check one subject for two at once.)

Sends are never repeated: one replica and three answer a repeat differently, so an unknown outcome is left to be read.
"""

import asyncio
import secrets
from base64 import b64decode
from collections.abc import AsyncGenerator

import msgspec

from quarterdeck.events.log import api, monitor, stream
from quarterdeck.events.log.acks import Acks
from quarterdeck.events.log.chain import Chain
from quarterdeck.events.log.connect import Address, Link, connect
from quarterdeck.events.log.errors import Fenced, Gap, LogError, LogFull, LogUnavailable, OutcomeUnknown
from quarterdeck.events.log.port import Epoch, Marker, Position, Record
from quarterdeck.events.log.reader import Reader

PAYLOAD_BYTES_MAX = 1_000_000
APPEND_SECONDS_MAX = 5.0
CLAIM_SECONDS_MAX = 30.0
CLAIM_RETRY_SECONDS = 0.1
NO_SPACE = "no space left"

EXPECTED_LAST = "Nats-Expected-Last-Sequence"
EXPECTED_LAST_OF_SUBJECT = "Nats-Expected-Last-Subject-Sequence"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What kind of log is wanted.

    ``durable`` refuses servers that acknowledge before they sync; ``monitors`` are the monitoring URLs that are asked.
    ``size_bytes_max`` is the size a stream made now may grow to on disk (None: as far as the server lets it).
    """

    shard: int = 0
    replicas: int = 1
    durable: bool = True
    monitors: tuple[str, ...] = ()
    size_bytes_max: int | None = None
    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    append_seconds_max: float = APPEND_SECONDS_MAX
    claim_seconds_max: float = CLAIM_SECONDS_MAX


class JetStreamLog:
    """A handle on the log of one shard, with a connection for writing and one for reading."""

    def __init__(self, writing: Link, reading: Link, settings: Settings, payload_bytes_max: int) -> None:
        """Use ``open_log``."""
        self._writing = writing
        self._reading = reading
        self._settings = settings
        self._names = stream.Names(settings.shard)
        self._acks = Acks(writing)
        self._chain = Chain(payload_bytes_max, claimed=False)
        self._turn = asyncio.Lock()
        self._closed = False

    async def start(self) -> None:
        """Listen for acknowledgements."""
        await self._acks.start()

    async def claim(self, node: str) -> Epoch:
        """Write an epoch marker; see ``Log.claim``."""
        token = secrets.token_hex(8)
        problem: LogError = LogUnavailable("the claim was not tried")
        deadline = asyncio.get_running_loop().time() + self._settings.claim_seconds_max
        while asyncio.get_running_loop().time() < deadline:
            self._check_open()
            try:
                epoch = await self._claim(node, token)
            except (OutcomeUnknown, LogUnavailable) as error:
                problem = error
                await self._check_room()
                await asyncio.sleep(CLAIM_RETRY_SECONDS)
            else:
                if epoch is not None:
                    self._chain = self._chain.next()
                    return epoch
        message = f"no epoch could be claimed within {self._settings.claim_seconds_max} s: {problem}"
        raise LogUnavailable(message) from problem

    async def append(self, payload: bytes, expected: int) -> int:
        """Store one record; see ``Log.append``."""
        self._check_open()
        chain = self._chain
        chain.admit(payload, expected)
        try:
            async with self._turn:
                chain.check()
                sequence = await self._acks.publish(
                    self._names.commits, payload, {EXPECTED_LAST: str(expected)}, self._settings.append_seconds_max
                )
        except LogError as error:
            raise chain.failed(error, expected) from error.__cause__
        except asyncio.CancelledError:
            chain.failed(OutcomeUnknown("the caller was cancelled before the answer came"), expected)
            raise
        chain.check()  # a claim may have come between: what it fenced must not count
        return sequence

    async def read(
        self, after: int = 0, *, until: int | None = None, follow: bool = False
    ) -> AsyncGenerator[list[Record], None]:
        """Yield batches; see ``Log.read``."""
        self._check_open()
        reader = Reader(self._reading, self._names, after=after, until=until, follow=follow)
        batches = reader.batches()
        try:
            async for batch in batches:
                yield batch
        finally:
            await batches.aclose()

    async def position(self) -> Position:
        """Tell where the log ends, as the stream's leader knows it."""
        self._check_open()
        return (await stream.info(self._writing, self._names)).position

    async def close(self) -> None:
        """Close both connections."""
        self._closed = True
        try:
            await self._acks.stop()
        finally:
            await self._writing.close()
            await self._reading.close()

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")

    async def _claim(self, node: str, token: str) -> Epoch | None:
        """Try once; None when another claim came between."""
        sequence, last = await self._last_marker()
        if last.token == token:
            return Epoch(number=last.epoch, sequence=sequence, node=node)
        marker = Marker(epoch=last.epoch + 1, node=node, token=token)
        try:
            sequence = await self._acks.publish(
                self._names.epoch,
                msgspec.json.encode(marker),
                {EXPECTED_LAST_OF_SUBJECT: str(sequence)},
                self._settings.append_seconds_max,
            )
        except Fenced:
            return None
        return Epoch(number=marker.epoch, sequence=sequence, node=node)

    async def _check_room(self) -> None:
        """Ask whether no answer means a full disk. Raises LogFull."""
        for url in self._settings.monitors:
            error = await monitor.write_error(url)
            if error is not None and NO_SPACE in error:
                message = f"the disk of the NATS server is full: {error}"
                raise LogFull(message)

    async def _last_marker(self) -> tuple[int, Marker]:
        """Ask the stream's leader; a direct get might be answered by a replica that is behind."""
        request = {"last_by_subj": self._names.epoch}
        try:
            answer = await api.call(self._writing, f"STREAM.MSG.GET.{self._names.stream}", request)
        except api.RefusedError as error:
            if error.refusal.err_code == api.MESSAGE_NOT_FOUND:
                return 0, Marker(epoch=0, node="")
            raise LogUnavailable(str(error)) from error
        message = msgspec.json.decode(answer, type=_Stored).message
        try:
            return message.seq, msgspec.json.decode(b64decode(message.data), type=Marker)
        except msgspec.DecodeError as error:
            words = f"the epoch marker at {message.seq} is damaged: {error}"
            raise Gap(words) from error


class _Message(msgspec.Struct, frozen=True):
    seq: int
    data: str = ""


class _Stored(msgspec.Struct, frozen=True):
    message: _Message


async def open_log(address: Address, settings: Settings, *, name: str = "quarterdeck") -> JetStreamLog:
    """Connect, make sure of server and stream, and return the log.

    Raises LogUnavailable, LogMisconfigured (not durable, too old, or a stream that is not safe), LogFull.
    """
    writing = await connect(address, f"{name} writer")
    try:
        reading = await connect(address, f"{name} reader")
        try:
            return await _open(writing, reading, settings)
        except BaseException:
            await reading.close()
            raise
    except BaseException:
        await writing.close()
        raise


async def _open(writing: Link, reading: Link, settings: Settings) -> JetStreamLog:
    if settings.durable:
        version = writing.client.connected_server_version
        monitor.confirm_version((version.major, version.minor, version.patch))
        await monitor.confirm_durable(settings.monitors)
    found = await stream.ensure(
        writing,
        stream.Names(settings.shard),
        replicas=settings.replicas,
        size_bytes_max=settings.size_bytes_max,
        payload_bytes_max=settings.payload_bytes_max,
    )
    room = min(found.config["max_msg_size"], writing.client.max_payload) - stream.HEADER_BYTES_MAX
    log = JetStreamLog(writing, reading, settings, min(settings.payload_bytes_max, room))
    await log.start()
    return log
