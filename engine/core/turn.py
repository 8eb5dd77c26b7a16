"""Turn: what one command's decision has in hand: the state, who asks, the time, and new identifiers.

A decision proves all it needs before its first `emit`: each event changes the state at once, so that
the placements of one decision see one another, and a refusal must find nothing changed.
"""

import re
from typing import Protocol

import msgspec

from quarterdeck.engine.core.errors import ClientException, ClusterNotFoundException, InvalidParameterException
from quarterdeck.engine.core.hook_target import LOOPBACK
from quarterdeck.engine.core.quota import Quotas
from quarterdeck.events.catalog import AnyEvent
from quarterdeck.events.names import DEFAULT_CLUSTER, NAME, Namespace, parse_arn
from quarterdeck.projections.live.states import ClusterState, DefinitionState, NamespaceState
from quarterdeck.projections.live.view import EVOLVE

DIGITS_MAX = 18
_TOKEN = re.compile("[!-~]+")


class Ids(Protocol):
    """A source of new identifiers; seeded in simulation."""

    def hex(self) -> str:
        """Make 32 hex digits, for tasks and container instances."""
        ...

    def deployment(self) -> str:
        """Make ``ecs-svc/`` and 19 digits."""
        ...


class Settings(msgspec.Struct, frozen=True):
    """What an operator may tune about decisions; seconds, 0 = never where it says so.

    version     the engine's own, which agents may be updated to
    quotas      how many clusters, container instances and services there may be
    lost_after  an agent gone this long has its services' tasks replaced elsewhere (0 = never)
    healthy_after  a deployment's new task without health checks counts as healthy when RUNNING this long
    hook_hosts  patterns of the hosts, or host:port, whose web addresses lifecycle hooks may be
    """

    lost_after: float = 60.0
    healthy_after: float = 0.0
    version: str = ""
    quotas: Quotas = Quotas()
    hook_hosts: tuple[str, ...] = LOOPBACK


class Turn:
    """One decision in the making."""

    def __init__(
        self, state: NamespaceState, now: float, actor: str, ids: Ids, settings: Settings, digest: str = ""
    ) -> None:
        """Begin with nothing decided."""
        self.state = state
        self.now = now
        self.actor = actor
        self.ids = ids
        self.settings = settings
        self.digest = digest
        self.events: list[AnyEvent] = []

    @property
    def namespace(self) -> Namespace:
        """The namespace decided in."""
        return self.state.namespace

    def emit(self, event: AnyEvent) -> None:
        """Decide that something happened; the state has it from here on."""
        self.events.append(event)
        EVOLVE[type(event)](self.state, event, self.now)

    def cluster(self, reference: str | None) -> ClusterState:
        """Find the usable cluster a request names, ``default`` if it names none (spec §2.2)."""
        name = self.local("cluster", reference) if reference else DEFAULT_CLUSTER
        found = self.state.clusters.get(name)
        if found is None:
            raise ClusterNotFoundException("Cluster not found.")
        if found.status != "ACTIVE":
            raise ClusterNotFoundException("The referenced cluster was inactive.")
        return found

    def local(self, kind: str, reference: str, cluster: str = "") -> str:
        """Take the name out of a reference, short or ARN, which must be of this namespace and cluster."""
        if not reference.startswith("arn:"):
            return reference
        return local_name(self.namespace, kind, reference, cluster)

    def definition(self, reference: str | None) -> DefinitionState:
        """Find a task definition by family, ``family:revision`` or ARN; a family means its latest ACTIVE one."""
        if not reference:
            raise ClientException("TaskDefinition can not be blank.")
        family, _, revision = self.local("task-definition", reference).partition(":")
        known = self.state.families.get(family)
        found = None
        if known is not None:
            found = known.revisions.get(revision_number(revision)) if revision else known.latest()
        if found is None:
            raise ClientException("TaskDefinition not found.")
        return found


def local_name(namespace: Namespace, kind: str, reference: str, cluster: str = "") -> str:
    """Take the name out of an ARN; refuse one of another kind, account, region or cluster."""
    arn = parse_arn(reference)
    if arn is None or arn.kind != kind:
        raise InvalidParameterException(f"Invalid identifier: {reference} is not the ARN of a {kind}.")
    if arn.namespace.account != namespace.account:
        raise InvalidParameterException("AccountIDs mismatch")
    if arn.namespace.region != namespace.region:
        raise InvalidParameterException(
            f"Invalid identifier: {reference} is of region {arn.namespace.region}, this is {namespace.region}."
        )
    if cluster and len(arn.path) > 1 and arn.path[0] != cluster:
        raise InvalidParameterException(
            f"Invalid identifier: {reference} is of cluster {arn.path[0]}, not of {cluster}."
        )
    return arn.path[-1]


def whole_number(text: str) -> int | None:
    """Read a whole number of few enough digits to mean something; None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else None


def revision_number(text: str) -> int:
    """Read a revision; ECS's own words for one that is no number."""
    number = whole_number(text)
    if number is None:
        raise InvalidParameterException(f"Invalid revision number. Number: {text}")
    return number


def check_token(token: str, most: int) -> None:
    """Refuse an idempotency token that ECS does not take: up to so many visible characters of ASCII."""
    if len(token) > most:
        raise InvalidParameterException(f"idempotency token longer than {most}.")
    if token and _TOKEN.fullmatch(token) is None:
        raise InvalidParameterException("The idempotency token must be made of ASCII characters from 33 to 126.")


def valid_name(name: str | None) -> bool:
    """Tell whether a name is one ECS allows: 1 to 255 of letters, digits, hyphen, underscore."""
    return bool(name) and NAME.fullmatch(name or "") is not None
