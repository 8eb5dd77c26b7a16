"""Clusters: changed, given defaults by account settings, and capacity providers (spec §3.3, §10.2)."""

from __future__ import annotations

import pytest

from quarterdeck.engine.core import cluster
from quarterdeck.engine.core.capacity_provider import NOT_FOUND
from quarterdeck.engine.core.capacity_provider_strategy import MANY_BASES
from quarterdeck.events import shapes
from quarterdeck.events.account_setting import AccountSettingPut
from quarterdeck.events.capacity_provider import CapacityProviderCreated, CapacityProviderDeleted
from quarterdeck.events.cluster import (
    ClusterCapacityProvidersChanged,
    ClusterCreated,
    ClusterDeleted,
    ClusterUpdated,
)
from tests.engine.core.story import ARN, Story, given

CREATE = shapes.CreateClusterRequest
UPDATE = shapes.UpdateClusterRequest
SETTINGS = shapes.UpdateClusterSettingsRequest
PUT = shapes.PutClusterCapacityProvidersRequest
ROOT = "arn:aws:iam::000000000000:root"


def insights(value: str, name: str = "containerInsights") -> list[shapes.ClusterSetting]:
    return [shapes.ClusterSetting(name=name, value=value)]


def connect(namespace: str) -> shapes.ClusterServiceConnectDefaultsRequest:
    return shapes.ClusterServiceConnectDefaultsRequest(namespace=namespace)


def logging(value: str, **log: str) -> shapes.ClusterConfiguration:
    given_log = shapes.ExecuteCommandLogConfiguration(**log) if log else None  # type: ignore[arg-type]
    execute = shapes.ExecuteCommandConfiguration(logging=value, log_configuration=given_log)
    return shapes.ClusterConfiguration(execute_command_configuration=execute)


def item(name: str, weight: int | None = None, base: int | None = None) -> shapes.CapacityProviderStrategyItem:
    return shapes.CapacityProviderStrategyItem(capacity_provider=name, weight=weight, base=base)


def provider(name: str, *, scaling: str = "DISABLED") -> CapacityProviderCreated:
    group = shapes.AutoScalingGroupProvider(
        auto_scaling_group_arn=f"group-{name}", managed_scaling=shapes.ManagedScaling(status=scaling)
    )
    return CapacityProviderCreated(capacity_provider=name, auto_scaling_group_provider=group)


def test_a_new_cluster_takes_its_insights_from_the_account_setting() -> None:
    story = Story().given(AccountSettingPut(name="containerInsights", principal=ROOT, value="enhanced"))
    assert story.when(cluster.create, CREATE()) == [ClusterCreated(cluster="default", settings=insights("enhanced"))]
    asked = CREATE(cluster_name="own", settings=insights("disabled"))
    assert story.when(cluster.create, asked) == [ClusterCreated(cluster="own", settings=insights("disabled"))]


def test_what_an_update_does_not_say_stays() -> None:
    story = given()
    story.when(cluster.create, CREATE(cluster_name="prod", configuration=logging("NONE")))
    storage = shapes.ManagedStorageConfiguration(kms_key_id="key")
    request = UPDATE(cluster="prod", configuration=shapes.ClusterConfiguration(managed_storage_configuration=storage))
    (event,) = story.when(cluster.update, request)
    assert isinstance(event, ClusterUpdated)
    assert event.configuration == shapes.ClusterConfiguration(
        execute_command_configuration=shapes.ExecuteCommandConfiguration(logging="NONE"),
        managed_storage_configuration=storage,
    )
    assert (event.settings, event.service_connect_defaults) == (None, None)
    assert story.cluster("prod").settings == insights("disabled")


def test_an_update_to_what_is_changes_nothing() -> None:
    story = given()
    story.when(cluster.create, CREATE(service_connect_defaults=connect("mesh"), cluster_name="prod"))
    same = UPDATE(cluster="prod", settings=insights("disabled"), service_connect_defaults=connect("mesh"))
    assert story.when(cluster.update, same) == []
    assert story.when(cluster.update, UPDATE(cluster="prod")) == []


def test_an_empty_namespace_removes_the_default() -> None:
    story = given()
    story.when(cluster.create, CREATE(cluster_name="prod", service_connect_defaults=connect("mesh")))
    assert story.when(cluster.update, UPDATE(cluster="prod", service_connect_defaults=connect(""))) == [
        ClusterUpdated(cluster="prod", service_connect_defaults=connect(""))
    ]
    assert story.cluster("prod").service_connect_defaults is None
    assert story.when(cluster.update, UPDATE(cluster="prod", service_connect_defaults=connect(""))) == []


def test_settings_are_updated_by_name_or_arn() -> None:
    for reference in ("default", ARN + "cluster/default"):
        changed = given().when(cluster.update_settings, SETTINGS(cluster=reference, settings=insights("enabled")))
        assert changed == [ClusterUpdated(cluster="default", settings=insights("enabled"))]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (SETTINGS(settings=insights("enabled")), "Cluster can not be blank."),
        (SETTINGS(cluster="default", settings=[]), "settings can not be empty"),
        (SETTINGS(cluster="default", settings=insights("on")), "Invalid setting 'value'"),
        (SETTINGS(cluster="default", settings=insights("enabled", "colour")), "Invalid setting 'name'"),
    ],
)
def test_settings_that_can_not_be_are_refused(request_: shapes.UpdateClusterSettingsRequest, message: str) -> None:
    assert given().refusal(cluster.update_settings, request_) == ("InvalidParameterException", message)


