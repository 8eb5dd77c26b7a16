"""Home: where an agent belongs, and how the runtime there is."""

from quarterdeck.agents.link import Link
from quarterdeck.events.wanted import Heartbeat


class Home:
    """Where an agent is at home: its link, cluster, container instance and session."""

    def __init__(self, link: Link, cluster: str, container_instance: str, session: str) -> None:
        self.link = link
        self.cluster = cluster
        self.container_instance = container_instance
        self.session = session
        self._unwell = ""

    def runtime_answers(self) -> None:
        """Take note that the runtime is well."""
        self._unwell = ""

    def runtime_fails(self, why: str) -> None:
        """Take note that it can't be asked."""
        self._unwell = why

    def sign_of_life(self) -> Heartbeat:
        """Say how things are."""
        runtime = "IMPAIRED" if self._unwell else "OK"
        return Heartbeat(session=self.session, runtime=runtime, runtime_reason=self._unwell)
