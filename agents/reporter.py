"""Reporter: brings reports to the engine, each task's in order, until they are taken.

Every report has a token of its own, so that one sent twice counts once. None is lost while the agent
lives; after a restart the state of the runtime says what there is to report.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

import structlog

from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.link import Link, LinkDown, Refused
from quarterdeck.agents.report import merged
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.spawn import spawn
from quarterdeck.agents.task import Report
from quarterdeck.events import shapes

GIVEN_UP = frozenset({"ClientException", "InvalidParameterException"})
"""What the engine says of a task it does not know; ECS agents give up then."""

REFUSALS_BELIEVED = 5
BELIEVED_SECONDS = 30.0
"""So often in a row, and for so long, an engine must not know a task until the report is given up: one that was
replaced, and has not noticed yet, does not know the newest tasks. It notices when its lease has run out."""

Taken = Callable[[Report], None]
Outcome = Literal["settled", "refused", "not known", "unanswered"]

logger = structlog.get_logger(__name__)


class Tokens:
    """Names for an agent's commands: its session and a number."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._count = 0

    def next(self) -> str:
        """One nobody has used."""
        self._count += 1
        return f"{self._session}/{self._count}"


class Reporter:
    """The outbox of an agent. What is waiting is bounded by the tasks there are: what repeats itself is merged."""

    def __init__(self, link: Link, clock: Clock, settings: Settings, tokens: Tokens) -> None:
        self._link = link
        self._clock = clock
        self._tokens = tokens
        self._backoff = Backoff(settings.timing.retry_seconds_min, settings.timing.retry_seconds_max)
        self._again: asyncio.Event | None = None
        self._slots = asyncio.Semaphore(settings.limits.reports_max)
        self._waiting: dict[str, deque[tuple[Report, Taken]]] = {}

    def submit(self, group: asyncio.TaskGroup, report: Report, taken: Taken) -> None:
        """Send a report after those of its task before it; ``taken`` is called when the engine has it."""
        queue = self._waiting.get(report.task)
        if queue is not None:
            if len(queue) > 1 and queue[-1][0].request.status == report.request.status != "STOPPED":
                report = merged(queue.pop()[0], report)  # not the first, which may be on its way
            queue.append((report, taken))
            return
        self._waiting[report.task] = deque([(report, taken)])
        spawn(group, self._deliver(group, report.task), name=f"reports of task {report.task}")

    def tell(self, group: asyncio.TaskGroup, report: Report) -> None:
        """Send word of something that leads to nothing here."""
        self.submit(group, report, _nothing)

    def hurry(self) -> None:
        """Try again now what waits for the engine: it has been heard."""
        if self._again is not None:
            self._again.set()
            self._again = None

    async def _deliver(self, group: asyncio.TaskGroup, task: str) -> None:
        queue = self._waiting[task]
        while queue:
            await self._bring(group, queue[0][0])
            report, taken = queue.popleft()
            taken(report)
        del self._waiting[task]

    async def _bring(self, group: asyncio.TaskGroup, report: Report) -> None:
        """Send until it is taken, or given up."""
        token, not_known, since = self._tokens.next(), 0, 0.0
        while (outcome := await self._send(report, token)) != "settled":
            not_known = not_known + 1 if outcome == "not known" else 0
            since = since if not_known > 1 else self._clock.now()
            if not_known >= REFUSALS_BELIEVED and self._clock.now() - since >= BELIEVED_SECONDS:
                return
            if outcome != "unanswered":  # the same token would get the same answer
                token = self._tokens.next()
            await self._pause(group)

    async def _send(self, report: Report, token: str) -> Outcome:
        """Send once; settled is taken."""
        request = report.request
        try:
            async with self._slots:
                await self._link.call(
                    request.cluster or "", "SubmitTaskStateChange", request, shapes.SubmitTaskStateChangeResponse, token
                )
        except LinkDown:
            return "unanswered"
        except Refused as error:
            logger.warning("report refused", task=report.task, status=request.status, error=str(error))
            return "not known" if error.code in GIVEN_UP else "refused"
        self._backoff.reset()
        return "settled"

    async def _pause(self, group: asyncio.TaskGroup) -> None:
        """Wait for the next attempt, which is the same for all that wait."""
        if self._again is None:
            self._again = asyncio.Event()
            spawn(group, self._hurry_later(), "retry reports")
        await self._again.wait()

    async def _hurry_later(self) -> None:
        await self._clock.sleep(self._backoff.next())
        self.hurry()


def _nothing(report: Report) -> None:
    """Follow up nothing."""
