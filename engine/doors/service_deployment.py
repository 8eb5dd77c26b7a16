"""Service deployment: its operations at the doors, and those of service revisions."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import TypeVar

from quarterdeck.engine.core import service_deployment as core
from quarterdeck.engine.core.errors import InvalidParameterException, ServiceNotFoundException
from quarterdeck.engine.doors.operation import Context, Operation, Read, Write
from quarterdeck.engine.doors.paging import next_token, page
from quarterdeck.engine.doors.references import cluster_name, limited, missing, name_in
from quarterdeck.engine.shell.command import Outcome
from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace, parse_arn
from quarterdeck.projections.models.service_deployment_query import Place

DESCRIBED_MAX = 20
LISTED_DEFAULT = 20
STATUSES = (
    *("PENDING", "SUCCESSFUL", "STOPPED", "STOP_REQUESTED", "IN_PROGRESS"),
    *("ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"),
)

Described = TypeVar("Described")


async def _describe(
    context: Context, request: shapes.DescribeServiceDeploymentsRequest
) -> shapes.DescribeServiceDeploymentsResponse:
    asked = limited(request.service_deployment_arns, "serviceDeploymentArns cannot be empty.", DESCRIBED_MAX)
    read = context.models.service_deployments.describe
    found, failures = await _found(context, "service-deployment", asked, read)
    return shapes.DescribeServiceDeploymentsResponse(service_deployments=found, failures=failures)


async def _revisions(
    context: Context, request: shapes.DescribeServiceRevisionsRequest
) -> shapes.DescribeServiceRevisionsResponse:
    asked = limited(request.service_revision_arns, "serviceRevisionArns cannot be empty.", DESCRIBED_MAX)
    read = context.models.service_deployments.revisions
    found, failures = await _found(context, "service-revision", asked, read)
    return shapes.DescribeServiceRevisionsResponse(service_revisions=found, failures=failures)


async def _list(
    context: Context, request: shapes.ListServiceDeploymentsRequest
) -> shapes.ListServiceDeploymentsResponse:
    cluster = await cluster_name(context, request.cluster)
    service = name_in(context, "service", request.service or "", cluster)
    if service not in await context.models.services.describe(context.namespace, cluster, [service]):
        raise ServiceNotFoundException("Service not found.")
    for each in request.status or []:
        if each not in STATUSES:
            raise InvalidParameterException(f"status should be one of [{','.join(STATUSES)}]")
    briefs = await context.models.service_deployments.list(
        context.namespace,
        cluster,
        service,
        page(request, LISTED_DEFAULT),
        status=request.status or (),
        created=request.created_at,
    )
    return shapes.ListServiceDeploymentsResponse(
        service_deployments=briefs.items, next_token=next_token(request, briefs.listed)
    )


async def _stopped(
    _context: Context, request: shapes.StopServiceDeploymentRequest, _: Outcome
) -> shapes.StopServiceDeploymentResponse:
    return shapes.StopServiceDeploymentResponse(service_deployment_arn=request.service_deployment_arn)


async def _went_on(
    _context: Context, request: shapes.ContinueServiceDeploymentRequest, _: Outcome
) -> shapes.ContinueServiceDeploymentResponse:
    return shapes.ContinueServiceDeploymentResponse(service_deployment_arn=request.service_deployment_arn)


async def _found(
    context: Context,
    kind: str,
    arns: Iterable[str],
    read: Callable[[Namespace, Collection[Place]], Awaitable[Mapping[Place, Described]]],
) -> tuple[list[Described], list[shapes.Failure]]:
    """Describe what ARNs name, in their order, and fail what is not there."""
    places = _places(context, kind, arns)
    found = await read(context.namespace, places.values())
    described = [found[place] for place in places.values() if place in found]
    return described, missing(arn for arn, place in places.items() if place not in found)


def _places(context: Context, kind: str, arns: Iterable[str]) -> dict[str, Place]:
    """Take ARNs of this namespace apart, each once."""
    places = {}
    for text in arns:
        name_in(context, kind, text if text.startswith("arn:") else f"arn:{text}")
        arn = parse_arn(text)
        if arn is None or len(arn.path) != core.ARN_PARTS:
            raise InvalidParameterException(f"Invalid identifier: {text} is not the ARN of a {kind}.")
        cluster, service, identity = arn.path
        places[text] = (cluster, service, identity)
    return places


OPERATIONS: dict[str, Operation] = {
    "DescribeServiceDeployments": Read(read=_describe),
    "DescribeServiceRevisions": Read(read=_revisions),
    "ListServiceDeployments": Read(read=_list),
    "StopServiceDeployment": Write(decide=core.stop, answer=_stopped, at_once=True),
    "ContinueServiceDeployment": Write(decide=core.go_on, answer=_went_on, at_once=True),
}
