"""What agents say of their runtime, and updates of agents (spec §4.8, §4.9)."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.engine.core import container_agent
from quarterdeck.engine.core.turn import Settings
from quarterdeck.events import shapes
from quarterdeck.events.container_instance import (
    AgentUpdateRequested,
    Capacity,
    ContainerInstanceRegistered,
    ContainerInstanceReregistered,
    RuntimeHealthChanged,
)
from tests.engine.core import story as told
from tests.engine.core.story import Story

UPDATE = shapes.UpdateContainerAgentRequest
SIZE = Capacity(cpu=1024, memory=1024)


def running(version: str) -> Story:
    """Instance a1, whose agent has a version."""
    story = told.given()
    story.settings = Settings(version="2")
    joined, connected = told.joined("a1")
    assert isinstance(joined, ContainerInstanceRegistered)
    info = shapes.VersionInfo(agent_version=version)
    return story.given(msgspec.structs.replace(joined, version_info=info), connected)


def test_only_a_change_of_the_runtimes_health_is_an_event() -> None:
    story = running("1")
    assert story.when(container_agent.health, "default", "a1", "OK", "") == []
    unwell = RuntimeHealthChanged(cluster="default", container_instance="a1", status="IMPAIRED", reason="no answer")
    assert story.when(container_agent.health, "default", "a1", "IMPAIRED", "no answer") == [unwell]
    assert story.when(container_agent.health, "default", "a1", "IMPAIRED", "another") == []
    assert story.when(container_agent.health, "default", "gone", "IMPAIRED", "") == []
    assert story.refusal(container_agent.health, "default", "a1", "SO-SO", "")[0] == "InvalidParameterException"


def test_an_update_is_pending_until_an_agent_of_another_version_registers() -> None:
    story = running("1")
    request = UPDATE(container_instance="a1")
    asked = AgentUpdateRequested(cluster="default", container_instance="a1")
    assert story.when(container_agent.update, request) == [asked]
    assert story.refusal(container_agent.update, request)[0] == "UpdateInProgressException"
    back = ContainerInstanceReregistered(
        cluster="default", container_instance="a1", capacity=SIZE, version_info=shapes.VersionInfo(agent_version="1")
    )
    story.given(back)
    assert story.cluster().instances["a1"].update == "PENDING"
    story.given(msgspec.structs.replace(back, version_info=shapes.VersionInfo(agent_version="2")))
    assert story.cluster().instances["a1"].update == "UPDATED"
    assert story.refusal(container_agent.update, request)[0] == "NoUpdateAvailableException"


@pytest.mark.parametrize("version", ["2", "0", ""])
def test_an_agent_as_new_as_the_engine_or_of_no_known_version_has_no_update(version: str) -> None:
    code, text = running(version).refusal(container_agent.update, UPDATE(container_instance="a1"))
    assert (code, text) == ("NoUpdateAvailableException", "There is no update available for your container agent.")
