"""Process: containers without containers, host processes under the same verbs (Linux only)."""

from quarterdeck.agents.runtimes.process.runtime import ProcessRuntime

__all__ = ["ProcessRuntime"]
