"""Load balancer: what a service may say of load balancers and registries, held against its task definition (spec §7.2).

They are kept and described; nothing registers targets yet.
"""

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.events import shapes

CLASSIC_MAX = 1
TARGET_GROUPS_MAX = 5


def check(
    definition: shapes.TaskDefinition,
    balancers: list[shapes.LoadBalancer],
    registries: list[shapes.ServiceRegistry],
) -> None:
    """Check that each names a container and a port that there are."""
    for balancer in balancers:
        if balancer.load_balancer_name and balancer.target_group_arn:
            raise InvalidParameterException("loadBalancerName and targetGroupArn cannot both be specified")
        if not balancer.load_balancer_name and not balancer.target_group_arn:
            raise InvalidParameterException("loadBalancerName or targetGroupArn must be specified")
        _check_port(definition, balancer.container_name, balancer.container_port)
    classic = sum(1 for each in balancers if each.load_balancer_name)
    if classic > CLASSIC_MAX:
        raise InvalidParameterException(f"A service can have at most {CLASSIC_MAX} classic load balancer.")
    if len(balancers) - classic > TARGET_GROUPS_MAX:
        raise InvalidParameterException(f"A service can have at most {TARGET_GROUPS_MAX} target groups.")
    for registry in registries:
        _check_registry(definition, registry)


def _check_registry(definition: shapes.TaskDefinition, registry: shapes.ServiceRegistry) -> None:
    if not registry.registry_arn:
        raise InvalidParameterException("registryArn can not be blank.")
    if registry.container_port is None:
        return
    if definition.network_mode == "awsvpc" and not registry.container_name:
        raise InvalidParameterException(
            "The values specified for serviceRegistries do not require a value for 'containerPort'"
        )
    _check_port(definition, registry.container_name, registry.container_port)


def _check_port(definition: shapes.TaskDefinition, name: str | None, port: int | None) -> None:
    container = next((each for each in definition.container_definitions or [] if each.name == name), None)
    if container is None:
        raise InvalidParameterException(f"The container {name or ''} does not exist in the task definition.")
    if port not in {each.container_port for each in container.port_mappings or []}:
        raise InvalidParameterException(f"The container {name} did not have a container port {port} defined.")
