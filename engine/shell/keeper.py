"""Keeper: the one writer of a shard. It decides on the state in memory, appends, and answers after the ack.

Commands are decided one at a time, at once, against a state that already has those before them. Their
commits gather while an append is under way and leave together in the next (group commit; no timer).
A decision that changes nothing, and a refusal, wait for the append of what they were based on.

    a bug             the decision is put aside for a while (`aside`); left half made, the state is folded again
    Fenced            another keeper took over: all callers get `NotKeeper`, `run` ends
    OutcomeUnknown    claim a new epoch, fold the log again, see which commits are in it;
                      commands whose commits are not are decided again, unseen by their callers
    LogFull           the state is folded again, callers get a ServerException that says why
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import structlog

from quarterdeck.engine.core.errors import Refusal, ServerException
from quarterdeck.engine.core.turn import Ids, Settings, Turn
from quarterdeck.engine.shell.aside import Aside
from quarterdeck.engine.shell.batch import Batch, Batches
from quarterdeck.engine.shell.clock import Clock
from quarterdeck.engine.shell.command import Command, NotKeeper, NotStored, Outcome
from quarterdeck.events.codec import ENVELOPE_BYTES_MAX, encode_commit, seal, unseal
from quarterdeck.events.commit import Commit
from quarterdeck.events.log.errors import Fenced, LogFull, LogUnavailable, OutcomeUnknown
from quarterdeck.events.log.port import Epoch, Log
from quarterdeck.projections.live.states import NamespaceState
from quarterdeck.projections.live.view import LiveView

TRIES_MAX = 5
TAKE_OVER_SECONDS_MAX = 30.0
FULL_PAUSE_SECONDS = 1.0
RECOVER_PAUSE_SECONDS = 0.2
COMMIT_BYTES_MAX = ENVELOPE_BYTES_MAX - 1_000
SLICE_ENVELOPES = 64
STOPPED = "this engine has stopped keeping the shard"

log = structlog.get_logger(__name__)

Listener = Callable[[int, list[Commit]], None]


class Keeper:
    """Keeps one shard's log; `run` from take-over to the end, `submit` meanwhile."""

    def __init__(self, store: Log, clock: Clock, ids: Ids, settings: Settings, node: str) -> None:
        self.view = LiveView()
        self.settings = settings
        self.clock = clock
        self.aside = Aside(clock)
        self.decided: Callable[[NamespaceState, Commit], None] = lambda _state, _commit: None
        self.stored: list[Listener] = []
        self.taken_over: list[Callable[[], None]] = []
        self.may_keep: Callable[[], bool] = lambda: True
        self._log = store
        self._ids = ids
        self._epoch = Epoch(0, 0, node)
        self._commits = 0
        self._acked = 0
        self._batches = Batches(COMMIT_BYTES_MAX)
        self._wake = asyncio.Event()
        self._keeping = asyncio.Event()
        self._gone = False
        self._spoiled = False
        self._full_until = 0.0

    @property
    def sequence(self) -> int:
        """The position up to which everything is in the log and told."""
        return self._acked

    @property
    def epoch(self) -> int:
        """The number of the present take-over."""
        return self._epoch.number

    @property
    def backlog(self) -> int:
        """Batches not in the log yet."""
        return len(self._batches.pending)

    @property
    def ready(self) -> bool:
        """Whether a decision made now has a chance to be kept."""
        return self._keeping.is_set() and not self._gone and self.clock.now() >= self._full_until

    async def run(self) -> None:
        """Take the shard over and write until cancelled. Raises `NotKeeper` when another takes over."""
        try:
            await self._claim_and_fold({})
            self._begin()
            while True:
                await self._wake.wait()
                self._wake.clear()
                await self._write_all()
        except Fenced as error:
            raise NotKeeper(f"another engine took this shard over: {error}") from error
        finally:
            self._gone = True
            self._keeping.set()
            self._batches.settle({}, NotKeeper(STOPPED), NotKeeper(STOPPED, doubt=True))

    async def kept(self, seconds_max: float | None = TAKE_OVER_SECONDS_MAX) -> None:
        """Wait until the shard is kept; None: as long as it takes. Raises `NotKeeper`, also if it takes too long."""
        if not self._keeping.is_set():
            try:
                async with asyncio.timeout(seconds_max):
                    await self._keeping.wait()
            except TimeoutError:
                raise NotKeeper(f"this engine could not keep the shard for {seconds_max} s") from None
        if self._gone:
            raise NotKeeper(STOPPED)

    async def submit(self, command: Command) -> Outcome:
        """Decide on a command and wait until its commit is in the log.

        Raises Refusal, ServerException (the log is full or can't be written), `NotKeeper`.
        """
        for _ in range(TRIES_MAX):
            self._check_room()
            await self.kept()
            try:
                return await self._carry_out(command)
            except NotStored:
                continue
        raise ServerException("The log could not be written. Nothing was changed; try again.")

    def decide(self, command: Command) -> tuple[Commit | None, Batch | None, Any]:
        """Decide at once, without waiting for the log; gives the commit, if any, and the batch it is in.

        Raises Refusal; `NotKeeper` while a spoiled state is folded again, which must not lead to events.
        """
        if self._gone or not self._keeping.is_set():
            raise NotKeeper("this engine does not keep the shard at the moment")
        self.aside.check(command)
        state = self.view.namespace(command.namespace)
        turn = Turn(state, self.clock.now(), command.actor, self._ids, self.settings, command.digest)
        try:
            result = command.decide(turn)
        except Refusal as refusal:
            if turn.events:
                self._spoil(command, repr(refusal))
            raise
        except Exception as error:
            log.exception("decision failed", operation=command.operation, namespace=command.namespace)
            (self._spoil if turn.events else self.aside.put_own)(command, repr(error))
            words = f"{command.operation} failed inside the engine: {error!r}. Nothing was changed."
            raise ServerException(words) from error
        commit, batch = self._add(command, turn) if turn.events else (None, None)
        self.aside.drop(command)
        if commit is not None:
            self.decided(state, commit)
        return commit, batch, result

    async def _carry_out(self, command: Command) -> Outcome:
        if command.token:
            remembered = self.view.commands.get((command.namespace, command.token))
            if remembered is not None:
                await self.flushed(boundary=False)
                return Outcome(remembered.sequence, 0.0, [], None, remembered)
        try:
            commit, batch, result = self.decide(command)
        except Refusal:
            await self.flushed(boundary=False)
            raise
        if commit is None or batch is None:
            sequence = await self.flushed(boundary=command.boundary)
            return Outcome(sequence, self.clock.now(), [], result)
        sequence = await batch.wait(commit.id)
        return Outcome(sequence, commit.at, commit.events, result)

    def _add(self, command: Command, turn: Turn) -> tuple[Commit, Batch]:
        self._commits += 1
        commit = Commit(
            id=f"{self._epoch.number}.{self._commits}",
            at=turn.now,
            namespace=command.namespace,
            actor=command.actor,
            operation=command.operation,
            cause=command.cause,
            command=command.token,
            digest=command.digest if command.token else "",
            request=command.request,
            events=turn.events,
        )
        encoded = encode_commit(commit)
        if len(encoded) > COMMIT_BYTES_MAX:
            words = f"decided more than one commit can hold ({len(encoded)} of {COMMIT_BYTES_MAX} bytes)"
            self._spoil(command, words)
            raise ServerException(f"{command.operation} {words}. Nothing was changed; ask for less at once.")
        batch = self._batches.open(len(encoded))
        batch.add(commit, encoded)
        if command.token:
            self.view.remember(commit, batch.sequence)
        self._wake.set()
        return commit, batch

    async def flushed(self, *, boundary: bool = False) -> int:
        """Wait until what is decided so far is in the log; gives the position. Raises `NotStored`, `NotKeeper`."""
        last = self._batches.last
        if last is None:
            return self._acked
        last.closed = last.closed or boundary
        return await last.wait()

    def _check_room(self) -> None:
        if self._full_until and self.clock.now() < self._full_until:
            raise ServerException(f"{_full()} Nothing was changed.")

    async def _write_all(self) -> None:
        while (batch := self._batches.next()) is not None:
            payload, digest = seal(batch.encoded, self._epoch.number, self.view.hash)
            try:
                sequence = await self._log.append(payload, self._acked)
            except LogFull as error:
                await self._give_up(error)
                return
            except (OutcomeUnknown, LogUnavailable) as error:
                log.warning("append without an answer: folding the log again", error=str(error))
                await self._recover()
                return
            self._batches.written()
            self.view.hash, self.view.sequence, self._acked = digest, sequence, sequence
            batch.stored(sequence)
            for listener in self.stored:
                listener(sequence, batch.commits)
        if self._spoiled:
            await self._recover()

    def _spoil(self, command: Command, cause: str) -> None:
        log.error("a decision was left half made: folding the log again", operation=command.operation)
        self.aside.put(command, cause)
        self._spoiled = True
        self._keeping.clear()
        self._wake.set()

    async def _give_up(self, error: LogFull) -> None:
        log.error("the log is full", error=str(error))
        self._full_until = self.clock.now() + FULL_PAUSE_SECONDS
        self._batches.settle({}, ServerException(f"{_full(error)} Nothing was changed."))
        self._keeping.clear()
        await self._fold(self._acked, {})
        self._begin()

    async def _recover(self) -> None:
        """Take over again from whoever wrote last, which was us, and see what became of our commits."""
        self._keeping.clear()
        sought = {commit.id: 0 for batch in self._batches.pending for commit in batch.commits}
        while True:
            if not self.may_keep():
                raise NotKeeper("this engine lost its lease while the log was away")
            try:
                await self._claim_and_fold(sought)
                break
            except LogFull as error:
                self._full_until = self.clock.now() + FULL_PAUSE_SECONDS
                self._batches.settle({}, ServerException(f"{_full(error)} It is not known whether this was stored."))
                await asyncio.sleep(RECOVER_PAUSE_SECONDS)
            except LogUnavailable as error:
                log.warning("the log is away", error=str(error))
                await asyncio.sleep(RECOVER_PAUSE_SECONDS)
        found = {name: sequence for name, sequence in sought.items() if sequence}
        self._batches.settle(found, NotStored("not in the log"))
        self._begin()

    async def _claim_and_fold(self, sought: dict[str, int]) -> None:
        self._epoch = await self._log.claim(self._epoch.node)
        self._commits = 0
        await self._fold(self._epoch.sequence, sought)

    def _begin(self) -> None:
        self._spoiled = False
        self._acked = self._batches.begin(self.view.sequence)
        self._keeping.set()
        for listener in self.taken_over:
            listener()
        log.info("keeping the shard", node=self._epoch.node, epoch=self._epoch.number, sequence=self._acked)

    async def _fold(self, until: int, sought: dict[str, int]) -> None:
        view = LiveView()
        async with aclosing(self._log.read(0, until=until)) as batches:
            async for batch in batches:
                for count, record in enumerate(batch):
                    view.sequence = record.sequence
                    if record.kind == "commits":
                        envelope = unseal(record.payload, record.sequence, view.hash)
                        view.fold(envelope)
                        if sought:
                            sought.update((each.id, record.sequence) for each in envelope.commits if each.id in sought)
                    if count % SLICE_ENVELOPES == 0:
                        await asyncio.sleep(0)
        self.view = view


def _full(error: LogFull | None = None) -> str:
    return f"The log is full{f' ({error})' if error else ''}: free or grant disk space, then try again."