def test_only_a_cluster_that_is_active_is_changed() -> None:
    story = given(ClusterDeleted(cluster="default"))
    expected = ("ClientException", "Cluster was not ACTIVE.")
    assert story.refusal(cluster.update, UPDATE(cluster="default")) == expected
    assert story.refusal(cluster.update_settings, SETTINGS(cluster="default")) == expected
    missing = ("ClusterNotFoundException", "Cluster not found.")
    assert story.refusal(cluster.update, UPDATE(cluster="other")) == missing


def test_exec_logs_that_override_need_a_place_to_go() -> None:
    for bad in (logging("OVERRIDE"), logging("OVERRIDE", s3_key_prefix="x")):
        code, message = Story().refusal(cluster.create, CREATE(configuration=bad))
        assert code == "InvalidParameterException"
        assert message.startswith(
            "A CloudWatch log group name or S3 bucket name must be specified when overriding the default log"
        )
    assert Story().when(cluster.create, CREATE(configuration=logging("OVERRIDE", s3_bucket_name="logs")))
    code, message = Story().refusal(cluster.create, CREATE(configuration=logging("SOME")))
    assert (code, message) == ("InvalidParameterException", "logging should be one of [NONE,DEFAULT,OVERRIDE]")


def test_a_cluster_is_created_with_capacity_providers() -> None:
    request = CREATE(
        capacity_providers=["FARGATE", ARN + "capacity-provider/spot"],
        default_capacity_provider_strategy=[item("spot", weight=1)],
    )
    story = Story().given(provider("spot"))
    (event,) = story.when(cluster.create, request)
    assert isinstance(event, ClusterCreated)
    assert event.capacity_providers == ["FARGATE", "spot"]
    assert event.default_capacity_provider_strategy == [item("spot", 1, 0)]
    assert story.when(cluster.create, request) == []
    other = CREATE(capacity_providers=["FARGATE"])
    assert story.refusal(cluster.create, other)[1].startswith("Arguments on this idempotent request are inconsistent")


def test_capacity_providers_and_strategy_are_replaced_together() -> None:
    story = given(provider("spot"), provider("large"))
    first = PUT(
        cluster="default", capacity_providers=["spot", "large"], default_capacity_provider_strategy=[item("large", 1)]
    )
    assert story.when(cluster.put_capacity_providers, first) == [
        ClusterCapacityProvidersChanged(
            cluster="default",
            capacity_providers=["spot", "large"],
            default_capacity_provider_strategy=[item("large", 1, 0)],
        )
    ]
    assert story.when(cluster.put_capacity_providers, first) == []
    nothing = PUT(cluster="default", capacity_providers=[], default_capacity_provider_strategy=[])
    assert story.when(cluster.put_capacity_providers, nothing) == [ClusterCapacityProvidersChanged(cluster="default")]


def test_a_capacity_provider_that_is_not_there_is_refused() -> None:
    story = given(provider("gone"), CapacityProviderDeleted(capacity_provider="gone"))
    for name in ("gone", "never"):
        request = PUT(cluster="default", capacity_providers=[name], default_capacity_provider_strategy=[])
        expected = ("InvalidParameterException", NOT_FOUND)
        assert story.refusal(cluster.put_capacity_providers, request) == expected


def test_managed_scaling_works_for_one_cluster() -> None:
    story = given(provider("spot", scaling="ENABLED"), ClusterCreated(cluster="b", capacity_providers=["spot"]))
    request = PUT(cluster="default", capacity_providers=["spot"], default_capacity_provider_strategy=[])
    assert story.refusal(cluster.put_capacity_providers, request)[0] == "InvalidParameterException"
    story.given(ClusterDeleted(cluster="b"))
    assert story.when(cluster.put_capacity_providers, request)


ASSOCIATED = "The specified capacity provider strategy cannot contain a capacity provider that is not associated"


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ([item("other", 1)], ASSOCIATED),
        ([item("spot", 1001)], "The weight of a capacity provider must be from 0 to 1000."),
        ([item("spot", -1)], "The weight of a capacity provider must be from 0 to 1000."),
        ([item("spot", 1, 100_001)], "The base of a capacity provider must be from 0 to 100000."),
        ([item("spot", 1, 1), item("large", 1, 1)], MANY_BASES),
        ([item("spot"), item("large")], "At least one capacity provider must have a weight value greater than zero"),
        ([item("spot", 1), item("spot", 1)], "A capacity provider strategy cannot contain a capacity provider twice."),
        ([item("spot", 1), item("FARGATE", 1)], "A capacity provider strategy cannot contain both"),
    ],
)
def test_a_strategy_that_can_not_be_followed_is_refused(
    strategy: list[shapes.CapacityProviderStrategyItem], message: str
) -> None:
    story = given(provider("spot"), provider("large"))
    request = PUT(
        cluster="default",
        capacity_providers=["spot", "large", "FARGATE"],
        default_capacity_provider_strategy=strategy,
    )
    code, text = story.refusal(cluster.put_capacity_providers, request)
    assert code == "InvalidParameterException"
    assert text.startswith(message)


def test_one_capacity_provider_needs_no_weight() -> None:
    request = CREATE(capacity_providers=["FARGATE"], default_capacity_provider_strategy=[item("FARGATE")])
    assert Story().when(cluster.create, request)


def test_a_cluster_has_at_most_twenty_capacity_providers() -> None:
    names = [f"p{number}" for number in range(21)]
    story = given([provider(name) for name in names])
    request = PUT(cluster="default", capacity_providers=names, default_capacity_provider_strategy=[])
    expected = ("InvalidParameterException", "A cluster can have at most 20 capacity providers.")
    assert story.refusal(cluster.put_capacity_providers, request) == expected
    missing = PUT(cluster="default", capacity_providers=[])
    assert story.refusal(cluster.put_capacity_providers, missing)[0] == "InvalidParameterException"
