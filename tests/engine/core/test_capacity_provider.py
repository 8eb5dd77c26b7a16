"""Capacity providers: kept with ECS's defaults, changed, deleted unless a cluster has them (spec §10.1)."""

from __future__ import annotations

from typing import Any

import pytest

from quarterdeck.engine.core import capacity_provider as core
from quarterdeck.events import shapes
from quarterdeck.events.capacity_provider import (
    CapacityProviderCreated,
    CapacityProviderDeleted,
    CapacityProviderDeletionFailed,
    CapacityProviderUpdated,
)
from quarterdeck.events.cluster import ClusterCreated
from tests.engine.core.story import ARN, Story, given

GROUP = "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:a1:autoScalingGroupName/web"
SCALING = shapes.ManagedScaling(
    status="ENABLED",
    target_capacity=100,
    minimum_scaling_step_size=1,
    maximum_scaling_step_size=10_000,
    instance_warmup_period=300,
)


def create(
    name: str | None = "spot", group: str = GROUP, scaling: dict[str, Any] | None = None, **members: Any
) -> shapes.CreateCapacityProviderRequest:
    managed = shapes.ManagedScaling(**scaling) if scaling is not None else None
    provider = shapes.AutoScalingGroupProvider(auto_scaling_group_arn=group, managed_scaling=managed, **members)
    return shapes.CreateCapacityProviderRequest(name=name, auto_scaling_group_provider=provider)


def update(
    name: str = "spot", scaling: dict[str, Any] | None = None, **members: Any
) -> shapes.UpdateCapacityProviderRequest:
    managed = shapes.ManagedScaling(**scaling) if scaling is not None else None
    provider = shapes.AutoScalingGroupProviderUpdate(managed_scaling=managed, **members)
    return shapes.UpdateCapacityProviderRequest(name=name, auto_scaling_group_provider=provider)


def made(story: Story) -> shapes.AutoScalingGroupProvider:
    return story.state.capacity_providers["spot"].auto_scaling_group_provider


def test_what_is_not_said_of_scaling_is_filled_in() -> None:
    story = Story()
    (event,) = story.when(core.create, create(scaling={}))
    assert isinstance(event, CapacityProviderCreated)
    assert event.auto_scaling_group_provider == shapes.AutoScalingGroupProvider(
        auto_scaling_group_arn=GROUP,
        managed_scaling=SCALING,
        managed_termination_protection="DISABLED",
        managed_draining="ENABLED",
    )


def test_without_managed_scaling_there_is_none() -> None:
    story = Story()
    story.when(core.create, create())
    assert made(story).managed_scaling == shapes.ManagedScaling(status="DISABLED")
    assert made(story).managed_draining == "DISABLED"


def test_an_update_changes_what_it_says() -> None:
    story = Story()
    story.when(core.create, create(scaling={"target_capacity": 90}))
    (event,) = story.when(core.update, update(scaling={"instance_warmup_period": 0}, managed_draining="DISABLED"))
    assert isinstance(event, CapacityProviderUpdated)
    found = made(story)
    assert found.managed_scaling is not None
    assert (found.managed_scaling.target_capacity, found.managed_scaling.instance_warmup_period) == (90, 0)
    assert (found.managed_draining, found.auto_scaling_group_arn) == ("DISABLED", GROUP)


def test_an_update_may_switch_scaling_on() -> None:
    story = Story()
    story.when(core.create, create())
    story.when(core.update, update(managed_termination_protection="ENABLED"))
    assert made(story).managed_scaling == shapes.ManagedScaling(status="DISABLED")
    story.when(core.update, update(scaling={"status": "ENABLED"}))
    assert made(story).managed_scaling == SCALING
    assert made(story).managed_termination_protection == "ENABLED"


