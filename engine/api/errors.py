"""Errors of the frame around operations: those any AWS service answers before an operation is reached (spec §1.3)."""

from quarterdeck.engine.core.errors import Refusal


class MissingAuthenticationTokenException(Refusal):
    """No Authorization header."""


class IncompleteSignatureException(Refusal):
    """An Authorization header that can't be read."""


class InvalidSignatureException(Refusal):
    """A signature that is not the one the secret gives, or is too old, or for something else."""


class UnrecognizedClientException(Refusal):
    """An access key nobody knows here."""


class RequestEntityTooLargeException(Refusal):
    """A body beyond the limit."""

    status = 413


class RequestTimeoutException(Refusal):
    """A body that did not come in time."""

    status = 408


class MethodNotAllowedException(Refusal):
    """A method a path does not know."""

    status = 405


class NotFoundException(Refusal):
    """A path there is not."""

    status = 404
