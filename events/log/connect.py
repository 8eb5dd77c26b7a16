"""Link: one NATS connection that tells its users when it is lost and when it is back.

The options are those nats-py needs to be safe here: it never gives up reconnecting, notices a dead peer within
seconds, and its callbacks never raise (an exception in ``error_cb`` ends its read loop while it says "connected").
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from quarterdeck.events.log.errors import LogUnavailable

CONNECT_SECONDS_MAX = 2
FIRST_CONNECT_SECONDS_MAX = 5.0
RECONNECT_SECONDS = 0.1
PING_SECONDS = 5
PINGS_OUTSTANDING_MAX = 2
PENDING_BYTES_MAX = 8 << 20
CLOSE_SECONDS_MAX = 2

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a NATS server is and as whom to connect: with a credentials file, a user and password, or as nobody.

    ``inbox_prefix`` must be one the user may subscribe to.
    """

    url: str
    creds: Path | None = None
    user: str | None = None
    password: str | None = None
    inbox_prefix: str = "_INBOX"


class Link:
    """A connection and those who want to know about its losses."""

    def __init__(self) -> None:
        self.client = Client()
        self.up = asyncio.Event()
        self._lost: set[Callable[[], None]] = set()
        self._back: set[Callable[[], None]] = set()

    def watch(self, *, lost: Callable[[], None] | None = None, back: Callable[[], None] | None = None) -> None:
        """Call ``lost`` and ``back`` when it happens; they must not raise."""
        if lost is not None:
            self._lost.add(lost)
        if back is not None:
            self._back.add(back)

    def forget(self, *callbacks: Callable[[], None]) -> None:
        """Stop calling."""
        for callback in callbacks:
            self._lost.discard(callback)
            self._back.discard(callback)

    def check(self) -> None:
        """Raise LogUnavailable unless something sent now would leave at once."""
        if not self.client.is_connected:
            why = "closed" if self.client.is_closed else f"lost: {self.client.last_error or 'reconnecting'}"
            message = f"the connection to NATS is {why}"
            raise LogUnavailable(message)

    def refusal(self, subject: str) -> str:
        """What the server said against publishing there, if that is what it refused last: nobody answers then."""
        said = str(self.client.last_error or "")
        return said if subject.casefold() in said.casefold() else ""

    async def request(
        self, subject: str, payload: bytes, seconds_max: float, headers: dict[str, str] | None = None
    ) -> Msg:
        """Ask and wait for the answer. Raises nats-py's errors."""
        return await _cancellable(self.client.request(subject, payload, timeout=seconds_max, headers=headers))

    async def flush(self) -> None:
        """Wait until the server has taken everything sent so far. Raises nats-py's errors."""
        await _cancellable(flush(self.client))

    async def close(self) -> None:
        """Close the connection; what nobody answered stays unanswered."""
        with suppress(TimeoutError, nats.errors.Error, OSError, AssertionError):  # it asserts that its URL was one
            async with asyncio.timeout(CLOSE_SECONDS_MAX):
                await _cancellable(self.client.close())

    async def disconnected(self) -> None:
        """nats-py: the connection was lost or closed."""
        self.up.clear()
        for callback in tuple(self._lost):
            callback()

    async def reconnected(self) -> None:
        """nats-py: the connection is back, subscriptions are renewed."""
        self.up.set()
        for callback in tuple(self._back):
            callback()


async def flush(client: Client) -> None:
    """Wait until the server has taken what ``client`` sent so far: subscriptions stand then. Raises nats-py's errors.

    nats-py writes its PING past what still waits to be written, so one answer proves nothing: the second PING follows
    that, for the task that writes has run by the first one's answer.
    """
    for _ in range(2):
        await client.flush()


async def _cancellable(waiting: Awaitable[T]) -> T:
    """Wait without losing a cancellation, or taking for one what was not meant for this task.

    Before Python 3.12 ``wait_for``, which nats-py uses, swallows one that comes together with the answer, and the
    task would go on for ever. And nats-py lets several tasks wait for one future: when one of them is cancelled, so
    is the future, and all of them. Raises ConnectionClosedError then.
    """
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task is not None else 0
    try:
        result = await waiting
    except asyncio.CancelledError:
        if task is None or task.cancelling() > cancelled_before:
            raise
        raise nats.errors.ConnectionClosedError from None
    if task is not None and task.cancelling() > cancelled_before:
        raise asyncio.CancelledError
    return result


async def connect(address: Address, name: str, *, seconds_max: float = FIRST_CONNECT_SECONDS_MAX) -> Link:
    """Open a connection that then stays for good. Raises LogUnavailable when there is none within ``seconds_max``."""
    link = Link()
    try:
        async with asyncio.timeout(seconds_max):
            await _open(link, address, name)
    except (OSError, nats.errors.Error, TimeoutError) as error:
        reason = link.client.last_error or error
        await link.close()
        message = f"no NATS server answers as wanted at {address.url}: {str(reason) or type(reason).__name__}"
        raise LogUnavailable(message) from error
    except BaseException:  # cancelled: the socket must not stay behind
        await link.close()
        raise
    link.up.set()
    return link


async def _open(link: Link, address: Address, name: str) -> None:
    # nats-py tries without end when it may reconnect without end, hence the deadline around this.
    await link.client.connect(
        address.url,
        name=name,
        user=address.user,
        password=address.password,
        user_credentials=None if address.creds is None else str(address.creds),
        inbox_prefix=address.inbox_prefix.encode(),
        connect_timeout=CONNECT_SECONDS_MAX,
        reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]  # it is slept, as a float
        max_reconnect_attempts=-1,
        ping_interval=PING_SECONDS,
        max_outstanding_pings=PINGS_OUTSTANDING_MAX,
        pending_size=PENDING_BYTES_MAX,
        skip_subject_validation=True,  # subjects are our own, and this is paid per message
        error_cb=_note,
        disconnected_cb=link.disconnected,
        reconnected_cb=link.reconnected,
        closed_cb=link.disconnected,
    )


async def _note(error: Exception) -> None:
    logger.debug("nats: %s", error)
