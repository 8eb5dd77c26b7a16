"""What a process gives back, and what the collector leaves alone."""

from __future__ import annotations

import gc

from quarterdeck.engine import memory


def test_what_was_loaded_is_not_looked_at_again_by_the_collector() -> None:
    gc.unfreeze()
    try:
        memory.settle()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
