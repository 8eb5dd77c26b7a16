"""Wire of networks: the parts of the Docker Engine API's JSON about them that are used, as Structs."""

import msgspec


class Subnet(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """A range of addresses of a network."""

    subnet: str = ""
    gateway: str = ""


class Ipam(msgspec.Struct, frozen=True, rename="pascal"):
    """How a network gives addresses."""

    config: tuple[Subnet, ...] | None = None


class Network(msgspec.Struct, frozen=True, rename="pascal"):
    """Answer of ``GET /networks/{name}``."""

    id: str
    name: str = ""
    ipam: Ipam = msgspec.field(name="IPAM", default=Ipam())


class IpamRequest(msgspec.Struct, frozen=True, rename="pascal", omit_defaults=True):
    """Ranges of a network to be; none leaves the choice to the daemon."""

    config: tuple[Subnet, ...] = ()


class NetworkRequest(msgspec.Struct, frozen=True, rename="pascal"):
    """Body of ``POST /networks/create``; of two with one name the second is refused."""

    name: str
    labels: dict[str, str]
    ipam: IpamRequest = msgspec.field(name="IPAM")
    driver: str = "bridge"
    check_duplicate: bool = True
