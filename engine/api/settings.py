"""Settings: what an operator may tune of the HTTP door."""

import ipaddress
from pathlib import Path
from typing import Literal

import msgspec

from quarterdeck.engine.api.throttle import RATES, Rate
from quarterdeck.events.names import DEFAULT_ACCOUNT, DEFAULT_REGION

Mode = Literal["keys", "open"]


class ApiSettingsError(Exception):
    """Settings that must not be used together; says why and what to do."""


class ApiSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, who may come in, and how often.

    listen          host:port; port 0 picks a free one
    auth            keys: signatures by keys of the data directory; open: whatever key is taken, for tests and CI
    open_anywhere   lets `open` listen where other machines can reach it
    data            the directory with the access keys
    account, region  for requests in `open` mode that name none
    throttle        whether calls are counted; None: with `keys` only
    rates           other sizes for some of the buckets, by category
    certificate, private_key  PEM files; with them the door speaks TLS
    """

    listen: str = "127.0.0.1:4280"
    auth: Mode = "keys"
    open_anywhere: bool = False
    data: Path = Path()
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    throttle: bool | None = None
    rates: dict[str, Rate] = {}
    certificate: Path | None = None
    private_key: Path | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def counts_calls(self) -> bool:
        """Whether calls are throttled."""
        return self.auth == "keys" if self.throttle is None else self.throttle


def check(settings: ApiSettings) -> None:
    """Refuse what must not be served. Raises ApiSettingsError."""
    host, _ = settings.address
    if settings.auth == "open" and not settings.open_anywhere and not is_loopback(host):
        raise ApiSettingsError(
            f"Without signatures anybody who reaches {settings.listen} may do anything. Listen on 127.0.0.1, "
            "or let requests be signed (auth = keys), or insist with open_anywhere."
        )
    unknown = set(settings.rates) - set(RATES)
    if unknown:
        raise ApiSettingsError(f"There is no throttling category {min(unknown)!r}; there are {', '.join(RATES)}.")
    if (settings.certificate is None) != (settings.private_key is None):
        raise ApiSettingsError("TLS needs both a certificate and its private key.")


def is_loopback(host: str) -> bool:
    """Whether an address is only reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
