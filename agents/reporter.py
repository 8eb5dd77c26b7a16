"""Reporter: brings reports to the engine, each task's in order, until they are taken.

Every report has a token of its own, so that one sent twice counts once. None is lost while the agent
lives; after a restart the state of the runtime says what there is to report.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from quarterdeck.agents.backoff import Backoff
from quarterdeck.agents.clock import Clock
from quarterdeck.agents.link import Link, LinkDown, Refused
from quarterdeck.agents.settings import Settings
from quarterdeck.agents.spawn import spawn
from quarterdeck.agents.task import Report
from quarterdeck.events import shapes

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
    """The outbox of an agent. What is waiting is bounded by the tasks there are: states only move forward."""

    def __init__(self, link: Link, clock: Clock, settings: Settings, tokens: Tokens) -> None:
        self._link = link
        self._clock = clock
        self._timing = settings.timing
        self._tokens = tokens
        self._slots = asyncio.Semaphore(settings.limits.reports_max)
        self._waiting: dict[str, deque[tuple[Report, str]]] = {}

    def submit(self, group: asyncio.TaskGroup, report: Report, taken: Callable[[Report], None]) -> None:
        """Send a report after those of its task before it; ``taken`` is called when the engine has it."""
        queue = self._waiting.get(report.task)
        item = (report, self._tokens.next())
        if queue is not None:
            queue.append(item)
            return
        self._waiting[report.task] = deque([item])
        spawn(group, self._deliver(report.task, taken), name=f"reports of task {report.task}")

    async def _deliver(self, task: str, taken: Callable[[Report], None]) -> None:
        queue = self._waiting[task]
        while queue:
            report, token = queue[0]
            await self._send(report, token)
            queue.popleft()
            taken(report)
        del self._waiting[task]

    async def _send(self, report: Report, token: str) -> None:
        backoff = Backoff(self._timing.retry_seconds_min, self._timing.retry_seconds_max)
        while True:
            try:
                async with self._slots:
                    await self._link.call(
                        report.request.cluster or "",
                        "SubmitTaskStateChange",
                        report.request,
                        shapes.SubmitTaskStateChangeResponse,
                        token,
                    )
            except LinkDown:
                await self._clock.sleep(backoff.next())
            except Refused as error:
                # ECS agents give up here too: the engine knows no such task, and asking again changes nothing.
                logger.warning("report refused", task=report.task, status=report.request.status, error=str(error))
                return
            else:
                return
