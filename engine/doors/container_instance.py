"""Container instance: its operations at the doors."""

from quarterdeck.engine.core import container_agent
from quarterdeck.engine.core import container_instance as core
from quarterdeck.engine.core.errors import ClientException, InvalidParameterException
from quarterdeck.engine.core.placement_options import objection, shown
from quarterdeck.engine.core.query_match import Matcher, matcher
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import cluster_name, included, limited, missing, name_in, names_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import ContainerInstanceEvent
from quarterdeck.events.names import DEFAULT_CLUSTER, short_name

INCLUDES = ("TAGS", "CONTAINER_INSTANCE_HEALTH")
STATUSES = ("ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED")


async def _registered(
    context: Context, request: shapes.RegisterContainerInstanceRequest, outcome: Outcome
) -> shapes.RegisterContainerInstanceResponse:
    name = next(each.container_instance for each in outcome.events if isinstance(each, ContainerInstanceEvent))
    inside = name_in(context, "cluster", request.cluster or DEFAULT_CLUSTER)
    found = (await context.models.container_instances.describe(context.namespace, inside, [name], ["TAGS"])).get(name)
    if found is None:  # a registration repeated after its cluster was made anew
        raise ClientException(f"Container instance {name} is inactive.")
    return shapes.RegisterContainerInstanceResponse(container_instance=found)


async def _deregistered(
    context: Context, request: shapes.DeregisterContainerInstanceRequest, _: Outcome
) -> shapes.DeregisterContainerInstanceResponse:
    found = await _one(context, request.cluster, short_name(request.container_instance or ""))
    return shapes.DeregisterContainerInstanceResponse(container_instance=found)


async def _one(context: Context, cluster: str | None, name: str) -> shapes.ContainerInstance:
    inside = name_in(context, "cluster", cluster or DEFAULT_CLUSTER)
    return (await context.models.container_instances.describe(context.namespace, inside, [name], ["TAGS"]))[name]


async def _state_updated(
    context: Context, request: shapes.UpdateContainerInstancesStateRequest, outcome: Outcome
) -> shapes.UpdateContainerInstancesStateResponse:
    cluster = name_in(context, "cluster", request.cluster or DEFAULT_CLUSTER)
    failures = outcome.result or []
    failed = {short_name(each.arn or "") for each in failures}
    names = names_in(context, "container-instance", request.container_instances or [], cluster)
    wanted = [name for name in names if name not in failed]
    found = await context.models.container_instances.describe(context.namespace, cluster, wanted)
    return shapes.UpdateContainerInstancesStateResponse(
        container_instances=[found[name] for name in wanted if name in found], failures=failures
    )


async def _describe(
    context: Context, request: shapes.DescribeContainerInstancesRequest
) -> shapes.DescribeContainerInstancesResponse:
    cluster = await cluster_name(context, request.cluster)
    if not request.container_instances:
        raise ClientException("Container Instances cannot be empty.")
    asked = limited(request.container_instances, "Container Instances cannot be empty.")
    names = names_in(context, "container-instance", asked, cluster)
    include = included(request.include, INCLUDES)
    found = await context.models.container_instances.describe(context.namespace, cluster, names, include)
    arn = context.namespace.container_instance_arn
    return shapes.DescribeContainerInstancesResponse(
        container_instances=[found[name] for name in names if name in found],
        failures=missing(arn(cluster, name) for name in names if name not in found),
    )


async def _list(
    context: Context, request: shapes.ListContainerInstancesRequest
) -> shapes.ListContainerInstancesResponse:
    cluster = await cluster_name(context, request.cluster)
    if request.status is not None and request.status not in STATUSES:
        raise InvalidParameterException(f"status should be one of [{','.join(STATUSES)}]")
    listed = await context.models.container_instances.list(
        context.namespace, cluster, page(request), status=request.status, test=_test(request.filter)
    )
    return shapes.ListContainerInstancesResponse(
        container_instance_arns=listed.items, next_token=next_token(request, listed)
    )


def _test(expression: str | None) -> Matcher | None:
    if not expression:
        return None
    wrong = objection(expression)
    if wrong:
        raise InvalidParameterException(f"Invalid filter '{shown(expression)}': {wrong}")
    return matcher(expression)


async def _agent_updated(
    context: Context, request: shapes.UpdateContainerAgentRequest, _: Outcome
) -> shapes.UpdateContainerAgentResponse:
    found = await _one(context, request.cluster, short_name(request.container_instance or ""))
    return shapes.UpdateContainerAgentResponse(container_instance=found)


async def _poll_endpoint(
    context: Context, request: shapes.DiscoverPollEndpointRequest
) -> shapes.DiscoverPollEndpointResponse:
    if request.cluster:
        name_in(context, "cluster", request.cluster)
    return shapes.DiscoverPollEndpointResponse(
        endpoint=context.endpoint, telemetry_endpoint=context.endpoint, service_connect_endpoint=context.endpoint
    )


OPERATIONS: dict[str, Operation] = {
    "RegisterContainerInstance": Write(decide=core.register, answer=_registered),
    "DeregisterContainerInstance": Write(decide=core.deregister, answer=_deregistered),
    "UpdateContainerInstancesState": Write(decide=core.update_state, answer=_state_updated),
    "UpdateContainerAgent": Write(decide=container_agent.update, answer=_agent_updated),
    "DiscoverPollEndpoint": Read(read=_poll_endpoint),
    "DescribeContainerInstances": Read(read=_describe),
    "ListContainerInstances": Read(read=_list),
}
