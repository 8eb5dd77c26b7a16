"""Secret store: gets the secrets of a task from the engine, sealed to this agent alone, when they are needed."""

from collections.abc import Iterable

import msgspec

from quarterdeck.agents.home import Home
from quarterdeck.agents.link import LinkDown, Refused
from quarterdeck.agents.runtimes.errors import ResourceInitializationError, RuntimeUnavailable
from quarterdeck.events.secret_exchange import SecretsRequest, Unopened
from quarterdeck.events.secret_reference import Reference, reference

PULL = "unable to pull secrets or registry auth: execution resource retrieval failed:"
ASM = "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret"
SSM = "unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters:"


class SecretStore:
    """The secrets an agent may have; nothing of them is kept here."""

    def __init__(self, home: Home, private: bytes) -> None:
        self._home = home
        self._private = private

    async def values(self, task: str, value_from: Iterable[str]) -> dict[str, str]:
        """Get the values of a task's ``valueFrom``. Raises RuntimeUnavailable, ResourceInitializationError."""
        asked = sorted(set(value_from))
        if not asked:
            return {}
        from quarterdeck.events.secret_seal import opened, public_key  # noqa: PLC0415 - 6 MB that few agents need

        request = SecretsRequest(task=task, value_from=asked, public_key=public_key(self._private))
        home = self._home
        try:
            answer = await home.link.secrets(home.cluster, home.container_instance, request)
            values = opened(answer.sealed, self._private, task)
        except LinkDown as error:
            raise RuntimeUnavailable(f"the engine can't be asked for secrets: {error}") from error
        except (Refused, Unopened) as error:
            raise ResourceInitializationError(f"{PULL} {error}") from error
        if answer.missing:
            raise ResourceInitializationError(f"{PULL} {_missing(reference(answer.missing[0]))}")
        return {each: _member(values[each], reference(each)) for each in asked}


def _missing(what: Reference) -> str:
    """Say what is not there, in ECS's words."""
    if what.store == "asm":
        reason = "ResourceNotFoundException: Secrets Manager can't find the specified secret."
        return f"{ASM} {what.value_from} from secrets manager: {reason}"
    return f"{SSM} {what.value_from}"


def _member(value: str, what: Reference) -> str:
    """Take a member of a secret that is JSON, if one is asked for."""
    if not what.key:
        return value
    try:
        members = msgspec.json.decode(value, type=dict[str, object])
        found = members[what.key]
    except (msgspec.MsgspecError, KeyError) as error:
        raise ResourceInitializationError(
            f"{PULL} {ASM} {what.value_from} from secrets manager: retrieved secret did not contain json key {what.key}"
        ) from error
    return found if isinstance(found, str) else msgspec.json.encode(found).decode()
