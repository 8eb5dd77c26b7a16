"""Target: what the subject of a message names: ``<region>.<account>.<cluster>.<what>`` behind a prefix.

``-`` stands for no cluster. Errors are ECS's, in words that say what the subject should be.
"""

from functools import lru_cache

import msgspec

from quarterdeck.engine.core.errors import InvalidParameterException
from quarterdeck.events.names import ACCOUNT, NAME, REGION, Namespace

TARGETS_KEPT_MAX = 8_192
NO_CLUSTER = "-"


class Target(msgspec.Struct, frozen=True):
    """Where a message is addressed: ``cluster`` is empty where there is none, ``rest`` what follows it."""

    namespace: Namespace
    cluster: str
    rest: tuple[str, ...]


@lru_cache(TARGETS_KEPT_MAX)
def parse_target(subject: str, prefix: str, shape: str) -> Target:
    """Take a subject apart that must look like ``prefix`` + ``shape``. Raises InvalidParameterException."""
    tokens = subject.removeprefix(prefix).split(".")
    if not subject.startswith(prefix) or len(tokens) != len(shape.split(".")):
        raise InvalidParameterException(f"The subject must be {prefix}{shape}, not {subject}.")
    region, account, cluster, *rest = tokens
    if REGION.fullmatch(region) is None:
        raise InvalidParameterException(f"{region} in the subject is not a region: it must look like us-east-1.")
    if ACCOUNT.fullmatch(account) is None:
        raise InvalidParameterException(f"{account} in the subject is not an account: it must be 12 digits.")
    if NAME.fullmatch(cluster) is None:
        raise InvalidParameterException(
            f"{cluster} in the subject is not the name of a cluster: it must be 1 to 255 letters, digits, hyphens or "
            f"underscores, or {NO_CLUSTER} for none."
        )
    return Target(Namespace(region, account), "" if cluster == NO_CLUSTER else cluster, tuple(rest))
