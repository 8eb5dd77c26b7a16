"""Registry auth: the credentials of private registries, from a file as `docker login` writes it (config.json).

The file is read at each pull: what was changed there is good at once.
"""

from base64 import b64decode
from pathlib import Path

import msgspec

from quarterdeck.agents.runtimes.errors import CannotPullContainerError
from quarterdeck.agents.runtimes.image import Credentials, registry_of

DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


class _Entry(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identity_token: str = msgspec.field(name="identitytoken", default="")


class _Config(msgspec.Struct):
    auths: dict[str, _Entry] = {}


def credentials_for(image: str, auth_file: str) -> Credentials | None:
    """Find what an image's registry is to be told; None if the file does not say. Raises CannotPullContainerError."""
    if not auth_file:
        return None
    try:
        config = msgspec.json.decode(Path(auth_file).read_bytes(), type=_Config)
        return next((_of(each) for name, each in config.auths.items() if _host(name) in _names(image)), None)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise CannotPullContainerError(
            f"The agent's registry credentials {auth_file} can't be read: {error}"
        ) from error


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
    return _of(entry)


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
