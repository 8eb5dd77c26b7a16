"""Docker: containers of a Docker Engine, asked over its unix socket."""

from quarterdeck.agents.runtimes.docker.runtime import DockerRuntime

__all__ = ["DockerRuntime"]
