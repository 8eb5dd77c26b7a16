"""Present: the operations of whichever replica serves in this process now; between two, callers hear to try again."""

from collections.abc import Callable

import msgspec

from quarterdeck.engine.api.port import Operations
from quarterdeck.engine.core.errors import ServerException
from quarterdeck.engine.doors.door import Answer, Call
from quarterdeck.engine.doors.health import Health
from quarterdeck.engine.shell.usage import Consumer, Used


class Present:
    """Operations, as long as there are some; ``find`` gives None while no replica has begun to serve."""

    def __init__(self, find: Callable[[], Operations | None]) -> None:
        self._find = find

    def decode(self, operation: str, body: bytes) -> msgspec.Struct:
        """Read a request. Raises Refusal."""
        return self._now().decode(operation, body)

    async def carry_out(self, call: Call, request: msgspec.Struct) -> Answer:
        """Carry an operation out. Raises Refusal."""
        return await self._now().carry_out(call, request)

    def consumers(self) -> dict[Consumer, Used]:
        """Tell what the containers of services use."""
        found = self._find()
        return found.consumers() if found is not None else {}

    def health(self) -> Health:
        """Tell how things are."""
        found = self._find()
        return found.health() if found is not None else Health("starting")

    def _now(self) -> Operations:
        found = self._find()
        if found is None:
            raise ServerException("The engine is starting, or standing by. Nothing was changed; try again.")
        return found
