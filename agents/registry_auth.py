"""Registry auth: the credentials of private registries, from a file as `docker login` writes it (config.json).

The file is read, and the helper it names is asked, at each pull: what was changed there is good at once. Of one
registry ``credHelpers`` decides, then ``auths``, then ``credsStore``; an entry of ``auths`` without credentials, which
`docker login` leaves when it gave them to the store, decides nothing.
"""

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from base64 import b64decode
from pathlib import Path

import msgspec

from quarterdeck.agents.runtimes.errors import CannotPullContainerError
from quarterdeck.agents.runtimes.image import Credentials, registry_of

HELPER = re.compile(r"[A-Za-z0-9._-]+")
HELPER_SECONDS_MAX = 30.0
NOT_FOUND = b"credentials not found"
USER_OF_TOKENS = "<token>"
"""The user a helper names when what it has is an identity token."""
DOCKER_HUB_SERVER = "https://index.docker.io/v1/"
DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = msgspec.field(name="identitytoken", default="")


class _Config(msgspec.Struct, rename="camel"):
    auths: dict[str, _Entry] = {}
    cred_helpers: dict[str, str] = {}
    creds_store: str = ""


class _Helped(msgspec.Struct, rename="pascal"):
    username: str
    secret: str


async def credentials_for(image: str, auth_file: str) -> Credentials | None:
    """Find what an image's registry is to be told; None if nobody says. Raises CannotPullContainerError."""
    if not auth_file:
        return None
    try:
        config = msgspec.json.decode(await asyncio.to_thread(Path(auth_file).read_bytes), type=_Config)
        helper = next((each for name, each in config.cred_helpers.items() if _host(name) in _names(image)), "")
        names = [name for name in config.auths if _host(name) in _names(image)]
        told = next((_of(config.auths[name]) for name in names if config.auths[name] != _Entry()), None)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise CannotPullContainerError(
            f"The agent's registry credentials {auth_file} can't be read: {error}"
        ) from error
    if helper:
        return await _helped(helper, _server(image, names))
    if told is None and config.creds_store:
        return await _helped(config.creds_store, _server(image, names))
    return told


def credentials_from(secret: str, name: str) -> Credentials:
    """Read a secret as ECS has them for private registries: ``{"username": …, "password": …}``."""
    try:
        entry = msgspec.json.decode(secret, type=_Entry)
    except msgspec.MsgspecError:
        entry = _Entry()
    if not entry.username or not entry.password:
        raise CannotPullContainerError(
            f'The secret {name} is not of the form {{"username": …, "password": …}}', final=True
        )
    return Credentials(entry.username, entry.password)


async def _helped(helper: str, server: str) -> Credentials | None:
    """Ask a credential helper, as Docker's client does; None if it has none. Raises CannotPullContainerError."""
    program = f"docker-credential-{helper}"
    if HELPER.fullmatch(helper) is None:
        raise CannotPullContainerError(f"{helper} is not the name of a credential helper", final=True)
    try:
        process = await asyncio.create_subprocess_exec(program, "get", stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        raise CannotPullContainerError(f"The credential helper {program} can't be run: {error}") from error
    try:
        async with asyncio.timeout(HELPER_SECONDS_MAX):
            said, _ = await process.communicate(server.encode())
    except TimeoutError:
        raise CannotPullContainerError(f"The credential helper {program} took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _read(program, server, said, process.returncode or 0)


def _read(program: str, server: str, said: bytes, status: int) -> Credentials | None:
    if NOT_FOUND in said:
        return None
    try:
        found = msgspec.json.decode(said, type=_Helped)
    except msgspec.MsgspecError as error:
        words = said.decode(errors="replace").strip() if status else "what it says can't be read"
        raise CannotPullContainerError(
            f"The credential helper {program} has nothing for {server}: {words or f'it ended with {status}'}"
        ) from error
    if found.username == USER_OF_TOKENS:
        return Credentials(token=found.secret)
    return Credentials(found.username, found.secret)


def _server(image: str, names: list[str]) -> str:
    """Name the registry as it was logged in to."""
    registry = registry_of(image)
    return next(iter(names), DOCKER_HUB_SERVER if registry in DOCKER_HUB else registry)


def _of(entry: _Entry) -> Credentials:
    if entry.identity_token:
        return Credentials(token=entry.identity_token)
    if entry.auth:
        username, _, password = b64decode(entry.auth, validate=True).decode().partition(":")
        return Credentials(username, password)
    return Credentials(entry.username, entry.password)


def _host(name: str) -> str:
    """Take the host out of ``https://index.docker.io/v1/``."""
    return name.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _names(image: str) -> tuple[str, ...]:
    registry = registry_of(image)
    return DOCKER_HUB if registry in DOCKER_HUB else (registry,)
