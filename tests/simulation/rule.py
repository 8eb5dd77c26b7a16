"""Rule: something that must hold of every commit, and the breach of one."""

from __future__ import annotations

from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from quarterdeck.projections.live.states import NamespaceState
from tests.simulation.ledger import Ledger


class Violation(Exception):
    """Something that must hold does not; `checker` says which rule."""

    def __init__(self, checker: str, what: str) -> None:
        super().__init__(f"{checker}: {what}")
        self.checker = checker
        self.what = what


class Checker:
    """A rule; sees each event before the ledger has it, and each commit before and after."""

    name = ""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def begin(self, commit: Commit) -> None:
        """Look at what there is before a commit."""

    def before(self, event: AnyEvent) -> None:
        """Look at what an event is about to change."""

    def end(self, commit: Commit, fold: NamespaceState) -> None:
        """Look at what a commit has changed."""

    def fail(self, what: str) -> None:
        """Report a breach."""
        raise Violation(self.name, what)
