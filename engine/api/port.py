"""Port: what the HTTP door needs of the operations behind it; `engine.doors.door.Door` is one."""

from typing import Protocol

import msgspec

from quarterdeck.engine.doors.door import Answer, Call
from quarterdeck.engine.doors.health import Health
from quarterdeck.engine.shell.usage import Consumer, Used


class Operations(Protocol):
    """Carries out any operation of ECS."""

    def decode(self, operation: str, body: bytes) -> msgspec.Struct:
        """Read a request. Raises Refusal."""
        ...

    async def carry_out(self, call: Call, request: msgspec.Struct) -> Answer:
        """Carry an operation out. Raises Refusal."""
        ...

    def consumers(self) -> dict[Consumer, Used]:
        """Tell what the containers of services use."""
        ...

    def health(self) -> Health:
        """Tell how things are."""
        ...
