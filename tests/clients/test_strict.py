"""The judge is just: what differs from a shape is found."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import Session

from tests.clients.strict import differences

ARN = "arn:aws:ecs:us-east-1:000000000000:cluster/a"


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        ({"cluster": {"status": 5}}, "DescribeThis.cluster.status: 5 is no string"),
        ({"cluster": {"runningTasksCount": True}}, "DescribeThis.cluster.runningTasksCount: True is no integer"),
        ({"cluster": {"colour": "red"}}, "DescribeThis.cluster.colour: Cluster has no such member"),
        ({"cluster": {"tags": [{"key": 1}]}}, "DescribeThis.cluster.tags[].key: 1 is no string"),
        ({"cluster": None}, "DescribeThis.cluster: None is no structure"),
        ({"cluster": {"clusterArn": ARN, "runningTasksCount": 1, "tags": [{"key": "a"}]}}, ""),
    ],
)
def test_a_difference_is_told_by_its_path(answer: dict[str, Any], path: str) -> None:
    shape = Session().get_service_model("ecs").operation_model("CreateCluster").output_shape
    assert "".join(differences(shape, answer, "DescribeThis")) == path
