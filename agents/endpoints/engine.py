"""Engine: what containers ask of the engine through their agent: their tags, and the protection of their task.

As ECS's agent has it at ``${ECS_AGENT_URI}/task-protection/v1/state`` and ``…/taskWithTags``.
"""

from typing import Any, TypeVar

import msgspec

from quarterdeck.agents.endpoints.documents import rfc3339
from quarterdeck.agents.home import Home
from quarterdeck.agents.link import LinkDown, Refused
from quarterdeck.agents.reporter import Tokens
from quarterdeck.agents.task import Task
from quarterdeck.events import shapes
from quarterdeck.events.names import Arn

Answer = TypeVar("Answer", bound=msgspec.Struct)
SERVER_EXCEPTION = "ServerException"


class Unanswered(Exception):
    """The engine refused, or did not answer; ``status`` is HTTP's."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Wanted(msgspec.Struct, frozen=True, rename="pascal"):
    """What a container asks for its task."""

    protection_enabled: bool
    expires_in_minutes: int | None = None


class Engine:
    """Asks for one agent's containers."""

    def __init__(self, instance: Arn, home: Home, tokens: Tokens) -> None:
        self._instance = instance
        self._home = home
        self._tokens = tokens

    async def tags(self, task: Task) -> dict[str, dict[str, str]]:
        """Get the tags of a task and of this instance. Raises Unanswered."""
        instance = self._instance.namespace.container_instance_arn(self._home.cluster, self._home.container_instance)
        named = {"TaskTags": task.arn, "ContainerInstanceTags": instance}
        return {name: tags for name, arn in named.items() if (tags := await self._tags_of(arn))}

    async def protection(self, task: Task, wanted: Wanted | None) -> dict[str, Any]:
        """Get, or set, whether a task is protected from scale-in and deployments. Raises Unanswered."""
        answer: shapes.GetTaskProtectionResponse | shapes.UpdateTaskProtectionResponse
        if wanted is None:
            asked = shapes.GetTaskProtectionRequest(cluster=task.cluster, tasks=[task.arn])
            answer = await self._ask("GetTaskProtection", asked, shapes.GetTaskProtectionResponse)
        else:
            change = shapes.UpdateTaskProtectionRequest(
                cluster=task.cluster,
                tasks=[task.arn],
                protection_enabled=wanted.protection_enabled,
                expires_in_minutes=wanted.expires_in_minutes,
            )
            answer = await self._ask("UpdateTaskProtection", change, shapes.UpdateTaskProtectionResponse)
        for failure in answer.failures or ():
            return {"failure": {"Arn": failure.arn, "Reason": failure.reason, "Detail": failure.detail}}
        (found,) = answer.protected_tasks or (shapes.ProtectedTask(task_arn=task.arn, protection_enabled=False),)
        expires = {} if found.expiration_date is None else {"ExpirationDate": rfc3339(found.expiration_date)}
        enabled = {"ProtectionEnabled": bool(found.protection_enabled), "TaskArn": task.arn}
        return {"protection": {**enabled, **expires}}

    async def _tags_of(self, arn: str) -> dict[str, str]:
        request = shapes.ListTagsForResourceRequest(resource_arn=arn)
        answer = await self._ask("ListTagsForResource", request, shapes.ListTagsForResourceResponse)
        return {each.key or "": each.value or "" for each in answer.tags or ()}

    async def _ask(self, operation: str, request: msgspec.Struct, answer: type[Answer]) -> Answer:
        try:
            return await self._home.link.call(self._home.cluster, operation, request, answer, self._tokens.next())
        except LinkDown as error:
            raise Unanswered(SERVER_EXCEPTION, str(error), 500) from error
        except Refused as refusal:
            raise Unanswered(refusal.code, refusal.message, 400) from refusal
