"""Contracts: import-linter's protected contract, for modules some of which are still to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importlinter.contracts.protected import ProtectedContract

if TYPE_CHECKING:
    from grimp import ImportGraph
    from importlinter import ContractCheck


class Implementations(ProtectedContract):
    """Protects those of the named modules that exist, and lets those of the named importers that exist import them."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001  # import-linter's signature
        """Check what is there; import-linter's own contract refuses a name that nothing has yet."""
        # Fields are declared as descriptors of lists, and are plain lists here.
        for field in ("protected_modules", "allowed_importers"):
            setattr(self, field, [name for name in getattr(self, field) if name.expression in graph.modules])
        return super().check(graph, verbose)
