"""Quotas: how many clusters, container instances and services there may be (spec §2.10)."""

from __future__ import annotations

from quarterdeck.engine.core import cluster, container_instance, service
from quarterdeck.engine.core.quota import Quotas
from quarterdeck.engine.core.turn import Settings
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated, ClusterDeleted
from quarterdeck.events.container_instance import ContainerInstanceDeregistered
from quarterdeck.events.service import ServiceDeleted, ServiceDrained
from tests.engine.core.story import Story, Told, created, defined, joined

ROOM = [shapes.Resource(name=name, integer_value=1) for name in ("CPU", "MEMORY")]


def full(*told: Told) -> Story:
    """Two of everything are there, and there may be no more."""
    settings = Settings(quotas=Quotas(clusters=2, instances=2, services=2))
    begun = Story(settings=settings).given(ClusterCreated(cluster="default"), ClusterCreated(cluster="other"))
    begun.given(defined(), joined("a1"), joined("a2"), created("web", 0), created("api", 0, deployment="ecs-svc/901"))
    return begun.given(*told)


def register(story: Story) -> None:
    story.when(container_instance.register, shapes.RegisterContainerInstanceRequest(total_resources=ROOM))


def make(name: str) -> shapes.CreateServiceRequest:
    return shapes.CreateServiceRequest(service_name=name, task_definition="app", desired_count=0)


def test_ecs_s_own_numbers_hold_unless_an_operator_raises_them() -> None:
    assert Settings().quotas == Quotas(clusters=10_000, instances=5_000, services=5_000)


def test_one_more_than_there_may_be_is_refused_with_the_way_out() -> None:
    story = full()
    assert story.refusal(cluster.create, shapes.CreateClusterRequest(cluster_name="third")) == (
        "ClientException",
        "There are 2 clusters already, as many as there may be. The setting quota_clusters raises it.",
    )
    story.ids.count = 0
    request = shapes.RegisterContainerInstanceRequest(total_resources=ROOM)
    assert story.refusal(container_instance.register, request) == (
        "ClientException",
        (
            "There are 2 container instances in the cluster already, as many as there may be. "
            "The setting quota_instances raises it."
        ),
    )
    assert story.refusal(service.create, make("third")) == (
        "ClientException",
        "There are 2 services in the cluster already, as many as there may be. The setting quota_services raises it.",
    )


def test_what_is_there_already_is_no_more() -> None:
    story = full()
    assert story.when(cluster.create, shapes.CreateClusterRequest(cluster_name="other")) == []
    arn = story.state.namespace.container_instance_arn("default", "a1")
    identity = '{"instanceType":"m5.large"}'
    again = shapes.RegisterContainerInstanceRequest(
        container_instance_arn=arn, total_resources=ROOM, instance_identity_document=identity
    )
    assert story.when(container_instance.register, again)


def test_what_is_gone_makes_room() -> None:
    story = full(
        ClusterDeleted(cluster="other"),
        ContainerInstanceDeregistered(cluster="default", container_instance="a1"),
        ServiceDeleted(cluster="default", service="web"),
    )
    assert story.when(cluster.create, shapes.CreateClusterRequest(cluster_name="third"))
    register(story)
    assert story.refusal(service.create, make("third"))[0] == "ClientException", "a service that drains is there yet"
    story.given(ServiceDrained(cluster="default", service="web"))
    assert story.when(service.create, make("third"))
