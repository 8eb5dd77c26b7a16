"""Caller: how a client's call becomes a request, and a refusal an error; the operations themselves are in `client`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from quarterdeck.engine import members
from quarterdeck.engine.core import errors
from quarterdeck.engine.core.errors import Refusal, SerializationException
from quarterdeck.events import operations

Document = Mapping[str, Any]
"""A structure as AWS spells it in JSON, where a Struct of `quarterdeck.events.shapes` would do as well."""

Answer = TypeVar("Answer", bound=msgspec.Struct)


class Unreachable(Exception):
    """No engine answered; whether the operation was carried out is unknown. Says what to do."""


class Caller(ABC):
    """Carries operations out, one way or another; `sequence` is the log position its last answer was true at."""

    sequence: int = 0

    @abstractmethod
    async def call(self, operation: str, request: msgspec.Struct, answer: type[Answer], *, token: str = "") -> Answer:
        """Carry out an operation; a repeat with the same ``token`` gets the first outcome.

        Raises Refusal (its subclasses are named as ECS names the errors), Unreachable.
        """

    async def _carry_out(self, operation: str, arguments: Mapping[str, object]) -> Any:  # noqa: ANN401 - see client
        request, answer = operations.ALL[operation]
        given = {name: value for name, value in arguments.items() if value is not None}
        try:
            asked = msgspec.convert(given, request)
        except msgspec.ValidationError as error:
            raise SerializationException(f"{operation}: {error}") from error
        members.check(operation, request, given)
        return await self.call(operation, asked, answer)


def refusal(code: str, message: str) -> Refusal:
    """Make the error of a code, as the engine itself would raise it."""
    kind = getattr(errors, code, None)
    if isinstance(kind, type) and issubclass(kind, Refusal):
        return kind(message)
    made: Refusal = type(code, (Refusal,), {"__doc__": "An error of the ECS API."})(message)
    return made
