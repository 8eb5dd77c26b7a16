"""Service: its operations at the doors."""

import msgspec

from quarterdeck.engine.core import service as core
from quarterdeck.engine.core.errors import InvalidParameterException, NamespaceNotFoundException
from quarterdeck.engine.core.task import check_launch_type
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import cluster_name, included, limited, missing, name_in, names_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.names import DEFAULT_CLUSTER
from quarterdeck.events.service import DeploymentStarted, ServiceCreated, ServiceDeleted
from quarterdeck.projections.models.service_document import created_service, rolled_out

SERVICES_DESCRIBED_MAX = 10
SERVICES_LISTED_DEFAULT = 10
MANAGERS = ("CUSTOMER", "ECS")
STRATEGIES = ("REPLICA", "DAEMON")


async def _created(
    context: Context, request: shapes.CreateServiceRequest, outcome: Outcome
) -> shapes.CreateServiceResponse:
    """Answer with a service that has no tasks yet, as ECS does, though the scheduler may have gone on by now."""
    found = await _one(context, request.cluster, request.service_name)
    created = next((each for each in outcome.events if isinstance(each, ServiceCreated)), None)
    if created is None:
        return shapes.CreateServiceResponse(service=found)
    started = next((each for each in outcome.events if isinstance(each, DeploymentStarted)), None)
    fresh = created_service(context.namespace, outcome.at, created, started)
    revisions = [
        msgspec.structs.replace(
            each, requested_task_count=fresh.desired_count, running_task_count=0, pending_task_count=0
        )
        for each in found.current_service_revisions or []
    ]
    service = msgspec.structs.replace(
        found,
        desired_count=fresh.desired_count,
        running_count=0,
        pending_count=0,
        deployments=fresh.deployments,
        current_service_revisions=revisions,
        events=[],
    )
    return shapes.CreateServiceResponse(service=service)


async def _updated(
    context: Context, request: shapes.UpdateServiceRequest, outcome: Outcome
) -> shapes.UpdateServiceResponse:
    """Answer with the deployments that are replaced, though they may be gone by now: waiters count on it (spec §13)."""
    found = await _one(context, request.cluster, request.service)
    there = {each.id for each in found.deployments or []}
    gone = [_gone(context, found, each) for each in outcome.result or [] if each.id not in there]
    deployments = [*(found.deployments or []), *gone]
    return shapes.UpdateServiceResponse(service=msgspec.structs.replace(found, deployments=deployments))


def _gone(context: Context, service: shapes.Service, replaced: core.Replaced) -> shapes.Deployment:
    """Describe a deployment as it was when it was replaced."""
    deployment = shapes.Deployment(
        id=replaced.id,
        status="ACTIVE",
        task_definition=context.namespace.task_definition_arn(replaced.definition),
        desired_count=replaced.wanted,
        pending_count=replaced.wanted - replaced.running,
        running_count=replaced.running,
        failed_tasks=0,
        created_at=replaced.created_at,
        updated_at=context.now,
        launch_type=service.launch_type,
    )
    return rolled_out(deployment, completed=replaced.completed)


async def _deleted(
    context: Context, request: shapes.DeleteServiceRequest, outcome: Outcome
) -> shapes.DeleteServiceResponse:
    """Answer that it is DRAINING, as ECS does, though one without tasks may be INACTIVE by now."""
    found = await _one(context, request.cluster, request.service)
    if any(isinstance(each, ServiceDeleted) for each in outcome.events):
        found = msgspec.structs.replace(found, status="DRAINING")
    return shapes.DeleteServiceResponse(service=found)


async def _one(context: Context, cluster: str | None, reference: str | None) -> shapes.Service:
    inside = name_in(context, "cluster", cluster or DEFAULT_CLUSTER)
    name = name_in(context, "service", reference or "", inside)
    return (await context.models.services.describe(context.namespace, inside, [name], ["TAGS"]))[name]


async def _describe(context: Context, request: shapes.DescribeServicesRequest) -> shapes.DescribeServicesResponse:
    cluster = await cluster_name(context, request.cluster)
    asked = limited(request.services, "Services cannot be empty.", SERVICES_DESCRIBED_MAX)
    names = names_in(context, "service", asked, cluster)
    include = included(request.include, ("TAGS",))
    found = await context.models.services.describe(context.namespace, cluster, names, include)
    return shapes.DescribeServicesResponse(
        services=[found[name] for name in names if name in found],
        failures=missing(context.namespace.service_arn(cluster, name) for name in names if name not in found),
    )


async def _list(context: Context, request: shapes.ListServicesRequest) -> shapes.ListServicesResponse:
    cluster = await cluster_name(context, request.cluster)
    check_launch_type(request.launch_type)
    if request.scheduling_strategy is not None and request.scheduling_strategy not in STRATEGIES:
        raise InvalidParameterException("Scheduling strategy should be one of [REPLICA,DAEMON]")
    if request.resource_management_type not in {None, *MANAGERS}:
        raise InvalidParameterException(f"resourceManagementType should be one of [{','.join(MANAGERS)}]")
    if request.resource_management_type == "ECS":
        return shapes.ListServicesResponse(service_arns=[])
    listed = await context.models.services.list(
        context.namespace,
        cluster,
        page(request, SERVICES_LISTED_DEFAULT),
        launch_type=request.launch_type,
        scheduling_strategy=request.scheduling_strategy,
    )
    return shapes.ListServicesResponse(service_arns=listed.items, next_token=next_token(request, listed))


async def _by_namespace(
    context: Context, request: shapes.ListServicesByNamespaceRequest
) -> shapes.ListServicesByNamespaceResponse:
    """List the services in a Cloud Map namespace: none are, and it is only known as a default of a cluster."""
    if not request.namespace:
        raise InvalidParameterException("namespace can not be blank.")
    page(request, SERVICES_LISTED_DEFAULT)
    held = context.view.namespaces.get(str(context.namespace))
    defaults = [each.service_connect_defaults for each in held.clusters.values()] if held is not None else []
    if request.namespace not in {each.namespace for each in defaults if each is not None}:
        raise NamespaceNotFoundException("The specified namespace was not found.")
    return shapes.ListServicesByNamespaceResponse(service_arns=[])


OPERATIONS: dict[str, Operation] = {
    "CreateService": Write(decide=core.create, answer=_created),
    "UpdateService": Write(decide=core.update, answer=_updated),
    "DeleteService": Write(decide=core.delete, answer=_deleted),
    "DescribeServices": Read(read=_describe),
    "ListServices": Read(read=_list),
    "ListServicesByNamespace": Read(read=_by_namespace),
}
