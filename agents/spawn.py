"""Spawn: work set going in a task group, unless the group is ending."""

import asyncio
from collections.abc import Coroutine
from typing import Any


def spawn(group: asyncio.TaskGroup, work: Coroutine[Any, Any, None], name: str) -> None:
    """Set work going; if everything in the group is being ended, it does not begin."""
    try:
        group.create_task(work, name=name)
    except RuntimeError:  # what asyncio says of a group that is ending
        work.close()
