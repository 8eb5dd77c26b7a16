"""Quota: how many of a thing there may be, as ECS's account quotas have it (spec §2.10)."""

import msgspec

from quarterdeck.engine.core.errors import ClientException


class Quotas(msgspec.Struct, frozen=True):
    """ECS's defaults, so that what fits here fits there; an operator may raise them. Of a cluster but for clusters."""

    clusters: int = 10_000
    instances: int = 5_000
    services: int = 5_000


def check(there: int, most: int, what: str, setting: str) -> None:
    """Refuse one more of something than there may be."""
    if there >= most:
        raise ClientException(
            f"There are {there} {what} already, as many as there may be. The setting {setting} raises it."
        )
