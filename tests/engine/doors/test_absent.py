"""What there is none of: lists of nothing, refusals in ECS's words, and where agents poll."""

from __future__ import annotations

import pytest

from tests.engine.doors.asking import ARN, asking

LISTS = {
    "ListDaemons": "daemonSummariesList",
    "ListDaemonDeployments": "daemonDeployments",
    "ListDaemonTaskDefinitions": "daemonTaskDefinitions",
    "ListGateways": "gateways",
    "ListGatewayClusterAssociations": "gatewayClusterAssociations",
    "ListGatewayRoutes": "gatewayRoutes",
}
NAMED = {"ListDaemonDeployments": {"daemonArn": ARN + "daemon/default/log"}}


@pytest.mark.parametrize("operation", LISTS)
async def test_there_are_no_daemons_and_no_gateways(operation: str) -> None:
    async with asking() as asker:
        assert await asker.ask(operation, **NAMED.get(operation, {})) == {LISTS[operation]: []}
        refused = await asker.refusal(operation, **NAMED.get(operation, {}), maxResults=101)
        assert refused[0] == "InvalidParameterException"


async def test_a_list_of_a_cluster_that_is_not_there_is_refused() -> None:
    async with asking() as asker:
        expected = ("ClusterNotFoundException", "Cluster not found.")
        assert await asker.refusal("ListDaemons", clusterArn=ARN + "cluster/never") == expected
        assert await asker.refusal("ListGatewayRoutes", cluster="never") == expected


async def test_an_agent_has_nothing_to_update_to() -> None:
    async with asking() as asker:
        (one,) = await asker.furnish()
        refused = await asker.refusal("UpdateContainerAgent", containerInstance=one)
        assert refused == ("NoUpdateAvailableException", "There is no update available for your container agent.")
        refused = await asker.refusal("UpdateContainerAgent", containerInstance="never")
        assert refused == ("InvalidParameterException", "The referenced container instance was not found.")
        refused = await asker.refusal("UpdateContainerAgent", containerInstance=one, cluster="never")
        assert refused == ("ClusterNotFoundException", "Cluster not found.")


async def test_agents_are_told_where_to_poll() -> None:
    async with asking() as asker:
        here = "http://127.0.0.1:4280"
        expected = {"endpoint": here, "telemetryEndpoint": here, "serviceConnectEndpoint": here}
        assert await asker.ask("DiscoverPollEndpoint") == expected
        assert await asker.ask("DiscoverPollEndpoint", cluster="never", containerInstance="x") == expected


async def test_no_command_is_executed() -> None:
    async with asking() as asker:
        await asker.furnish()
        container = {"image": "busybox", "memory": 64}
        await asker.define("two", containerDefinitions=[{**container, "name": "a"}, {**container, "name": "b"}])
        one, other = [
            (await asker.ask("RunTask", taskDefinition=name))["tasks"][0]["taskArn"] for name in ("app", "two")
        ]
        command = {"command": "sh", "interactive": True}
        code, message = await asker.refusal("ExecuteCommand", task=one, **command)
        assert code == "InvalidParameterException"
        assert message.startswith(
            "The execute command failed because execute command was not enabled when the task was"
        )
        code, message = await asker.refusal("ExecuteCommand", task=other, container="b", **command)
        assert "agent isn’t running" in message  # noqa: RUF001 - ECS's apostrophe
        texts = [
            ({"task": one, "command": "sh", "interactive": False}, "Interactive is the only mode supported currently."),
            (
                {"task": other, **command},
                "The task has several containers: a, b. Specify in which one to run the command.",
            ),
            ({"task": other, "container": "c", **command}, "The container c was not found in the task."),
            ({"task": "never", **command}, "The referenced task was not found."),
            ({"task": one, "command": "", "interactive": True}, "Command can not be blank."),
        ]
        for members, text in texts:
            assert await asker.refusal("ExecuteCommand", **members) == ("InvalidParameterException", text)
        refused = await asker.refusal("ExecuteCommand", task=one, cluster="never", **command)
        assert refused == ("ClusterNotFoundException", "Cluster not found.")


@pytest.mark.parametrize("operation", ["CreateDaemon", "CreateGateway", "CreateExpressGatewayService"])
async def test_to_make_one_is_refused(operation: str) -> None:
    async with asking() as asker:
        assert (await asker.refusal(operation))[0] in {"UnsupportedFeatureException", "InvalidParameterException"}
