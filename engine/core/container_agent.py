"""Container agent: deciding on what agents say of their runtime, and on updates of agents (spec §4.8, §4.9)."""

from quarterdeck.engine.core.container_instance import existing
from quarterdeck.engine.core.errors import (
    InvalidParameterException,
    NoUpdateAvailableException,
    UpdateInProgressException,
)
from quarterdeck.engine.core.turn import Turn
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import AgentUpdateRequested, RuntimeHealthChanged

HEALTHS = ("OK", "IMPAIRED")
REASON_CHARACTERS_MAX = 1024


def health(turn: Turn, cluster_name: str, name: str, status: str, reason: str) -> None:
    """Note how the runtime of an instance is; a repeat, or an instance that is gone, changes nothing."""
    if status not in HEALTHS:
        raise InvalidParameterException(f"A runtime is one of [{','.join(HEALTHS)}], not {status}.")
    cluster = turn.state.clusters.get(cluster_name)
    instance = cluster.instances.get(name) if cluster is not None else None
    if instance is None or instance.status == "INACTIVE" or instance.runtime == status:
        return
    turn.emit(
        RuntimeHealthChanged(
            cluster=cluster_name, container_instance=name, status=status, reason=reason[:REASON_CHARACTERS_MAX]
        )
    )


def update(turn: Turn, request: shapes.UpdateContainerAgentRequest) -> None:
    """Note that an agent is to be updated: whoever runs it does so, and the next one to register has done it."""
    cluster = turn.cluster(request.cluster)
    instance = existing(turn, cluster, request.container_instance)
    if instance.update == "PENDING":
        raise UpdateInProgressException("There is already a current Amazon ECS container agent update in progress.")
    if not instance.agent_version or instance.agent_version in {"", "0", turn.settings.version}:
        raise NoUpdateAvailableException("There is no update available for your container agent.")
    turn.emit(AgentUpdateRequested(cluster=cluster.name, container_instance=instance.id))