def test_a_name_is_used_once_and_again_after_its_deletion() -> None:
    story = Story()
    story.when(core.create, create())
    assert story.refusal(core.create, create(group="other")) == (
        "ClientException",
        (
            "The specified capacity provider already exists. To change the configuration of an existing capacity "
            "provider, update the capacity provider."
        ),
    )
    code, message = story.refusal(core.create, create("other"))
    assert code == "ClientException"
    assert message.startswith("The specified Auto Scaling group ARN is already being used by another capacity")
    delete = shapes.DeleteCapacityProviderRequest(capacity_provider=ARN + "capacity-provider/spot")
    assert story.when(core.delete, delete) == [CapacityProviderDeleted(capacity_provider="spot")]
    assert story.refusal(core.delete, delete) == ("ClientException", core.NOT_FOUND)
    assert story.when(core.create, create())


def test_one_that_a_cluster_has_stays_and_it_is_said_why() -> None:
    story = Story()
    story.when(core.create, create())
    story.given(ClusterCreated(cluster="prod", capacity_providers=["spot"]))
    (event,) = story.when(core.delete, shapes.DeleteCapacityProviderRequest(capacity_provider="spot"))
    assert event == CapacityProviderDeletionFailed(
        capacity_provider="spot",
        reason="The capacity provider cannot be deleted because it is associated with cluster: prod. "
        "Remove the capacity provider from the cluster and try again.",
    )
    assert story.state.capacity_providers["spot"].status == "ACTIVE"


@pytest.mark.parametrize("name", ["FARGATE", "FARGATE_SPOT", ARN + "capacity-provider/FARGATE"])
def test_what_everybody_has_is_not_deleted(name: str) -> None:
    request = shapes.DeleteCapacityProviderRequest(capacity_provider=name)
    assert given().refusal(core.delete, request)[0] == "ClientException"


@pytest.mark.parametrize("name", [None, "", "a b", "a" * 256, "aws-spot", "ECS", "FargateX"])
def test_a_name_that_can_not_be_is_refused(name: str | None) -> None:
    code, message = given().refusal(core.create, create(name))
    assert code == "ClientException"
    assert message.startswith("The specified capacity provider name is invalid. Up to 255 characters are allowed")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (create(scaling={"target_capacity": 101}), "The targetCapacity value is invalid."),
        (create(scaling={"target_capacity": 0}), "The targetCapacity value is invalid."),
        (create(scaling={"instance_warmup_period": 10_001}), "The instanceWarmupPeriod value is invalid."),
        (create(scaling={"minimum_scaling_step_size": 0}), "The minimum or maximum scaling step size value is invalid"),
        (
            create(scaling={"minimum_scaling_step_size": 5, "maximum_scaling_step_size": 4}),
            "The minimum or maximum scaling step size value is invalid",
        ),
        (create(scaling={"status": "ON"}), "managedScaling status should be one of [ENABLED,DISABLED]"),
        (create(managed_draining="ON"), "managedDraining should be one of [ENABLED,DISABLED]"),
        (create(managed_termination_protection="ON"), "managedTerminationProtection should be one of"),
    ],
)
def test_scaling_out_of_bounds_is_refused(request_: shapes.CreateCapacityProviderRequest, message: str) -> None:
    code, text = given().refusal(core.create, request_)
    assert code == "ClientException"
    assert text.startswith(message)


def test_an_auto_scaling_group_is_needed_and_managed_instances_are_not_supported() -> None:
    nothing = shapes.CreateCapacityProviderRequest(name="spot")
    assert given().refusal(core.create, nothing)[0] == "InvalidParameterException"
    managed = shapes.CreateManagedInstancesProviderConfiguration()
    asked = shapes.CreateCapacityProviderRequest(name="spot", cluster="default", managed_instances_provider=managed)
    assert given().refusal(core.create, asked)[0] == "UnsupportedFeatureException"
    changed = shapes.UpdateCapacityProviderRequest(
        name="spot", managed_instances_provider=shapes.UpdateManagedInstancesProviderConfiguration()
    )
    assert given().refusal(core.update, changed)[0] == "UnsupportedFeatureException"
    assert given().refusal(core.update, update("never")) == ("ClientException", core.NOT_FOUND)
