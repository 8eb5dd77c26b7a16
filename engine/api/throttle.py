"""Throttle: token buckets per account, region and group of operations, as ECS has them (spec §2.11)."""

from collections.abc import Mapping

import msgspec

from quarterdeck.engine.core.errors import ThrottlingException
from quarterdeck.events.names import Namespace

BUCKETS_MAX = 10_000


class Rate(msgspec.Struct, frozen=True):
    """How many calls at once, and how many a second after that."""

    burst: float
    refill: float


_CATEGORIES: dict[str, tuple[Rate, str]] = {
    "cluster modify": (
        Rate(20, 1),
        "CreateCluster DeleteCluster PutClusterCapacityProviders UpdateCluster UpdateClusterSettings",
    ),
    "cluster read": (Rate(50, 20), "DescribeClusters ListClusters"),
    "task definition modify": (Rate(20, 1), "RegisterTaskDefinition DeregisterTaskDefinition"),
    "task definition read": (Rate(50, 20), "DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies"),
    "task definition delete": (Rate(5, 1), "DeleteTaskDefinitions"),
    "capacity provider modify": (
        Rate(10, 1),
        "CreateCapacityProvider DeleteCapacityProvider UpdateCapacityProvider",
    ),
    "capacity provider read": (Rate(50, 20), "DescribeCapacityProviders"),
    "tag modify": (Rate(20, 10), "TagResource UntagResource"),
    "tag read": (Rate(50, 20), "ListTagsForResource"),
    "setting modify": (Rate(10, 1), "PutAccountSetting PutAccountSettingDefault DeleteAccountSetting"),
    "setting read": (Rate(50, 20), "ListAccountSettings"),
    "cluster resource modify": (
        Rate(100, 40),
        (
            "RunTask StartTask StopTask ExecuteCommand PutAttributes DeleteAttributes DeregisterContainerInstance "
            "UpdateContainerAgent UpdateContainerInstancesState"
        ),
    ),
    "cluster resource read": (
        Rate(100, 20),
        "DescribeContainerInstances DescribeTasks ListAttributes ListContainerInstances ListTasks",
    ),
    "agent modify": (
        Rate(200, 120),
        (
            "RegisterContainerInstance SubmitAttachmentStateChanges SubmitContainerStateChange SubmitTaskStateChange "
            "DiscoverPollEndpoint"
        ),
    ),
    "service modify": (Rate(50, 5), "CreateService UpdateService DeleteService"),
    "service read": (Rate(100, 20), "DescribeServices ListServices"),
    "service deployment": (Rate(50, 20), "DescribeServiceDeployments ListServiceDeployments"),
    "service revision": (Rate(50, 20), "DescribeServiceRevisions"),
    "task protection": (Rate(200, 80), "GetTaskProtection UpdateTaskProtection"),
    "namespace": (Rate(10, 1), "ListServicesByNamespace"),
}
OTHERS = "others"
"""Operations for which AWS documents no bucket share this one, which is ours."""

RATES: dict[str, Rate] = {OTHERS: Rate(50, 10), **{name: rate for name, (rate, _) in _CATEGORIES.items()}}
CATEGORY: dict[str, str] = {each: name for name, (_, names) in _CATEGORIES.items() for each in names.split()}


class Bucket:
    """Tokens, filled up as time goes."""

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._at = now

    def take(self, now: float) -> bool:
        """Take a token if there is one."""
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        """Whether nobody would notice if it were made anew."""
        self._fill(now)
        return self._tokens >= self._rate.burst

    def _fill(self, now: float) -> None:
        self._tokens = min(self._rate.burst, self._tokens + (now - self._at) * self._rate.refill)
        self._at = now


class Throttle:
    """All buckets; ``rates`` changes those of the categories it names."""

    def __init__(self, rates: Mapping[str, Rate] | None = None) -> None:
        unknown = set(rates or {}) - set(RATES)
        if unknown:
            raise ValueError(f"There is no throttling category {min(unknown)!r}; there are {', '.join(RATES)}.")
        self._rates = {**RATES, **(rates or {})}
        self._buckets: dict[tuple[Namespace, str], Bucket] = {}

    def take(self, namespace: Namespace, operation: str, now: float) -> None:
        """Count one call, at a time in seconds of any clock that does not go back. Raises ThrottlingException."""
        category = CATEGORY.get(operation, OTHERS)
        bucket = self._buckets.get((namespace, category))
        if bucket is None:
            bucket = self._buckets[namespace, category] = self._new(category, now)
        if not bucket.take(now):
            raise ThrottlingException("Rate exceeded")

    def _new(self, category: str, now: float) -> Bucket:
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets = {key: each for key, each in self._buckets.items() if not each.is_full(now)}
        if len(self._buckets) >= BUCKETS_MAX:
            raise ThrottlingException("Rate exceeded")
        return Bucket(self._rates[category], now)
