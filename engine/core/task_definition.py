"""Task definition: deciding on registration and deregistration (spec §5)."""

import re

import msgspec

from quarterdeck.engine.core import container_definition
from quarterdeck.engine.core.container_options import check_options
from quarterdeck.engine.core.errors import ClientException, InvalidParameterException, Refusal
from quarterdeck.engine.core.required_attributes import compatibilities, required_attributes
from quarterdeck.engine.core.tags import checked_tags
from quarterdeck.engine.core.turn import Turn, revision_number, valid_name
from quarterdeck.events import shapes
from quarterdeck.events.task_definition import TaskDefinitionDeregistered, TaskDefinitionRegistered
from quarterdeck.projections.live.states import DefinitionState

SIZE_BYTES_MAX = 65_536
CONTAINERS_MAX = 10
SIZE_CHARACTERS_MAX = 32
CPU_UNITS_MIN, CPU_UNITS_MAX = 128, 196_608
NETWORK_MODES = ("bridge", "host", "awsvpc", "none")
_CPU = re.compile(r"(?P<units>\d+)|(?P<vcpu>\d*\.?\d+)\s*vcpu", re.IGNORECASE)
_MEMORY = re.compile(r"(?P<mib>\d+)|(?P<gb>\d*\.?\d+)\s*gb", re.IGNORECASE)


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
    reference = request.task_definition or ""
    family, _, number = turn.local("task-definition", reference).partition(":")
    if not number:
        raise ClientException("Revision is missing.")
    revision = revision_number(number)
    known = turn.state.families.get(family)
    found = known.revisions.get(revision) if known is not None else None
    if found is None:
        raise ClientException("Unable to describe task definition.")
    if found.status == "ACTIVE":
        turn.emit(TaskDefinitionDeregistered(family=family, revision=revision))


def usable(turn: Turn, reference: str | None, error: type[Refusal]) -> DefinitionState:
    """Find a definition new tasks may be started from; `error` is what this operation says of an inactive one."""
    found = turn.definition(reference)
    if found.status != "ACTIVE":
        raise error("TaskDefinition is inactive")
    return found


def _complete(request: shapes.RegisterTaskDefinitionRequest) -> shapes.TaskDefinition:
    _check_family(request.family)
    _check_task_level(request)
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
        cpu=_cpu_units(request.cpu),
        memory=_memory_mib(request.memory),
        pid_mode=request.pid_mode,
        ipc_mode=request.ipc_mode,
        proxy_configuration=request.proxy_configuration,
        inference_accelerators=request.inference_accelerators,
        ephemeral_storage=request.ephemeral_storage,
        runtime_platform=request.runtime_platform,
        enable_fault_injection=request.enable_fault_injection,
    )
    container_definition.check_sizes(definition)
    container_definition.check_ports(definition)
    container_definition.check_volumes(definition)
    check_options(definition)
    return msgspec.structs.replace(
        definition,
        requires_attributes=required_attributes(definition) or None,
        compatibilities=compatibilities(definition),
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
    if request.network_mode is not None and request.network_mode not in NETWORK_MODES:
        raise ClientException(f"networkMode should be one of [{','.join(NETWORK_MODES)}]")
    for constraint in request.placement_constraints or []:
        if constraint.type != "memberOf":
            raise ClientException(f"constraint.type '{constraint.type}' is not supported.")
    if request.placement_constraints:
        raise ClientException(
            f"constraint.expression '{request.placement_constraints[0].expression}' can not be evaluated: "
            "placement constraints are not supported by this version."
        )


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


def _cpu_units(text: str | None) -> str | None:
    if not text:
        return None
    match = _CPU.fullmatch(text.strip())
    if match and len(text) <= SIZE_CHARACTERS_MAX:
        units = int(match["units"]) if match["units"] else int(float(match["vcpu"]) * 1024)
        if CPU_UNITS_MIN <= units <= CPU_UNITS_MAX:
            return str(units)
    raise _invalid("cpu")


def _memory_mib(text: str | None) -> str | None:
    if not text:
        return None
    match = _MEMORY.fullmatch(text.strip())
    if match and len(text) <= SIZE_CHARACTERS_MAX:
        mib = int(match["mib"]) if match["mib"] else int(float(match["gb"]) * 1024)
        if mib > 0:
            return str(mib)
    raise _invalid("memory")


def _invalid(member: str) -> ClientException:
    return ClientException(
        f"Invalid '{member}' setting for task. "
        "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
    )
