"""Watcher: reads the log as it grows, folds it, keeps the ledger, and lets the checkers look at every commit.

chain         each envelope follows the one before by its hash, in the epoch claimed last; epochs rise by one
once          no command's token is in two commits
acknowledged  what the engine said was done is in the log, where it said, and by that command
explain       every placement, asked again at its moment in the log, is decided again as it was
view          a keeper that has nothing under way has in memory exactly the fold of the log
counts        all counts and indexes of the fold are what its tasks say (`tests/checkers.py`); looked at now and then
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from quarterdeck.engine.core.explain import decided
from quarterdeck.events.codec import Corrupt, unseal
from quarterdeck.events.commit import Chained, Commit
from quarterdeck.events.log.port import Record, epoch_of
from quarterdeck.events.task import TaskPlaced, TaskStopRequested
from quarterdeck.projections.live.states import NamespaceState
from quarterdeck.projections.live.view import EVOLVE, LiveView
from tests import checkers as counts
from tests.simulation.checkers import CHECKERS, OnePlace
from tests.simulation.client import Acknowledged
from tests.simulation.ledger import Ledger
from tests.simulation.link import NAMESPACE
from tests.simulation.rule import Violation

COUNTS_EVERY_COMMITS = 25


class Watcher:
    """Looks at the log from outside. The first breach is kept, and told at once."""

    def __init__(self, breached: Callable[[], None]) -> None:
        self.ledger = Ledger()
        self.fold = LiveView()
        self.violation: Violation | None = None
        self.commits = 0
        self.events = 0
        self.moves = 0
        """Tasks that the scheduler placed or asked to stop."""
        self.digest = hashlib.sha256()
        self.trace: Callable[[Record, Iterable[Commit]], None] = lambda _record, _commits: None
        self._breached = breached
        self._epoch = 0
        self._tokens: dict[str, int] = {}
        self._one_place = OnePlace(self.ledger)
        self._checkers = [self._one_place if kind is OnePlace else kind(self.ledger) for kind in CHECKERS]
        self._counted_at = -1
        self._compared = (0, 0)

    @property
    def state(self) -> NamespaceState:
        """The fold of the only namespace."""
        return self.fold.namespace(str(NAMESPACE))

    def record(self, record: Record) -> None:
        """Look at a record that was just stored."""
        self.digest.update(record.payload)
        try:
            self._record(record)
        except Violation as violation:
            self.breach(violation)
        except (AssertionError, KeyError, Corrupt) as error:
            self.breach(Violation("counts" if isinstance(error, AssertionError) else "chain", repr(error)))

    def container(self, machine: str, task: str) -> None:
        """Look at a container that is created."""
        try:
            self._one_place.container(machine, task)
        except Violation as violation:
            self.breach(violation)

    def breach(self, violation: Violation) -> None:
        """Keep the first breach."""
        self.violation = self.violation or violation
        self._breached()

    def acknowledge(self, acknowledged: Iterable[Acknowledged]) -> None:
        """Look for what was acknowledged."""
        for each in acknowledged:
            found = self._tokens.get(each.token, 0)
            if each.changed and not 0 < found <= each.sequence:
                what = f"{each.operation} by {each.token} at {each.sequence}, the log has it at {found}"
                self.breach(Violation("acknowledged", what))

    def compare(self, view: LiveView) -> None:
        """Look whether a keeper's state is the fold of the log; once, if neither has changed since."""
        compared = (id(view), view.sequence)
        if compared == self._compared:
            return
        self._compared = compared
        if view.fingerprint() != self.fold.fingerprint():
            self.breach(Violation("view", f"at {view.sequence} the keeper's state is not the fold of the log"))

    def explain(self, records: Iterable[Record]) -> None:
        """Look whether every placement, asked again at its moment, is decided again as it was."""
        view = LiveView()
        for record in records:
            if record.kind == "commits":
                for commit in unseal(record.payload, record.sequence, None).commits:
                    for each in decided(view, commit, lambda _event: True):
                        if each.agrees is False:
                            what = f"{each.outcome} {each.task} at {record.sequence} would be {each.verdicts}"
                            self.breach(Violation("explain", what))

    def count(self) -> None:
        """Look at all counts and indexes, unless nothing has happened since the last time."""
        if self._counted_at == self.commits:
            return
        self._counted_at = self.commits
        try:
            counts.check(self.state)
        except AssertionError as error:
            self.breach(Violation("counts", str(error)))

    def _record(self, record: Record) -> None:
        self.fold.sequence = record.sequence
        if record.kind == "epoch":
            number = epoch_of(record).number
            if number != self._epoch + 1:
                raise Violation("chain", f"epoch {number} follows {self._epoch}")
            self._epoch = number
            self.trace(record, ())
            return
        envelope = unseal(record.payload, record.sequence, self.fold.hash)
        if envelope.epoch != self._epoch:
            raise Violation("chain", f"an envelope of epoch {envelope.epoch} in epoch {self._epoch}")
        self.trace(record, envelope.commits)
        for commit in envelope.commits:
            self._commit(commit, envelope)
        self.fold.hash = envelope.hash
        if self.commits - self._counted_at >= COUNTS_EVERY_COMMITS + len(self.ledger.tasks):
            self.count()

    def _commit(self, commit: Commit, envelope: Chained) -> None:
        self._note(commit, envelope)
        state = self.state
        for checker in self._checkers:
            checker.begin(commit)
        for event in commit.events:
            for checker in self._checkers:
                checker.before(event)
            self.ledger.apply(event)
            EVOLVE[type(event)](state, event, commit.at)
        for checker in self._checkers:
            checker.end(commit, state)

    def _note(self, commit: Commit, envelope: Chained) -> None:
        self.commits += 1
        self.events += len(commit.events)
        if commit.actor == "scheduler":
            self.moves += sum(isinstance(each, TaskPlaced | TaskStopRequested) for each in commit.events)
        if commit.command:
            if commit.command in self._tokens:
                raise Violation("once", f"{commit.operation} with token {commit.command} was carried out twice")
            self._tokens[commit.command] = envelope.sequence
            self.fold.remember(commit, envelope.sequence)
