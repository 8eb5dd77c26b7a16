"""Clusters at the door: what is answered, what is included, what capacity they have."""

from __future__ import annotations

from tests.engine.doors.asking import ARN, Asker, asking

PROVIDER = {"autoScalingGroupArn": "group-1", "managedScaling": {"targetCapacity": 80}}
CONFIGURATION = {"executeCommandConfiguration": {"logging": "NONE"}}
WHOLE = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]


async def described(asker: Asker, name: str, *include: str) -> dict[str, object]:
    (found,) = (await asker.ask("DescribeClusters", clusters=[name], include=list(include)))["clusters"]
    return dict(found)


async def test_an_update_is_answered_whole_and_stays() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster", clusterName="prod", serviceConnectDefaults={"namespace": "mesh"})
        answer = await asker.ask("UpdateCluster", cluster="prod", configuration=CONFIGURATION)
        assert answer["cluster"]["configuration"] == CONFIGURATION
        assert answer["cluster"]["serviceConnectDefaults"] == {"namespace": "mesh"}
        assert answer["cluster"] == await described(asker, "prod", *WHOLE)
        answer = await asker.ask("UpdateCluster", cluster="prod", serviceConnectDefaults={"namespace": ""})
        assert "serviceConnectDefaults" not in answer["cluster"]
        settings = [{"name": "containerInsights", "value": "enabled"}]
        answer = await asker.ask("UpdateClusterSettings", cluster=ARN + "cluster/prod", settings=settings)
        assert answer["cluster"]["settings"] == settings
        assert answer["cluster"]["configuration"] == CONFIGURATION


async def test_what_is_not_asked_for_is_not_included() -> None:
    async with asking() as asker:
        tags = [{"key": "team", "value": "blue"}]
        await asker.ask("CreateCluster", clusterName="prod", tags=tags, configuration=CONFIGURATION)
        plain = await described(asker, "prod")
        assert (plain["settings"], plain["statistics"], plain["tags"]) == ([], [], [])
        assert not {"configuration", "attachments"} & plain.keys()
        for field, member in (("TAGS", "tags"), ("CONFIGURATIONS", "configuration"), ("ATTACHMENTS", "attachments")):
            one = await described(asker, "prod", field)
            assert {key for key in one if one[key] != plain.get(key)} <= {member}
            assert member in one
        statistics = (await described(asker, "prod", "STATISTICS"))["statistics"]
        assert {"name": "runningEC2TasksCount", "value": "0"} in statistics  # type: ignore[operator]
        refused = await asker.refusal("DescribeClusters", include=["COLOURS"])
        assert refused[0] == "InvalidParameterException"


async def test_a_cluster_has_the_capacity_providers_it_was_given() -> None:
    async with asking() as asker:
        await asker.ask("CreateCapacityProvider", name="spot", autoScalingGroupProvider=PROVIDER)
        strategy = [{"capacityProvider": "spot", "weight": 1, "base": 0}]
        await asker.ask("CreateCluster", clusterName="prod", capacityProviders=["FARGATE"])
        answer = await asker.ask(
            "PutClusterCapacityProviders",
            cluster="prod",
            capacityProviders=["FARGATE", "spot"],
            defaultCapacityProviderStrategy=[{"capacityProvider": "spot", "weight": 1}],
        )
        assert answer["cluster"]["capacityProviders"] == ["FARGATE", "spot"]
        assert (await described(asker, "prod"))["defaultCapacityProviderStrategy"] == strategy
        told = await asker.ask("DescribeCapacityProviders", cluster="prod")
        assert [each["name"] for each in told["capacityProviders"]] == ["FARGATE", "spot"]


async def test_creating_again_what_is_there_answers_it_and_what_differs_is_refused() -> None:
    async with asking() as asker:
        first = await asker.ask("CreateCluster", clusterName="prod", configuration=CONFIGURATION)
        assert await asker.ask("CreateCluster", clusterName="prod") == first
        refused = await asker.refusal("CreateCluster", clusterName="prod", tags=[{"key": "a", "value": "b"}])
        assert refused == (
            "InvalidParameterException",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        )


async def test_clusters_are_listed_in_pages() -> None:
    async with asking() as asker:
        for name in ("a", "b", "c"):
            await asker.ask("CreateCluster", clusterName=name)
        first = await asker.ask("ListClusters", maxResults=2)
        second = await asker.ask("ListClusters", maxResults=2, nextToken=first["nextToken"])
        assert first["clusterArns"] + second["clusterArns"] == [f"{ARN}cluster/{name}" for name in "abc"]
        assert "nextToken" not in second
        assert (await asker.refusal("ListClusters", nextToken="x"))[1] == "Invalid token."
        for wrong in (0, -1, 101):
            refused = await asker.refusal("ListClusters", maxResults=wrong)
            assert refused == ("InvalidParameterException", f"maxResults must be from 1 to 100, not {wrong}.")
