"""Task definition: deciding on registration, deregistration and deletion (spec §5)."""

from collections.abc import Callable, Iterator

import msgspec

from quarterdeck.engine.core import (
    container_definition,
    container_dependency,
    fargate,
    log_configuration,
    placement_options,
    port_mapping,
    volume,
)
from quarterdeck.engine.core.errors import (
    ClientException,
    InvalidParameterException,
    Refusal,
)
from quarterdeck.engine.core.required_attributes import compatibilities, required_attributes
from quarterdeck.engine.core.role import is_named
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.task_size import cpu_units, memory_mib
from quarterdeck.engine.core.turn import Turn, revision_number, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.task_definition import (
    TaskDefinitionDeleted,
    TaskDefinitionDeletionRequested,
    TaskDefinitionDeregistered,
    TaskDefinitionRegistered,
)
from quarterdeck.projections.live.states import DefinitionState, NamespaceState
from quarterdeck.projections.live.task import STOPPED_KEPT_SECONDS

SIZE_BYTES_MAX = 65_536
CONTAINERS_MAX = 10
CONSTRAINTS_MAX = 10
DELETIONS_MAX = 10
NETWORK_MODES = ("bridge", "host", "awsvpc", "none")
PID_MODES = ("host", "task")
IPC_MODES = ("host", "task", "none")
LAUNCH_TYPES = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")

CHECKS: tuple[Callable[[shapes.TaskDefinition], None], ...] = (
    container_definition.check_sizes,
    container_definition.check_roles,
    container_definition.check_system_controls,
    container_dependency.check,
    log_configuration.check,
    port_mapping.check,
    volume.check,
)
"""What is checked of a definition as a whole, its containers complete."""


def register(turn: Turn, request: shapes.RegisterTaskDefinitionRequest) -> None:
    """Register the next revision of a family; its errors are ClientExceptions (spec §1.5)."""
    try:
        definition = _complete(request)
        tags = checked_tags(request.tags)
    except InvalidParameterException as error:
        raise ClientException(error.message) from error
    if request.tags is not None and not request.tags:
        raise ClientException("Tags can not be empty.")
    family = turn.state.families.get(request.family or "")
    revision = family.last + 1 if family is not None else 1
    turn.emit(
        TaskDefinitionRegistered(
            family=request.family or "",
            revision=revision,
            definition=msgspec.structs.replace(
                definition,
                task_definition_arn=turn.namespace.task_definition_arn(f"{request.family}:{revision}"),
                revision=revision,
                status="ACTIVE",
                registered_at=turn.now,
                registered_by=turn.actor,
            ),
            tags=tags,
        )
    )


def deregister(turn: Turn, request: shapes.DeregisterTaskDefinitionRequest) -> None:
    """Make a revision INACTIVE; one that is so already is left as it is."""
    family, revision = named_revision(turn, request.task_definition or "")
    known = turn.state.families.get(family)
    found = known.revisions.get(revision) if known is not None else None
    if found is None:
        raise ClientException("Unable to describe task definition.")
    if found.status == "ACTIVE":
        turn.emit(TaskDefinitionDeregistered(family=family, revision=revision))


def delete(turn: Turn, request: shapes.DeleteTaskDefinitionsRequest) -> list[shapes.Failure]:
    """Ask for the deletion of INACTIVE revisions; ACTIVE ones, and what there is not, become failures."""
    references = request.task_definitions or []
    if not references:
        raise InvalidParameterException("size of TaskDefinition references list must be greater than 0")
    if len(references) > DELETIONS_MAX:
        raise InvalidParameterException(f"Size of TaskDefinition references list cannot exceed {DELETIONS_MAX}")
    failures = []
    for family, revision in dict.fromkeys(named_revision(turn, each) for each in references):
        reason = _why_not_deleted(turn, family, revision)
        if reason:
            arn = turn.namespace.task_definition_arn(f"{family}:{revision}")
            failures.append(shapes.Failure(arn=arn, reason=reason))
    return failures


