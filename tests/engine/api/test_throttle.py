"""Throttling: ECS's buckets, per account, region and category."""

from __future__ import annotations

import pytest

from quarterdeck.engine.api import throttle
from quarterdeck.engine.api.throttle import CATEGORY, OTHERS, RATES, Rate, Throttle
from quarterdeck.engine.core.errors import ThrottlingException
from quarterdeck.events import shapes
from quarterdeck.events.names import Namespace

HERE = Namespace("us-east-1", "123456789012")


def taken(buckets: Throttle, operation: str, now: float, where: Namespace = HERE) -> int:
    """How many calls pass at once."""
    count = 0
    try:
        while True:
            buckets.take(where, operation, now)
            count += 1
    except ThrottlingException as error:
        assert error.message == "Rate exceeded"  # noqa: PT017 - it is how counting ends
    return count


def test_a_burst_passes_and_then_what_is_refilled() -> None:
    buckets = Throttle()
    assert taken(buckets, "RegisterTaskDefinition", 0.0) == 20
    assert taken(buckets, "RegisterTaskDefinition", 3.0) == 3
    assert taken(buckets, "RegisterTaskDefinition", 1000.0) == 20


def test_a_category_shares_one_bucket_and_no_other() -> None:
    buckets = Throttle()
    assert taken(buckets, "RegisterTaskDefinition", 0.0) == 20
    assert taken(buckets, "DeregisterTaskDefinition", 0.0) == 0
    assert taken(buckets, "DescribeTaskDefinition", 0.0) == 50


def test_accounts_and_regions_do_not_take_from_one_another() -> None:
    buckets = Throttle()
    for where in (HERE, Namespace("us-east-1", "000000000000"), Namespace("eu-west-1", HERE.account)):
        assert taken(buckets, "RunTask", 0.0, where) == 100


def test_sizes_can_be_changed_by_name() -> None:
    assert taken(Throttle({"agent modify": Rate(2, 1)}), "SubmitTaskStateChange", 0.0) == 2
    with pytest.raises(ValueError, match="no throttling category 'tasks'"):
        Throttle({"tasks": Rate(1, 1)})


def test_every_operation_counts_somewhere() -> None:
    assert set(CATEGORY) <= set(shapes.OPERATIONS)
    assert set(CATEGORY.values()) | {OTHERS} == set(RATES)
    assert taken(Throttle(), "CreateTaskSet", 0.0) == RATES[OTHERS].burst


def test_buckets_of_who_has_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "BUCKETS_MAX", 3)
    buckets = Throttle()
    for number in range(3):
        buckets.take(Namespace("us-east-1", f"{number:012d}"), "RunTask", 0.0)
    with pytest.raises(ThrottlingException):
        buckets.take(HERE, "RunTask", 0.0)
    buckets.take(HERE, "RunTask", 1.0)
