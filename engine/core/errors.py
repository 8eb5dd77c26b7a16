"""Refusals: the errors of the ECS API, each with the code and text a client sees.

Refusal
├── ClientException, InvalidParameterException, ConflictException, …   the caller's mistake (HTTP 400)
└── ServerException                                                  ours (HTTP 500); says what to do
A refusal changes nothing. Shortage of room is not a refusal but an answer (`failures`).
"""


class Refusal(Exception):
    """An error of the ECS API; its class name is the code."""

    status = 400

    def __init__(self, message: str, **members: object) -> None:
        """Take the text, and the members some errors have beside it (`resource_ids`)."""
        super().__init__(message)
        self.message = message
        self.members = members

    @property
    def code(self) -> str:
        """The name ECS gives this error."""
        return type(self).__name__


class ClientException(Refusal):
    """A caller's mistake about a resource."""


class InvalidParameterException(Refusal):
    """A value, or a combination of values, that is not valid."""


class SerializationException(Refusal):
    """A body that is not JSON, or a member of the wrong JSON type."""


class UnknownOperationException(Refusal):
    """A name that is no operation of ECS."""


class UnsupportedFeatureException(Refusal):
    """An operation or member of ECS that Quarterdeck does not carry out."""


class ConflictException(Refusal):
    """A token used again for another request."""


class ClusterNotFoundException(Refusal):
    """No such cluster, or it is INACTIVE."""


class ClusterContainsContainerInstancesException(Refusal):
    """A cluster to delete still has container instances."""


class ClusterContainsServicesException(Refusal):
    """A cluster to delete still has services."""


class ClusterContainsTasksException(Refusal):
    """A cluster to delete still has tasks."""


class ResourceNotFoundException(Refusal):
    """Nothing of that name."""


class ResourceInUseException(Refusal):
    """Something else has what was asked for."""


class LimitExceededException(Refusal):
    """More than there may be."""


class TargetNotFoundException(Refusal):
    """No container instance to have attributes."""


class TargetNotConnectedException(Refusal):
    """Nothing in the container that a session could be opened with."""


class AttributeLimitExceededException(Refusal):
    """A container instance would have too many attributes."""


class NoUpdateAvailableException(Refusal):
    """An agent has no newer version to go to."""


class UpdateInProgressException(Refusal):
    """An agent is being updated already."""


class ServiceNotFoundException(Refusal):
    """No such service."""


class ServiceNotActiveException(Refusal):
    """The service is DRAINING or INACTIVE."""


class ServiceDeploymentNotFoundException(Refusal):
    """No such service deployment."""


class TaskSetNotFoundException(Refusal):
    """No such task set."""


class NamespaceNotFoundException(Refusal):
    """No such Cloud Map namespace."""


class AccessDeniedException(Refusal):
    """Who asks may not have it."""


class ThrottlingException(Refusal):
    """Too many requests at once; ECS's text is "Rate exceeded"."""


class ServerException(Refusal):
    """Our failure: nothing is known to have changed; the message says whether to try again."""

    status = 500
