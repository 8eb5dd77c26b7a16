"""Secrets: an account's own secrets: stored sealed, listed without their values, given to the agent that needs them."""

import secrets as randomness
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from quarterdeck.engine.core import secret as core
from quarterdeck.engine.core.errors import InvalidParameterException, ServerException
from quarterdeck.engine.core.turn import Turn
from quarterdeck.engine.shell.command import Command
from quarterdeck.engine.shell.keeper import Keeper
from quarterdeck.engine.shell.vault import KEY_BYTES, Vault, VaultClosed
from quarterdeck.engine.shell.wanted import Instance
from quarterdeck.events.secret_exchange import SecretsAnswer, SecretsRequest
from quarterdeck.events.secret_seal import seal
from quarterdeck.projections.live.states import SecretState

T = TypeVar("T")


class Secrets:
    """The secrets of all accounts of a keeper. All of it raises Refusal and NotKeeper."""

    def __init__(self, keeper: Keeper, vault: Vault) -> None:
        self._keeper = keeper
        self._vault = vault

    async def store(self, namespace: str, name: str, value: str, actor: str) -> SecretState:
        """Give a secret a value; in the log it is sealed."""
        core.checked_name(name)
        core.checked_value(value)
        sealed = self._with_vault(partial(self._vault.seal, namespace, name, value))
        found: SecretState = await self._decide(namespace, "StoreSecret", actor, partial(_store, name, sealed))
        return found

    async def delete(self, namespace: str, name: str, actor: str) -> SecretState:
        """Take a secret away."""
        found: SecretState = await self._decide(namespace, "DeleteSecret", actor, partial(_delete, name))
        return found

    async def listed(self, namespace: str, actor: str) -> list[SecretState]:
        """All there are, by name."""
        found: list[SecretState] = await self._decide(namespace, "ListSecrets", actor, core.listed)
        return found

    async def give(self, instance: Instance, request: SecretsRequest) -> SecretsAnswer:
        """Give an agent what a task on its instance needs, sealed to it."""
        actor = f"agent/{instance.container_instance}"
        decide = partial(_given, instance, request)
        found: dict[str, SecretState | None] = await self._decide(instance.namespace, "GiveSecrets", actor, decide)
        values = {
            each: self._with_vault(partial(self._vault.open, instance.namespace, state.name, state.sealed))
            for each, state in found.items()
            if state is not None
        }
        missing = [each for each, state in found.items() if state is None]
        try:
            sealed = seal(values, request.public_key, request.task, randomness.token_bytes(KEY_BYTES))
        except ValueError as error:
            raise InvalidParameterException("The agent's public key is none.") from error
        return SecretsAnswer(sealed=sealed, missing=missing)

    async def _decide(self, namespace: str, operation: str, actor: str, decide: Callable[[Turn], Any]) -> Any:  # noqa: ANN401 - what the decision gives
        command = Command(namespace=namespace, operation=operation, actor=actor, decide=decide)
        return (await self._keeper.submit(command)).result

    def _with_vault(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except VaultClosed as error:
            raise ServerException(str(error)) from error


def _store(name: str, sealed: str, turn: Turn) -> SecretState:
    return core.store(turn, name, sealed)


def _delete(name: str, turn: Turn) -> SecretState:
    return core.delete(turn, name)


def _given(instance: Instance, request: SecretsRequest, turn: Turn) -> dict[str, SecretState | None]:
    return core.given(turn, instance.cluster, instance.container_instance, request.task, request.value_from)
