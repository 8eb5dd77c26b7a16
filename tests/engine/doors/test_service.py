"""Services at the door: what they are asked for is described, and what comes of their deployments (spec §7, §9.7)."""

from __future__ import annotations

from typing import Any

from tests.engine.doors.asking import ARN, NOON, Asker, asking

PORTED = [{"name": "main", "image": "busybox", "memory": 64, "portMappings": [{"containerPort": 80}]}]
BALANCER = {"targetGroupArn": "arn:tg", "containerName": "main", "containerPort": 80}
REGISTRY = {"registryArn": "arn:r", "containerName": "main", "containerPort": 80}
WEB: dict[str, Any] = {"serviceName": "web", "taskDefinition": "app", "desiredCount": 2}
REVISION = ARN + "service-revision/default/web/"


async def serving(asker: Asker, **members: Any) -> dict[str, Any]:
    """Create a service and let it settle."""
    await asker.furnish(containerDefinitions=PORTED)
    await asker.ask("CreateService", **{**WEB, **members})
    return await asker.settle()


def number(service: dict[str, Any], place: int = 0) -> str:
    """The digits of a deployment."""
    return str(service["deployments"][place]["id"]).rpartition("/")[2]


async def test_what_a_service_is_asked_for_is_described() -> None:
    breaker = {"enable": True, "rollback": True}
    async with asking() as asker:
        told = await serving(
            asker,
            loadBalancers=[BALANCER],
            serviceRegistries=[REGISTRY],
            deploymentConfiguration={"deploymentCircuitBreaker": breaker, "maximumPercent": 150},
            deploymentController={"type": "ECS"},
            healthCheckGracePeriodSeconds=30,
            enableECSManagedTags=True,
            propagateTags="SERVICE",
            tags=[{"key": "team", "value": "blue"}],
        )
        expected = {
            "loadBalancers": [BALANCER],
            "serviceRegistries": [REGISTRY],
            "deploymentController": {"type": "ECS"},
            "healthCheckGracePeriodSeconds": 30,
            "availabilityZoneRebalancing": "ENABLED",
            "propagateTags": "SERVICE",
            "tags": [{"key": "team", "value": "blue"}],
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": breaker,
                "maximumPercent": 150,
                "minimumHealthyPercent": 100,
                "strategy": "ROLLING",
                "bakeTimeInMinutes": 0,
            },
        }
        assert {name: told[name] for name in expected} == expected
        (task, _) = (await asker.ask("DescribeTasks", tasks=await asker.tasks(), include=["TAGS"]))["tasks"]
        assert {each["key"]: each["value"] for each in task["tags"]} == {
            "team": "blue",
            "aws:ecs:clusterName": "default",
            "aws:ecs:serviceName": "web",
        }
        after = await asker.ask("UpdateService", service="web", loadBalancers=[], serviceRegistries=[])
        assert (after["service"]["loadBalancers"], after["service"]["serviceRegistries"]) == ([], [])
        assert len(after["service"]["deployments"]) == 2, "waiters count on it"


async def test_a_service_deployment_is_told_from_beginning_to_end() -> None:
    async with asking() as asker:
        told = await serving(asker)
        first = told["currentServiceDeployment"]
        assert first.startswith(ARN + "service-deployment/default/web/")
        assert len(first.rpartition("/")[2]) == 21
        revision = REVISION + number(told)
        assert told["currentServiceRevisions"] == [
            {"arn": revision, "requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
        ]
        answer = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[first, first + "x"])
        assert answer["failures"] == [{"arn": first + "x", "reason": "MISSING"}]
        (described,) = answer["serviceDeployments"]
        summary = {"arn": revision, "requestedTaskCount": 2, "runningTaskCount": 2, "pendingTaskCount": 0}
        assert described == {
            "serviceDeploymentArn": first,
            "serviceArn": ARN + "service/default/web",
            "clusterArn": ARN + "cluster/default",
            "createdAt": NOON,
            "startedAt": NOON,
            "finishedAt": NOON,
            "updatedAt": NOON,
            "sourceServiceRevisions": [],
            "targetServiceRevision": summary,
            "status": "SUCCESSFUL",
            "deploymentConfiguration": told["deploymentConfiguration"],
            "deploymentCircuitBreaker": {"status": "DISABLED", "failureCount": 0, "threshold": 0},
        }
        revisions = await asker.ask("DescribeServiceRevisions", serviceRevisionArns=[revision, REVISION + "1"])
        assert revisions["failures"] == [{"arn": REVISION + "1", "reason": "MISSING"}]
        (kept,) = revisions["serviceRevisions"]
        assert (kept["taskDefinition"], kept["launchType"], kept["containerImages"]) == (
            ARN + "task-definition/app:1",
            "EC2",
            [{"containerName": "main", "image": "busybox"}],
        )


