"""Errors: what a log can answer instead of doing its work.

    LogError
    ├── Fenced            somebody else wrote or claimed; the writer must drop its state
    ├── OutcomeUnknown    no answer; stored or not: claim a new epoch and read
    ├── LogFull           no room; nothing was stored, and what is stored stays readable
    ├── LogUnavailable    the link or the server is away; nothing was sent
    │   ├── LogMisconfigured     the server or the stream is not what was asked for
    │   ├── ServerStartFailed    the embedded nats-server did not come up; says what it said
    │   └── DataDirectoryInUse   another process holds the data directory
    ├── PayloadTooLarge   refused before sending
    └── Gap               the stored log has a hole, went back or is another one: corruption

After ``Fenced`` and ``OutcomeUnknown`` a writer is broken: every append still in flight and every later one
fails too, until it has claimed a new epoch. ``LogFull`` fails the appends behind it in flight, but leaves the
writer whole: it may try again from the same position.
"""


class LogError(Exception):
    """Any refusal or failure of a log."""


class Fenced(LogError):
    """Another writer has moved the log; this one must drop its state and step down or claim again."""


class OutcomeUnknown(LogError):
    """No answer came in time; the payload may or may not be stored. Claim a new epoch, then read."""


class LogFull(LogError):
    """The log has no room left; nothing was stored."""


class LogUnavailable(LogError):
    """The log cannot be reached at the moment; nothing was stored by this call."""


class LogMisconfigured(LogUnavailable):
    """The server or the stream exists but is not safe to write to; the message says what to change."""


class ServerStartFailed(LogUnavailable):
    """The embedded nats-server ended or stayed silent while starting; the message ends with the tail of its log."""


class DataDirectoryInUse(LogUnavailable):
    """Another process, named in the message, holds the data directory."""


class PayloadTooLarge(LogError):
    """The payload is larger than one message may be; nothing was sent."""


class Gap(LogError):
    """The log has a hole, is shorter than it was, or is another log: what was read from it is no longer its past."""
