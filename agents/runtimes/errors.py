"""Errors of runtimes.

    RuntimeFailure                      .reason is the text a user may see
    ├── RuntimeUnavailable              weather: the daemon is away or slow; says nothing of the container, retry
    ├── ContainerGone                   there is no such container (any more)
    ├── ImageMissing                    the image is not on this host: pull it, then create again
    ├── ContainerStuck                  it never ran and never will: remove it, then create again
    └── ContainerFailure                a verdict on one container, in the words of the ECS agent
        ├── CannotPullContainerError
        ├── ResourceInitializationError
        ├── CannotCreateContainerError
        ├── CannotCreateVolumeError
        ├── CannotStartContainerError
        ├── CannotStopContainerError
        ├── CannotInspectContainerError
        ├── CannotRemoveContainerError
        ├── CannotReadLogsError
        └── CannotExecuteCommandError

The names of the verdicts are the prefixes ECS puts before a container's ``reason``.
"""


class RuntimeFailure(Exception):
    """Whatever a runtime could not do."""

    def __init__(self, detail: str) -> None:
        """Keep ``detail``, one sentence without a prefix."""
        super().__init__(detail)
        self.detail = detail

    @property
    def reason(self) -> str:
        """The text for people: the detail alone, verdicts add their name."""
        return self.detail


class RuntimeUnavailable(RuntimeFailure):
    """The daemon cannot be asked now. Whether the call had an effect is unknown: look again later."""


class ContainerGone(RuntimeFailure):
    """No container has this id."""


class ImageMissing(RuntimeFailure):
    """The image of a new container is not on this host yet."""


class ContainerStuck(RuntimeFailure):
    """The container can't be started from where it is: an interrupted start left it, or its ports were taken."""


class ContainerFailure(RuntimeFailure):
    """The runtime refused, or tried and failed, and asking again will not help."""

    @property
    def reason(self) -> str:
        """The text of the ECS agent: ``CannotStartContainerError: <what the daemon said>``."""
        return f"{type(self).__name__}: {self.detail}"


class CannotPullContainerError(ContainerFailure):
    """The image could not be brought to this host; ``final`` if there is no use in asking again."""

    def __init__(self, detail: str, *, final: bool = False) -> None:
        super().__init__(detail)
        self.final = final


class ResourceInitializationError(ContainerFailure):
    """What a container is to be given could not be had: secrets, environment files, a network."""


class CannotCreateContainerError(ContainerFailure):
    """The container's description was refused, or its name belongs to another container."""


class CannotCreateVolumeError(ContainerFailure):
    """A volume that has to be there is not, or could not be made."""


class CannotStartContainerError(ContainerFailure):
    """The container exists but its command does not run: no such command, port taken, no such user."""


class CannotStopContainerError(ContainerFailure):
    """The container did not end, not even when killed."""


class CannotInspectContainerError(ContainerFailure):
    """The runtime knows the container but cannot say how it is."""


class CannotRemoveContainerError(ContainerFailure):
    """The container could not be removed."""


class CannotReadLogsError(ContainerFailure):
    """What the container wrote went where it can't be read back from."""

    @property
    def reason(self) -> str:
        """The detail alone: ECS has no such prefix."""
        return self.detail


class CannotExecuteCommandError(ContainerFailure):
    """No command can be run in the container: it does not run, or is paused."""

    @property
    def reason(self) -> str:
        """The detail alone: ECS has no such prefix."""
        return self.detail
