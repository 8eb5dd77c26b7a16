"""Networks of a Docker Engine, made when they are needed and removed when nobody has them; and the pause image."""

import asyncio
import ipaddress
import re

import msgspec

from quarterdeck.agents.runtimes.docker import pause, wire, wire_network
from quarterdeck.agents.runtimes.docker.api import Answer, DockerApi
from quarterdeck.agents.runtimes.errors import ResourceInitializationError, RuntimeUnavailable
from quarterdeck.agents.runtimes.network import PAUSE_IMAGE, Network

NOT_FOUND = 404
CONFLICT = 409
FORBIDDEN = 403
ENTRYPOINT = 'ENTRYPOINT ["/pause"]'
ATTEMPTS_MAX = 3
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")


class DockerNetworks:
    """The networks of one daemon; several agents may make and remove the same."""

    def __init__(self, api: DockerApi) -> None:
        self._api = api
        self._making = asyncio.Lock()

    async def ensure(self, name: str, addresses: str, labels: dict[str, str]) -> Network:
        """Look, and make what is not there; somebody else may be faster, and then ours is refused."""
        if _NAME.fullmatch(name) is None:  # it stands in a path of the API, and must name nothing else there
            raise ResourceInitializationError(f"{name} can not be the name of a network")
        async with self._making:
            await self._provide_pause()
            refusal = ""
            for _ in range(ATTEMPTS_MAX):
                answer = await self._api.call("GET", f"/networks/{name}")
                if answer.ok:
                    return _network(msgspec.json.decode(answer.body, type=wire_network.Network))
                body = wire_network.NetworkRequest(
                    name=name, labels=labels, ipam=wire_network.IpamRequest(_ranges(addresses))
                )
                answer = await self._api.call("POST", "/networks/create", body=body)
                refusal = "" if answer.ok else answer.message
        raise ResourceInitializationError(f"failed to set up the network {name}: {refusal or 'it comes and goes'}")

    async def remove_unused(self, labels: dict[str, str]) -> list[str]:
        """Remove those that no container has been created in; one that gets a container now refuses."""
        wanted = [f"{key}={value}" if value else key for key, value in labels.items()]
        filters = msgspec.json.encode({"label": wanted}).decode()
        listed = _ok(await self._api.call("GET", "/networks", {"filters": filters}))
        removed = []
        for each in msgspec.json.decode(listed.body, type=tuple[wire_network.Network, ...]):
            of_it = msgspec.json.encode({"network": [each.id]}).decode()
            there = _ok(await self._api.call("GET", "/containers/json", {"all": "1", "filters": of_it}))
            if msgspec.json.decode(there.body, type=tuple[wire.Summary, ...]):
                continue
            answer = await self._api.call("DELETE", f"/networks/{each.id}")
            if answer.ok:
                removed.append(each.name)
            elif answer.status not in {NOT_FOUND, FORBIDDEN, CONFLICT}:
                raise RuntimeUnavailable(answer.message)
        return removed

    async def _provide_pause(self) -> None:
        if (await self._api.call("GET", f"/images/{PAUSE_IMAGE}/json")).ok:
            return
        version = msgspec.json.decode(_ok(await self._api.call("GET", "/version")).body, type=wire.Version)
        if version.arch not in pause.MACHINES:
            raise ResourceInitializationError(f"there is no pause container for {version.arch}")
        repository, _, tag = PAUSE_IMAGE.rpartition(":")
        params = {"fromSrc": "-", "repo": repository, "tag": tag, "changes": ENTRYPOINT}
        made = await self._api.call("POST", "/images/create", params, body=pause.layer(version.arch))
        if not made.ok or b'"error"' in made.body:
            raise ResourceInitializationError(f"the pause container's image could not be made: {made.message}")


def _ranges(addresses: str) -> tuple[wire_network.Subnet, ...]:
    """A range with the host at its first address: what Docker does too, but does not tell. Raises for what is none."""
    if not addresses:
        return ()
    try:
        first = next(ipaddress.ip_network(addresses).hosts())
    except (ValueError, StopIteration) as error:
        raise ResourceInitializationError(f"{addresses} is no range of addresses: {error}") from error
    return (wire_network.Subnet(addresses, str(first)),)


def _network(found: wire_network.Network) -> Network:
    gateway = next((each.gateway for each in found.ipam.config or () if "." in each.gateway), "")
    if not gateway:
        raise ResourceInitializationError(f"the network {found.name} has no IPv4 gateway")
    return Network(found.name, gateway.partition("/")[0])


def _ok(answer: Answer) -> Answer:
    if not answer.ok:
        raise RuntimeUnavailable(answer.message)
    return answer
