"""Container dependency: which containers wait for which, by dependsOn, links and volumesFrom (spec §5.6)."""

from collections.abc import Iterator

from quarterdeck.engine.core.errors import ClientException
from quarterdeck.events import shapes

CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")

Containers = dict[str, shapes.ContainerDefinition]


def check(definition: shapes.TaskDefinition) -> None:
    """Check that dependencies exist, can be met, and make no circle."""
    containers: Containers = {each.name or "": each for each in definition.container_definitions or []}
    for container in containers.values():
        for dependency in container.depends_on or []:
            _check_condition(containers, dependency)
        for name in _linked(container):
            if name not in containers:
                raise ClientException(f"Cannot link to container '{name}' because it does not exist")
        for source in _sources(container):
            if source not in containers:
                raise ClientException(f"Cannot take volumes from container '{source}' because it does not exist")
    _check_circles({name: [*_all(each)] for name, each in containers.items()})


def _check_condition(containers: Containers, dependency: shapes.ContainerDependency) -> None:
    other = containers.get(dependency.container_name or "")
    if dependency.condition not in CONDITIONS:
        raise ClientException(f"Container dependsOn condition should be one of [{','.join(CONDITIONS)}]")
    if other is None:
        raise ClientException(f"Cannot depend on container + '{dependency.container_name}' because it does not exist")
    if dependency.condition in {"SUCCESS", "COMPLETE"} and other.essential is not False:
        raise ClientException(
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
        )
    if dependency.condition == "HEALTHY" and other.health_check is None:
        raise ClientException("A dependency container with HEALTHY condition must have health check configured")


def _all(container: shapes.ContainerDefinition) -> Iterator[str]:
    yield from (each.container_name or "" for each in container.depends_on or [])
    yield from _linked(container)
    yield from _sources(container)


def _linked(container: shapes.ContainerDefinition) -> Iterator[str]:
    return (each.partition(":")[0] for each in container.links or [])


def _sources(container: shapes.ContainerDefinition) -> Iterator[str]:
    return (each.source_container or "" for each in container.volumes_from or [])


def _check_circles(waits_for: dict[str, list[str]]) -> None:
    """Take away what waits for nothing until nothing is left, or only a circle and what waits for it."""
    left = dict(waits_for)
    while left:
        free = [name for name, others in left.items() if not any(each in left for each in others)]
        if not free:
            raise ClientException("Container dependsOn contains a cycle")
        for name in free:
            del left[name]
