"""Targets of lifecycle hooks: an engine asks only web addresses at hosts its operator lets it ask."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.engine.core import service
from quarterdeck.engine.core.hook_target import LOOPBACK, refused_host
from quarterdeck.engine.core.turn import Settings
from quarterdeck.events import shapes
from quarterdeck.events.cluster import ClusterCreated
from quarterdeck.events.service import DeploymentStarted, ServiceUpdated
from tests.engine.core.story import Story, defined

CHECKS = "https://checks.example/smoke"
REASON = (
    f"The host checks.example:443 of the lifecycle hook {CHECKS} is not one of the setting hook_hosts of the engine "
    "(localhost, 127.0.0.1, [::1]), which an operator may extend."
)
REFUSED = ("InvalidParameterException", REASON)


def hooked(target: str) -> shapes.DeploymentConfiguration:
    hook = shapes.DeploymentLifecycleHook(hook_target_arn=target, lifecycle_stages=["PRE_SCALE_UP"])
    return shapes.DeploymentConfiguration(strategy="BLUE_GREEN", lifecycle_hooks=[hook])


def create(target: str) -> shapes.CreateServiceRequest:
    return shapes.CreateServiceRequest(
        service_name="web", task_definition="app", desired_count=1, deployment_configuration=hooked(target)
    )


def story(*hosts: str) -> Story:
    settings = Settings(hook_hosts=hosts or LOOPBACK)
    return Story(settings=settings).given(ClusterCreated(cluster="default"), defined())


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost/",
        "http://LOCALHOST:1?a=b",
        "http://127.0.0.1:8080/x",
        "http://[::1]:8080",
        "http://me:word@localhost/",
        "nats:far.away",
    ],
)
def test_loopback_and_subjects_are_asked_without_a_setting(target: str) -> None:
    assert refused_host(target, LOOPBACK) == ""
    assert story().when(service.create, create(target))


@pytest.mark.parametrize(
    ("target", "refused"),
    [
        ("https://checks.example/", "checks.example:443"),
        ("http://169.254.169.254/latest", "169.254.169.254:80"),
        ("http://localhost@169.254.169.254/", "169.254.169.254:80"),
        ("http://localhost:80@checks.example:81/", "checks.example:81"),
        ("http://127.0.0.1.checks.example/", "127.0.0.1.checks.example:80"),
        ("http://2130706433/", "2130706433:80"),
        ("http://localhost.:1/", "localhost.:1"),
        ("http://[::ffff:169.254.169.254]/", "[::ffff:169.254.169.254]:80"),
        ("http://localhost\\@checks.example/", "http://localhost\\@checks.example/"),
        ("http://localhost:1:2/", "http://localhost:1:2/"),
    ],
)
def test_what_only_looks_like_loopback_is_not(target: str, refused: str) -> None:
    assert refused_host(target, LOOPBACK) == refused


@pytest.mark.parametrize(
    ("pattern", "admitted"),
    [
        ("checks.example", True),
        ("Checks.Example", True),
        ("checks.example:443", True),
        ("checks.example:8443", False),
        ("*.example", True),
        ("*.example:443", True),
        ("checks?example", False),
        ("*", True),
        ("checks", False),
    ],
)
def test_a_pattern_is_a_host_with_or_without_port(pattern: str, admitted: bool) -> None:
    assert (refused_host(CHECKS, (pattern,)) == "") is admitted


@pytest.mark.parametrize("target", ["https://", "http:///x", "https://a b/", "http://a\\b/"])
def test_an_address_without_a_host_is_none(target: str) -> None:
    assert story("*").refusal(service.create, create(target))[0] == "UnsupportedFeatureException"


def test_a_service_with_a_hook_elsewhere_is_refused_and_the_setting_named() -> None:
    assert story().refusal(service.create, create(CHECKS)) == REFUSED
    told = story()
    told.when(service.create, create("http://localhost/"))
    update = shapes.UpdateServiceRequest(service="web", deployment_configuration=hooked(CHECKS))
    assert told.refusal(service.update, update) == REFUSED


def test_a_pause_asks_nobody_and_is_admitted_whatever_it_names() -> None:
    pause = shapes.DeploymentLifecycleHook(
        target_type="PAUSE", hook_target_arn=CHECKS, lifecycle_stages=["PRE_SCALE_UP"]
    )
    rules = shapes.DeploymentConfiguration(strategy="BLUE_GREEN", lifecycle_hooks=[pause])
    assert story().when(service.create, msgspec.structs.replace(create(CHECKS), deployment_configuration=rules))


def test_what_an_operator_no_longer_allows_starts_no_deployment_but_the_service_still_scales() -> None:
    told = story("checks.example")
    assert any(isinstance(each, DeploymentStarted) for each in told.when(service.create, create(CHECKS)))
    told.settings = Settings()
    again = shapes.UpdateServiceRequest(service="web", force_new_deployment=True)
    assert told.refusal(service.update, again) == REFUSED
    (scaled,) = told.when(service.update, shapes.UpdateServiceRequest(service="web", desired_count=3))
    assert isinstance(scaled, ServiceUpdated)
