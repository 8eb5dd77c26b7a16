"""Every operation of the table through boto3, with answers that have something in them, held against ECS's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from quarterdeck.engine.doors.door import OPERATIONS
from quarterdeck.events.operations import OWN
from tests.clients.strict import Strict
from tests.engine.model import example

TAGS = [{"key": "team", "value": "sea"}]
APP = {
    "name": "app",
    "image": "busybox",
    "memory": 16,
    "command": ["sleep", "600"],
    "environment": [{"name": "A", "value": "1"}],
    "portMappings": [{"containerPort": 80}],
    "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
}
ROOM = [
    {"name": "CPU", "type": "INTEGER", "integerValue": 1024},
    {"name": "MEMORY", "type": "INTEGER", "integerValue": 1024},
    {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]},
]
ZONE = [{"name": "ecs.availability-zone", "value": "us-east-1a"}]
SHIP = {"name": "colour", "value": "green"}
GROUP = {"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:u:autoScalingGroupName/g"}
STRATEGY = [{"capacityProvider": "cp", "weight": 1}]

Known = dict[str, Any]
Arguments = dict[str, Any] | Callable[[Known], dict[str, Any]]


def known(name: str, **more: Any) -> Callable[[Known], dict[str, Any]]:
    """Name a thing that an earlier answer told of."""
    return lambda told: {name: told[name], **more}


def listed(many: str, one: str, **more: Any) -> Callable[[Known], dict[str, Any]]:
    return lambda told: {many: [told[one]], **more}


SETS = {"cluster": "fleet", "service": "sets"}

STABLE = "services_stable"
"""No operation: to wait here."""

STORY: list[tuple[str, Arguments]] = [
    (
        "CreateCluster",
        {"clusterName": "fleet", "tags": TAGS, "settings": [{"name": "containerInsights", "value": "enabled"}]},
    ),
    ("CreateCapacityProvider", {"name": "cp", "autoScalingGroupProvider": GROUP, "tags": TAGS}),
    ("UpdateCapacityProvider", {"name": "cp", "autoScalingGroupProvider": {"managedDraining": "DISABLED"}}),
    (
        "PutClusterCapacityProviders",
        {"cluster": "fleet", "capacityProviders": ["cp"], "defaultCapacityProviderStrategy": STRATEGY},
    ),
    ("DescribeCapacityProviders", {"include": ["TAGS"]}),
    ("UpdateClusterSettings", {"cluster": "fleet", "settings": [{"name": "containerInsights", "value": "disabled"}]}),
    ("UpdateCluster", {"cluster": "fleet", "configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}}}),
    (
        "DescribeClusters",
        {"clusters": ["fleet", "none"], "include": ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"]},
    ),
    ("ListClusters", {}),
    ("PutAccountSettingDefault", {"name": "containerInsights", "value": "disabled"}),
    ("PutAccountSetting", {"name": "serviceLongArnFormat", "value": "enabled"}),
    ("ListAccountSettings", {"effectiveSettings": True}),
    ("DeleteAccountSetting", {"name": "serviceLongArnFormat"}),
    ("RegisterContainerInstance", {"cluster": "fleet", "totalResources": ROOM, "attributes": ZONE, "tags": TAGS}),
    ("ListContainerInstances", {"cluster": "fleet"}),
    (
        "DescribeContainerInstances",
        listed(
            "containerInstances", "containerInstanceArn", cluster="fleet", include=["TAGS", "CONTAINER_INSTANCE_HEALTH"]
        ),
    ),
    (
        "PutAttributes",
        lambda told: {"cluster": "fleet", "attributes": [{**SHIP, "targetId": told["containerInstanceArn"]}]},
    ),
    ("ListAttributes", {"cluster": "fleet", "targetType": "container-instance", "attributeName": "colour"}),
    (
        "DeleteAttributes",
        lambda told: {"cluster": "fleet", "attributes": [{**SHIP, "targetId": told["containerInstanceArn"]}]},
    ),
    (
        "UpdateContainerInstancesState",
        listed("containerInstances", "containerInstanceArn", cluster="fleet", status="DRAINING"),
    ),
    ("UpdateContainerAgent", lambda told: {"cluster": "fleet", "containerInstance": told["containerInstanceArn"]}),
    (
        "DeregisterContainerInstance",
        lambda told: {"cluster": "fleet", "containerInstance": told["containerInstanceArn"]},
    ),
    ("DiscoverPollEndpoint", {}),
    (
        "RegisterTaskDefinition",
        {"family": "shape", "containerDefinitions": [APP], "volumes": [{"name": "data"}], "tags": TAGS},
    ),
    ("DescribeTaskDefinition", {"taskDefinition": "shape", "include": ["TAGS"]}),
    ("ListTaskDefinitions", {}),
    ("ListTaskDefinitionFamilies", {}),
    ("TagResource", known("resourceArn", tags=[{"key": "more", "value": "1"}])),
    ("ListTagsForResource", known("resourceArn")),
    ("UntagResource", known("resourceArn", tagKeys=["more"])),
    (
        "RunTask",
        {
            "taskDefinition": "shape",
            "tags": TAGS,
            "startedBy": "me",
            "overrides": {"containerOverrides": [{"name": "app", "cpu": 1}]},
        },
    ),
    ("ListContainerInstances", {}),
    ("StartTask", lambda told: {"taskDefinition": "shape", "containerInstances": told["containerInstanceArns"][:1]}),
    ("ListTasks", {}),
    ("DescribeTasks", listed("tasks", "taskArn", include=["TAGS"])),
    ("ExecuteCommand", lambda told: {"task": told["taskArn"], "command": "sh", "interactive": True}),
    ("StopTask", lambda told: {"task": told["taskArn"], "reason": "enough"}),
    ("SubmitTaskStateChange", lambda told: {"task": told["taskArn"], "status": "RUNNING"}),
    ("SubmitContainerStateChange", lambda told: {"task": told["taskArn"], "containerName": "app", "status": "RUNNING"}),
    ("SubmitAttachmentStateChanges", {}),
    ("CreateService", {"serviceName": "shape", "taskDefinition": "shape", "desiredCount": 2, "tags": TAGS}),
    ("UpdateService", {"service": "shape", "forceNewDeployment": True}),
    ("DescribeServices", {"services": ["shape", "none"], "include": ["TAGS"]}),
    ("ListServices", {}),
    ("ListServicesByNamespace", {}),
    ("ListTasks", {"serviceName": "shape"}),
    ("UpdateTaskProtection", lambda told: {"cluster": "default", "tasks": told["taskArns"], "protectionEnabled": True}),
    ("GetTaskProtection", lambda told: {"cluster": "default", "tasks": told["taskArns"]}),
    (
        "UpdateTaskProtection",
        lambda told: {"cluster": "default", "tasks": told["taskArns"], "protectionEnabled": False},
    ),
    (
        "RegisterTaskDefinition",
        {"family": "broken", "containerDefinitions": [{**APP, "command": ["/nonexistent"], "mountPoints": []}]},
    ),
    (STABLE, {"services": ["shape"]}),
    ("UpdateService", {"service": "shape", "taskDefinition": "broken"}),
    ("ListServiceDeployments", {"service": "shape", "status": ["IN_PROGRESS"]}),
    ("DescribeServiceDeployments", listed("serviceDeploymentArns", "serviceDeploymentArn")),
    ("DescribeServiceRevisions", listed("serviceRevisionArns", "targetServiceRevisionArn")),
    ("ContinueServiceDeployment", known("serviceDeploymentArn", hookId="hook")),
    ("StopServiceDeployment", known("serviceDeploymentArn", stopType="ROLLBACK")),
    ("DeleteService", {"service": "shape", "force": True}),
    (
        "CreateService",
        {"cluster": "fleet", "serviceName": "sets", "deploymentController": {"type": "EXTERNAL"}, "desiredCount": 1},
    ),
    ("CreateTaskSet", {**SETS, "taskDefinition": "shape", "scale": {"unit": "PERCENT", "value": 50}, "tags": TAGS}),
    ("UpdateServicePrimaryTaskSet", lambda told: {**SETS, "primaryTaskSet": told["taskSetArn"]}),
    ("UpdateTaskSet", lambda told: {**SETS, "taskSet": told["taskSetArn"], "scale": {"unit": "PERCENT", "value": 0}}),
    ("DescribeTaskSets", {**SETS, "include": ["TAGS"]}),
    ("DeleteTaskSet", lambda told: {**SETS, "taskSet": told["taskSetArn"], "force": True}),
    ("DeleteService", {"cluster": "fleet", "service": "sets", "force": True}),
    ("DeregisterTaskDefinition", {"taskDefinition": "shape:1"}),
    ("DeleteTaskDefinitions", {"taskDefinitions": ["shape:1", "shape:9"]}),
    ("DeleteCapacityProvider", {"capacityProvider": "cp"}),
    ("DeleteCluster", {"cluster": "fleet"}),
    ("ListDaemons", {}),
    ("ListDaemonDeployments", {}),
    ("ListDaemonTaskDefinitions", {}),
    ("ListGateways", {}),
    ("ListGatewayRoutes", {}),
    ("ListGatewayClusterAssociations", {}),
]

REFUSED = {
    "ContinueServiceDeployment": "InvalidParameterException",
    "ExecuteCommand": "InvalidParameterException",
    "ListServicesByNamespace": "NamespaceNotFoundException",
    "UpdateContainerAgent": "NoUpdateAvailableException",
}
"""What is right to refuse: there is no hook, no way into a container, no namespace, and never a newer agent."""

pytestmark = [pytest.mark.nats, pytest.mark.slow]


def learn(answer: Any, told: Known) -> None:
    """Remember every ARN and list of ARNs under its member's name, the latest of each."""
    if isinstance(answer, list):
        for each in answer:
            learn(each, told)
    if isinstance(answer, dict):
        for name, value in answer.items():
            if name.endswith(("Arn", "Arns")):
                told[name] = value
            learn(value, told)


def test_the_story_has_every_operation() -> None:
    assert {operation for operation, _ in STORY} - {STABLE} == set(OPERATIONS) - set(OWN)


def test_every_operation_answers_as_ecs_says(ecs: Any) -> None:
    told: Known = {}
    refused: dict[str, str] = {}
    strict = Strict(ecs)
    for operation, given in STORY:
        arguments = given(told) if callable(given) else given
        if operation == STABLE:
            ecs.get_waiter(STABLE).wait(**arguments, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
            continue
        try:
            learn(getattr(ecs, xform_name(operation))(**(arguments or example(operation))), told)
        except ClientError as error:
            refused[operation] = error.response["Error"]["Code"]
        if operation == "RegisterTaskDefinition":
            told["resourceArn"] = told["taskDefinitionArn"]
    assert strict.wrong == []
    assert refused == REFUSED
    assert strict.seen == set(OPERATIONS) - set(OWN)