def purge(turn: Turn) -> None:
    """Delete what was asked to be deleted and no task or service has any more (spec §5.1)."""
    used = set(_used(turn.state, turn.now - STOPPED_KEPT_SECONDS)) if turn.state.deleting else set()
    for name in [each for each in turn.state.deleting if each not in used]:
        family, _, revision = name.rpartition(":")
        turn.emit(TaskDefinitionDeleted(family=family, revision=int(revision)))


def named_revision(turn: Turn, reference: str) -> tuple[str, int]:
    """Take family and revision out of a reference that must have both."""
    family, _, number = turn.local("task-definition", reference).partition(":")
    if not number:
        raise ClientException("Revision is missing.")
    return family, revision_number(number)


def usable(turn: Turn, reference: str | None, error: type[Refusal]) -> DefinitionState:
    """Find a definition new tasks may be started from; `error` is what this operation says of an inactive one."""
    found = turn.definition(reference)
    if found.status != "ACTIVE":
        raise error("TaskDefinition is inactive")
    return found


def _used(state: NamespaceState, since: float) -> Iterator[str]:
    """Name what services and tasks have; tasks that STOPPED before may still be there, where none stopped later."""
    for cluster in state.clusters.values():
        tasks = cluster.tasks.values()
        yield from (each.definition for each in tasks if each.last_status != "STOPPED" or each.stopped_at >= since)
        for service in cluster.services.values():
            if service.status != "INACTIVE":
                yield from service.definitions()


def _why_not_deleted(turn: Turn, family: str, revision: int) -> str:
    known = turn.state.families.get(family)
    found = known.revisions.get(revision) if known is not None else None
    if found is None:
        return "The specified task definition does not exist. Specify a valid account, family, revision and try again."
    if found.status == "ACTIVE":
        return "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
    if found.status == "INACTIVE":
        turn.emit(TaskDefinitionDeletionRequested(family=family, revision=revision))
    return ""


def _complete(request: shapes.RegisterTaskDefinitionRequest) -> shapes.TaskDefinition:
    _check_family(request.family)
    _check_task_level(request)
    _check_members(request)
    containers = _containers(request)
    definition = shapes.TaskDefinition(
        family=request.family,
        container_definitions=containers,
        task_role_arn=request.task_role_arn,
        execution_role_arn=request.execution_role_arn,
        network_mode=request.network_mode,
        volumes=request.volumes or [],
        placement_constraints=request.placement_constraints or [],
        requires_compatibilities=request.requires_compatibilities,
        cpu=cpu_units(request.cpu),
        memory=memory_mib(request.memory),
        pid_mode=request.pid_mode,
        ipc_mode=request.ipc_mode,
        proxy_configuration=request.proxy_configuration,
        inference_accelerators=request.inference_accelerators,
        ephemeral_storage=request.ephemeral_storage,
        runtime_platform=request.runtime_platform,
        enable_fault_injection=request.enable_fault_injection,
        trusted_execution_configuration=request.trusted_execution_configuration,
    )
    for check in CHECKS:
        check(definition)
    _check_proxy(definition)
    possible = compatibilities(definition)
    for objection in _objections(definition, possible):
        raise ClientException(objection)
    return msgspec.structs.replace(
        definition,
        requires_attributes=required_attributes(definition) or None,
        compatibilities=possible,
    )


def _check_family(family: str | None) -> None:
    if not family:
        raise ClientException("Family can not be blank.")
    if not valid_name(family):
        raise ClientException("Family contains invalid characters.")


