"""Names: namespaces, ARNs and short identifiers, in ECS's long formats (spec §2.1)."""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Literal

import msgspec

PARTITION = "aws"
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
DEFAULT_ACCOUNT = "000000000000"
DEFAULT_CLUSTER = "default"
DEFAULT_REGION = "us-east-1"

Kind = Literal[
    "cluster",
    "container-instance",
    "task",
    "service",
    "task-definition",
    "container",
    "task-set",
    "service-deployment",
    "service-revision",
]


class Namespace(msgspec.Struct, frozen=True):
    """All an account has in one region: the bounds of every decision."""

    region: str
    account: str

    @classmethod
    def parse(cls, text: str) -> "Namespace":
        """Read ``region/account``, as `str` writes it."""
        region, _, account = text.partition("/")
        return cls(region, account)

    def __str__(self) -> str:
        """Write ``region/account``."""
        return f"{self.region}/{self.account}"

    def arn(self, resource: str) -> str:
        """Name a resource (``task/web/0123…``) in full."""
        return f"arn:{PARTITION}:ecs:{self.region}:{self.account}:{resource}"

    def cluster_arn(self, cluster: str) -> str:
        """Name a cluster."""
        return self.arn(f"cluster/{cluster}")

    def container_instance_arn(self, cluster: str, container_instance: str) -> str:
        """Name a container instance by cluster and 32 hex digits."""
        return self.arn(f"container-instance/{cluster}/{container_instance}")

    def task_arn(self, cluster: str, task: str) -> str:
        """Name a task by cluster and 32 hex digits."""
        return self.arn(f"task/{cluster}/{task}")

    def service_arn(self, cluster: str, service: str) -> str:
        """Name a service."""
        return self.arn(f"service/{cluster}/{service}")

    def task_set_arn(self, cluster: str, service: str, task_set: str) -> str:
        """Name a task set of a service by ``ecs-svc/<digits>``."""
        return self.arn(f"task-set/{cluster}/{service}/{task_set}")

    def service_deployment_arn(self, cluster: str, service: str, deployment: str) -> str:
        """Name the service deployment that began with a deployment, ``ecs-svc/<digits>``."""
        return self.arn(f"service-deployment/{cluster}/{service}/{service_deployment_id(deployment)}")

    def service_revision_arn(self, cluster: str, service: str, deployment: str) -> str:
        """Name the service revision made for a deployment, ``ecs-svc/<digits>``."""
        return self.arn(f"service-revision/{cluster}/{service}/{service_revision_id(deployment)}")

    def container_arn(self, cluster: str, task: str, container: str) -> str:
        """Name a container of a task; `container` is a hyphenated UUID."""
        return self.arn(f"container/{cluster}/{task}/{container}")

    def capacity_provider_arn(self, capacity_provider: str) -> str:
        """Name a capacity provider."""
        return self.arn(f"capacity-provider/{capacity_provider}")

    def root_arn(self) -> str:
        """Name the account's root user."""
        return f"arn:{PARTITION}:iam::{self.account}:root"

    def task_definition_arn(self, revision: str) -> str:
        """Name a task definition by ``family:revision``."""
        return self.arn(f"task-definition/{revision}")


ARN_PARTS = 6  # arn:partition:ecs:region:account:resource


class Arn(msgspec.Struct, frozen=True):
    """An ARN taken apart: ``path`` is what follows the kind, split at slashes."""

    namespace: Namespace
    kind: str
    path: tuple[str, ...]


def parse_arn(text: str) -> Arn | None:
    """Take an ECS ARN apart, long or legacy short form; None if it is not one."""
    parts = text.split(":", ARN_PARTS - 1)
    if len(parts) != ARN_PARTS or parts[0] != "arn" or parts[2] != "ecs":
        return None
    kind, _, path = parts[5].partition("/")
    if not kind or not path:
        return None
    return Arn(Namespace(parts[3], parts[4]), kind, tuple(path.split("/")))


def short_name(reference: str) -> str:
    """Cut a reference, ARN or name, down to its last part; for messages and labels."""
    return reference.rsplit("/", 1)[-1]


def container_uuid(task: str, index: int) -> str:
    """Derive the identifier of a task's container from the task and its place in the definition.

    Derived, so that the log need not hold it: the task's digits as a UUID, the index added to the last part.
    """
    last = (int(task[20:], 16) + index + 1) & 0xFFFF_FFFF_FFFF
    return f"{task[:8]}-{task[8:12]}-{task[12:16]}-{task[16:20]}-{last:012x}"


ATTACHMENT = 0xFFFF
"""The place of a task's network attachment, behind any container's."""


def attachment_uuid(task: str) -> str:
    """Derive the identifier of the attachment of a task to its network."""
    return container_uuid(task, ATTACHMENT)


def network_interface_id(task: str) -> str:
    """Derive the identifier of a task's network interface, as EC2 spells them."""
    return f"eni-{sha256(task.encode()).hexdigest()[:17]}"


def service_deployment_id(deployment: str) -> str:
    """Derive a service deployment's identifier from the deployment it began with: 21 url-safe characters."""
    return urlsafe_b64encode(sha256(f"service deployment {deployment}".encode()).digest()).decode()[:21]


def service_revision_id(deployment: str) -> str:
    """Take a service revision's number from the deployment it was made for."""
    return deployment.rpartition("/")[2]
