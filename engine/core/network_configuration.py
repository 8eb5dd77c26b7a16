"""Network configuration: what it must say, and for which network modes (spec §6.3, §7.2)."""

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.events import shapes

SUBNETS_MAX = 16
SECURITY_GROUPS_MAX = 5


def check(definition: shapes.TaskDefinition, network: shapes.NetworkConfiguration | None) -> None:
    """Check that tasks with an interface of their own are told its network, and others are not."""
    if definition.network_mode != "awsvpc":
        if network is not None:
            raise InvalidParameterException(
                "Network Configuration is not valid for the given networkMode of this task definition."
            )
        return
    if network is None or network.awsvpc_configuration is None:
        raise InvalidParameterException(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    subnets = network.awsvpc_configuration.subnets or []
    if not subnets:
        raise InvalidParameterException("subnets can not be empty.")
    for given, most, member in (
        (subnets, SUBNETS_MAX, "subnets"),
        (network.awsvpc_configuration.security_groups or [], SECURITY_GROUPS_MAX, "securityGroups"),
    ):
        if len(given) > most:
            raise InvalidParameterException(f"{member} can have at most {most} items.")
