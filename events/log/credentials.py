"""Credentials: NATS users as every client in every language takes them, one ``.creds`` file each.

The embedded server trusts one operator key, which signs one account, which signs its users (decentralised JWTs with
an in-memory resolver). The seeds are made once per data directory; JWTs and files are written anew at every start, so
permissions follow the code. JetStream keeps its streams under the account's key: seeds and streams belong together.
"""

import hashlib
import json
import secrets
from base64 import b32encode, urlsafe_b64encode
from pathlib import Path
from typing import Any, Literal

import msgspec
import nkeys  # type: ignore[import-untyped]  # it has no annotations

from quarterdeck.events.log.errors import LogMisconfigured
from quarterdeck.events.log.files import write_private
from quarterdeck.events.stored_log import BUCKET

FEED_STREAM = "QD_FEED"
User = Literal["engine", "operator", "agent"]
ENGINE_INBOX = "_QD_ENGINE"

ANYTHING: dict[str, Any] = {"pub": {}, "sub": {}}
FEED_API = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    f"$JS.API.STREAM.INFO.{FEED_STREAM}",
    f"$JS.API.STREAM.MSG.GET.{FEED_STREAM}",
    f"$JS.API.DIRECT.GET.{FEED_STREAM}",
    f"$JS.API.DIRECT.GET.{FEED_STREAM}.>",
    *(f"$JS.API.CONSUMER.{verb}.{FEED_STREAM}" for verb in ("CREATE", "NAMES", "LIST")),
    *(f"$JS.API.CONSUMER.{verb}.{FEED_STREAM}.>" for verb in ("CREATE", "INFO", "DELETE", "MSG.NEXT")),
    f"$JS.API.CONSUMER.DURABLE.CREATE.{FEED_STREAM}.>",
    f"$JS.ACK.{FEED_STREAM}.>",
    f"$JS.FC.{FEED_STREAM}.>",
]
LOGS_READ = [f"$JS.API.DIRECT.GET.OBJ_{BUCKET}", f"$JS.API.DIRECT.GET.OBJ_{BUCKET}.>"]
LOGS_WRITTEN = [
    f"$O.{BUCKET}.>",
    *(f"$JS.API.STREAM.{verb}.OBJ_{BUCKET}" for verb in ("CREATE", "PURGE")),
    f"$JS.API.DIRECT.GET.OBJ_{BUCKET}.>",
]
ONE_ANSWER = {"max": 1, "ttl": 60 * 10**9}
"""To each request that reaches a user, for so many nanoseconds: lifecycle hooks are answered so."""
PERMISSIONS: dict[User, dict[str, Any]] = {
    "engine": ANYTHING,
    "operator": {
        "pub": {
            "allow": [
                "qd.cmd.>",
                "qd.queue.>",
                "qd.io.>",
                "qd.sys.about",
                "qd.usage.>",
                "qd.secret.>",
                *FEED_API,
                *LOGS_READ,
            ]
        },
        "sub": {"allow": ["_INBOX.>", "qd.feed.>", "qd.answer.>", "qd.out.>", "qd.hook.>"]},
        "resp": ONE_ANSWER,
    },
    "agent": {
        "pub": {"allow": ["qd.cmd.>", "qd.agent.>", "qd.stats.>", "qd.out.>", *LOGS_WRITTEN]},
        "sub": {"allow": ["_INBOX.>", "qd.want.>", "qd.io.>"]},
    },
}
UNLIMITED = dict.fromkeys(["subs", "data", "payload", "imports", "exports", "conn", "leaf"], -1)
JETSTREAM_UNLIMITED = dict.fromkeys(["mem_storage", "disk_storage", "streams", "consumer"], -1)


class Seeds(msgspec.Struct, frozen=True):
    """The secret keys of one data directory, as NATS writes them."""

    operator: str
    system: str
    account: str
    users: dict[str, str]


class Trust(msgspec.Struct, frozen=True):
    """What the server's configuration says about whom to trust."""

    operator_jwt: str
    system_account: str
    accounts: dict[str, str]


def issue(directory: Path, store: Path) -> Trust:
    """Write ``<user>.creds`` for every user into ``directory`` (made 0700, files 0600); return the server's side.

    Raises LogMisconfigured when the seeds are gone but streams kept under their account are still there.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    seeds = _seeds(directory / "seeds.json", store)
    operator, system, account = (_pair(seed) for seed in (seeds.operator, seeds.system, seeds.account))
    for name, seed in seeds.users.items():
        limits = {"type": "user", "subs": -1, "data": -1, "payload": -1}
        token = _jwt(account, _pair(seed), name, {**limits, **PERMISSIONS[name]})  # type: ignore[index]
        write_private(directory / f"{name}.creds", _creds(token, seed))
    limits_of_account = {**UNLIMITED, **JETSTREAM_UNLIMITED, "wildcards": True}
    return Trust(
        operator_jwt=_jwt(operator, operator, "quarterdeck", {"type": "operator", "system_account": _public(system)}),
        system_account=_public(system),
        accounts={
            _public(system): _jwt(operator, system, "SYS", {"type": "account", "limits": UNLIMITED}),
            _public(account): _jwt(operator, account, "QD", {"type": "account", "limits": limits_of_account}),
        },
    )


def _seeds(path: Path, store: Path) -> Seeds:
    if path.exists():
        found = msgspec.json.decode(path.read_bytes(), type=Seeds)
        if set(found.users) == set(PERMISSIONS):
            return found
        users = {name: found.users.get(name) or _seed(nkeys.PREFIX_BYTE_USER) for name in PERMISSIONS}
        seeds = msgspec.structs.replace(found, users=users)
    elif any((store / "jetstream").glob("A*/streams/*")):
        message = f"{path} is gone, but {store} holds streams of the account it named: restore it from a backup"
        raise LogMisconfigured(message)
    else:
        seeds = Seeds(
            operator=_seed(nkeys.PREFIX_BYTE_OPERATOR),
            system=_seed(nkeys.PREFIX_BYTE_ACCOUNT),
            account=_seed(nkeys.PREFIX_BYTE_ACCOUNT),
            users={name: _seed(nkeys.PREFIX_BYTE_USER) for name in PERMISSIONS},
        )
    write_private(path, msgspec.json.encode(seeds).decode())
    return seeds


def _seed(prefix: int) -> str:
    return bytes(nkeys.encode_seed(secrets.token_bytes(32), prefix)).decode()


def _pair(seed: str) -> nkeys.KeyPair:
    return nkeys.from_seed(bytearray(seed.encode()))


def _public(pair: nkeys.KeyPair) -> str:
    return bytes(pair.public_key).decode()


def _jwt(issuer: nkeys.KeyPair, subject: nkeys.KeyPair, name: str, body: dict[str, Any]) -> str:
    # Issued "at 0": the token is the same at every start and needs no clock.
    claims = {"iat": 0, "iss": _public(issuer), "name": name, "sub": _public(subject), "nats": {**body, "version": 2}}
    claims["jti"] = b32encode(hashlib.sha256(json.dumps(claims).encode()).digest()).decode().rstrip("=")
    unsigned = f"{_base64({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{_base64(claims)}"
    return f"{unsigned}.{_text(issuer.sign(unsigned.encode()))}"


def _base64(value: dict[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _creds(token: str, seed: str) -> str:
    return (
        f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
