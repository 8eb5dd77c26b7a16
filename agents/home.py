"""Home: where an agent belongs."""

from quarterdeck.agents.link import Link


class Home:
    """Where an agent is at home: its link, cluster, container instance and session."""

    def __init__(self, link: Link, cluster: str, container_instance: str, session: str) -> None:
        self.link = link
        self.cluster = cluster
        self.container_instance = container_instance
        self.session = session