def _check_task_level(request: shapes.RegisterTaskDefinitionRequest) -> None:
    size = len(msgspec.json.encode(request))
    if size > SIZE_BYTES_MAX:
        raise ClientException(f"Actual length: '{size}'. Max allowed length is '{SIZE_BYTES_MAX}' bytes.")
    for member, value, allowed in (
        ("networkMode", request.network_mode, NETWORK_MODES),
        ("pidMode", request.pid_mode, PID_MODES),
        ("ipcMode", request.ipc_mode, IPC_MODES),
    ):
        if value is not None and value not in allowed:
            raise ClientException(f"{member} should be one of [{','.join(allowed)}]")
    if not set(request.requires_compatibilities or []) <= set(LAUNCH_TYPES):
        raise ClientException(f"requiresCompatibilities should be one of [{','.join(LAUNCH_TYPES)}]")
    _check_constraints(request.placement_constraints or [])


def _check_members(request: shapes.RegisterTaskDefinitionRequest) -> None:
    for role in (request.task_role_arn, request.execution_role_arn):
        if role and not is_named(role):
            raise ClientException("Role is not valid")
    storage = request.ephemeral_storage.size_in_gi_b if request.ephemeral_storage is not None else None
    if storage is not None and not fargate.STORAGE_GIB_MIN <= storage <= fargate.STORAGE_GIB_MAX:
        raise ClientException(
            f"the 'sizeInGiB' setting for ephemeralStorage must be between {fargate.STORAGE_GIB_MIN} "
            f"and {fargate.STORAGE_GIB_MAX}"
        )


def _check_constraints(constraints: list[shapes.TaskDefinitionPlacementConstraint]) -> None:
    if len(constraints) > CONSTRAINTS_MAX:
        raise ClientException(f"Maximum number of placement constraints is {CONSTRAINTS_MAX}")
    for constraint in constraints:
        expression = constraint.expression or ""
        if constraint.type != "memberOf":
            raise ClientException(f"constraint.type '{constraint.type}' is not supported.")
        if not expression.strip():
            raise ClientException(f"constraint.expression '{expression}' can not be blank.")
        wrong = placement_options.objection(expression)
        if wrong:
            raise ClientException(f"constraint.expression '{placement_options.shown(expression)}' is invalid: {wrong}")


def _check_proxy(definition: shapes.TaskDefinition) -> None:
    proxy = definition.proxy_configuration
    if proxy is None:
        return
    if proxy.type not in {None, "APPMESH"}:
        raise ClientException("proxyConfiguration type should be one of [APPMESH]")
    if definition.network_mode != "awsvpc":
        raise ClientException("APPMESH proxy configuration is only supported in networkMode=awsvpc")
    if proxy.container_name not in {each.name for each in definition.container_definitions or []}:
        raise ClientException(f"Proxy container [{proxy.container_name}] does not exist")


def _objections(definition: shapes.TaskDefinition, possible: list[str]) -> Iterator[str]:
    """Say what keeps a definition from running where it says it can."""
    required = definition.requires_compatibilities or []
    if "FARGATE" in required:
        yield from fargate.size_objections(definition)
        yield from fargate.objections(definition)
    for each in required:
        if each not in possible:
            yield f"Task definition does not support launch_type {each}."
    if definition.trusted_execution_configuration is not None and "MANAGED_INSTANCES" not in required:
        yield "trustedExecutionConfiguration is only supported for MANAGED_INSTANCES."


def _containers(request: shapes.RegisterTaskDefinitionRequest) -> list[shapes.ContainerDefinition]:
    given = request.container_definitions or []
    if not given:
        raise ClientException("Container list cannot be empty.")
    if len(given) > CONTAINERS_MAX:
        raise ClientException("Too many containers.")
    names = [each.name for each in given]
    completed = [container_definition.complete(each, request.network_mode) for each in given]
    if len(set(names)) < len(names):
        raise ClientException(
            "Container names must be unique within a task definition. "
            f"Used more than once: {', '.join(sorted({name or '' for name in names if names.count(name) > 1}))}."
        )
    if not any(each.essential for each in completed):
        raise ClientException("Task definition doesn't have any essential container.")
    return completed
