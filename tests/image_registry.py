"""A registry of images for tests: Debian's `docker-registry` on loopback, for one user with a password."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import time
import urllib.parse
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

from tests import docker_engine

USER = "moon"
PASSWORD = "cheese"
HTPASSWD = "moon:$2y$05$MCSJTa9.v343/VG2rSo48eHdMZkxPvAToTq3JU9m1y9IagS1WA7ju\n"
"""Of that user and password, as `htpasswd -B` writes it."""
START_SECONDS_MAX = 20
CONFIG = """
version: 0.1
log: {{ level: error }}
storage: {{ filesystem: {{ rootdirectory: "{folder}/images" }} }}
http: {{ addr: "127.0.0.1:{port}", secret: test }}
auth: {{ htpasswd: {{ realm: test, path: "{folder}/htpasswd" }} }}
"""


def missing() -> str | None:
    """Why registry tests cannot run here, None if they can."""
    if shutil.which("docker-registry") is None:
        return "no docker-registry (Debian: apt install docker-registry)"
    return docker_engine.missing()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """A registry for as long as the block runs; its `host:port`."""
    program = shutil.which("docker-registry")
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "htpasswd").write_text(HTPASSWD)
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port))
    with (folder / "registry.log").open("wb") as log:
        registry = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
        try:
            _wait(port, registry, folder)
            yield f"127.0.0.1:{port}"
        finally:
            registry.terminate()
            registry.wait()


def _wait(port: int, registry: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline and registry.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        with contextlib.suppress(OSError), contextlib.closing(connection):
            connection.request("GET", "/v2/")
            assert connection.getresponse().status == http.client.UNAUTHORIZED
            return
        time.sleep(0.02)
    raise AssertionError((folder / "registry.log").read_text())


def push(image: str, name: str) -> None:
    """Put a local image into the registry its new name begins with; the local name is taken away again."""
    repository, _, tag = name.rpartition(":")
    told = {"username": USER, "password": PASSWORD, "serveraddress": name.partition("/")[0]}
    auth = urlsafe_b64encode(json.dumps(told).encode()).decode()
    query = urllib.parse.urlencode({"repo": repository, "tag": tag})
    assert docker_engine.request("POST", f"/images/{image}/tag?{query}")[0] == http.client.CREATED
    status, said = docker_engine.request(
        "POST", f"/images/{repository}/push?tag={tag}", headers={"X-Registry-Auth": auth}
    )
    assert status == http.client.OK, said
    assert b'"error"' not in said, said
    docker_engine.request("DELETE", f"/images/{name}")


def auth_file(folder: Path, registry: str) -> Path:
    """What `docker login` would write."""
    written = folder / "config.json"
    auth = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    written.write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
    return written
