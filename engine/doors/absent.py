"""Absent: what ECS has and there is none of here: managed daemons and gateways (spec §11.4, §11.6).

Whoever asks for a list gets an empty one; to make one is refused, as every operation that is in no table.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from quarterdeck.engine.doors.operation import Context, Operation, Read
from quarterdeck.engine.doors.paging import page
from quarterdeck.engine.doors.references import cluster_name
from quarterdeck.events import shapes


def _empty(answer: Callable[[], msgspec.Struct]) -> Read:
    """Answer a list of nothing, after the checks every list has."""

    async def read(context: Context, request: Any) -> msgspec.Struct:  # noqa: ANN401 - any list's request
        page(request)
        named = getattr(request, "cluster", None) or getattr(request, "cluster_arn", None)
        if named:
            await cluster_name(context, named)
        return answer()

    return Read(read=read)


OPERATIONS: dict[str, Operation] = {
    "ListDaemons": _empty(lambda: shapes.ListDaemonsResponse(daemon_summaries_list=[])),
    "ListDaemonDeployments": _empty(lambda: shapes.ListDaemonDeploymentsResponse(daemon_deployments=[])),
    "ListDaemonTaskDefinitions": _empty(lambda: shapes.ListDaemonTaskDefinitionsResponse(daemon_task_definitions=[])),
    "ListGateways": _empty(lambda: shapes.ListGatewaysResponse(gateways=[])),
    "ListGatewayClusterAssociations": _empty(
        lambda: shapes.ListGatewayClusterAssociationsResponse(gateway_cluster_associations=[])
    ),
    "ListGatewayRoutes": _empty(lambda: shapes.ListGatewayRoutesResponse(gateway_routes=[])),
}
