"""Secret exchange: how an agent asks for the secrets of a task, and gets them sealed to itself (`secret_seal`)."""

import msgspec

KEY_BYTES = 32


class SecretsRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an agent asks: these ``valueFrom`` of a task placed on its instance, sealed to this public key."""

    task: str
    value_from: list[str]
    public_key: str


class SecretsAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """The values, sealed, by ``valueFrom``; those there are not are ``missing``."""

    sealed: str = ""
    missing: list[str] = []


class Unopened(Exception):
    """It was sealed for somebody else, or changed on the way."""