async def test_a_newer_deployment_stops_the_one_before_and_they_are_listed_newest_first() -> None:
    async with asking() as asker:
        told = await serving(asker)
        for later in (1, 2):
            asker.clock.time = NOON + later
            await asker.ask("UpdateService", service="web", forceNewDeployment=True)
        listed = (await asker.ask("ListServiceDeployments", service="web"))["serviceDeployments"]
        assert [(each["status"], each["createdAt"]) for each in listed] == [
            ("IN_PROGRESS", NOON + 2),
            ("STOPPED", NOON + 1),
            ("SUCCESSFUL", NOON),
        ]
        assert listed[0]["serviceDeploymentArn"] == (await asker.service())["currentServiceDeployment"]
        arns = [each["serviceDeploymentArn"] for each in listed]
        (newest,) = (await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=arns[:1]))[
            "serviceDeployments"
        ]
        sources = [each["arn"] for each in newest["sourceServiceRevisions"]]
        assert sources == [REVISION + number(told), listed[1]["targetServiceRevisionArn"]]
        page = await asker.ask("ListServiceDeployments", service="web", maxResults=2)
        assert [each["serviceDeploymentArn"] for each in page["serviceDeployments"]] == arns[:2]
        page = await asker.ask("ListServiceDeployments", service="web", maxResults=2, nextToken=page["nextToken"])
        assert [each["serviceDeploymentArn"] for each in page["serviceDeployments"]] == arns[2:]
        assert "nextToken" not in page
        some = await asker.ask("ListServiceDeployments", service="web", status=["STOPPED", "SUCCESSFUL"])
        assert [each["serviceDeploymentArn"] for each in some["serviceDeployments"]] == arns[1:]
        some = await asker.ask("ListServiceDeployments", service="web", createdAt={"after": NOON + 1.5})
        assert [each["serviceDeploymentArn"] for each in some["serviceDeployments"]] == arns[:1]


async def test_a_deployment_that_is_stopped_is_rolled_back() -> None:
    async with asking() as asker:
        told = await serving(asker)
        await asker.define("app", containerDefinitions=PORTED)
        after = (await asker.ask("UpdateService", service="web", taskDefinition="app"))["service"]
        arn = after["currentServiceDeployment"]
        assert await asker.ask("StopServiceDeployment", serviceDeploymentArn=arn) == {"serviceDeploymentArn": arn}

        async def status() -> object:
            found = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[arn])
            return found["serviceDeployments"][0]["status"]

        assert await status() == "ROLLBACK_IN_PROGRESS"
        going = await asker.service()
        assert going["taskDefinition"] == ARN + "task-definition/app:1"
        assert going["deployments"][0]["rolloutStateReason"] == (
            f"ECS deployment stopped: rolling back to deploymentId ecs-svc/{number(told)}."
        )
        assert going["currentServiceDeployment"] == arn
        settled = await asker.settle()
        assert await status() == "ROLLBACK_SUCCESSFUL"
        assert [each["arn"] for each in settled["currentServiceRevisions"]] == [REVISION + number(told)]
        assert (await asker.refusal("StopServiceDeployment", serviceDeploymentArn=arn))[0] == "ConflictException"
        code, _ = await asker.refusal("ContinueServiceDeployment", serviceDeploymentArn=arn, hookId="h")
        assert code == "InvalidParameterException"


async def test_what_is_not_there_is_said_in_ecs_words() -> None:
    async with asking() as asker:
        await asker.furnish()
        unknown = ARN + "service-deployment/default/web/abc"
        assert await asker.refusal("ListServiceDeployments", service="web") == (
            "ServiceNotFoundException",
            "Service not found.",
        )
        assert await asker.refusal("StopServiceDeployment", serviceDeploymentArn=unknown) == (
            "ServiceDeploymentNotFoundException",
            "Service deployment not found.",
        )
        assert await asker.refusal("ListServicesByNamespace", namespace="shop") == (
            "NamespaceNotFoundException",
            "The specified namespace was not found.",
        )
        code, _ = await asker.refusal("DescribeServiceDeployments", serviceDeploymentArns=["abc"])
        assert code == "InvalidParameterException"


async def test_a_service_without_tasks_is_draining_first() -> None:
    async with asking() as asker:
        await asker.furnish()
        await asker.ask("CreateService", serviceName="web", taskDefinition="app", desiredCount=0)
        assert (await asker.ask("DeleteService", service="web"))["service"]["status"] == "DRAINING"

        async def status() -> str:
            return str((await asker.service())["status"])

        await asker.until(status, "INACTIVE")
        assert (await asker.ask("DeleteService", service="web"))["service"]["status"] == "INACTIVE"


async def test_a_namespace_that_is_a_clusters_default_has_no_services() -> None:
    async with asking() as asker:
        await asker.ask("CreateCluster", serviceConnectDefaults={"namespace": "shop"})
        assert await asker.ask("ListServicesByNamespace", namespace="shop") == {"serviceArns": []}


async def test_service_deployments_end_with_their_service() -> None:
    async with asking() as asker:
        await serving(asker)
        arn = (await asker.service())["currentServiceDeployment"]
        await asker.ask("DeleteService", service="web", force=True)

        async def status() -> object:
            await asker.run_all()
            return (await asker.service())["status"]

        await asker.until(status, "INACTIVE")
        await asker.ask("CreateService", **WEB)
        answer = await asker.ask("DescribeServiceDeployments", serviceDeploymentArns=[arn])
        assert [each["reason"] for each in answer["failures"]] == ["MISSING"]
