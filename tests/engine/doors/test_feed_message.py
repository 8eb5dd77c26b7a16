"""Feed messages: what events of no task, service or instance look like to outsiders."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from quarterdeck.engine.doors.feed_message import Item, payload, subject
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.commit import Commit
from tests.engine.core.story import ARN, NAMESPACE

GOLDEN = Path(__file__).parents[2] / "golden"


def item(name: str) -> Item:
    event = msgspec.json.decode((GOLDEN / f"{name}.v1.json").read_bytes(), type=AnyEvent)
    commit = Commit(id="1.1", at=0.0, namespace=NAMESPACE, actor="me", operation="Test", events=[event])
    return Item(7, 1, 1, commit, event)


@pytest.mark.parametrize(
    ("name", "where", "resource"),
    [
        ("ResourceTagged", "prod.tag.web", ARN + "service/prod/web"),
        ("CapacityProviderDeleted", "-.capacity_provider.asg", ARN + "capacity-provider/asg"),
        ("AccountSettingPut", "-.account_setting.containerInsights", "arn:aws:iam::000000000000:user/ann"),
        ("ClusterUpdated", "prod.cluster.prod", ARN + "cluster/prod"),
    ],
)
def test_an_event_of_ours_names_what_it_is_about(name: str, where: str, resource: str) -> None:
    told = item(name)
    assert subject(told) == f"qd.feed.us-east-1.000000000000.{where}.{name}"
    message = json.loads(payload(told, "log", None))
    assert (message["detail-type"], message["resources"]) == (f"Quarterdeck {name}", [resource])
