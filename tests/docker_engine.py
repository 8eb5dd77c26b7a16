"""Docker for tests: whether a Docker Engine answers here, and an image made of nothing but busybox."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import urllib.parse
from pathlib import Path

IMAGE = "quarterdeck-test/busybox:1"
ANSWER_SECONDS_MAX = 10
HEADERS_BYTES = 4096


class Engine(http.client.HTTPConnection):
    """A connection to the Docker Engine's unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=ANSWER_SECONDS_MAX)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def socket_path() -> str:
    """Where the Docker Engine listens: what DOCKER_HOST says, or the usual place."""
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")


def busybox() -> Path | None:
    """A busybox that runs in an empty image: a static one, whose headers name no dynamic loader."""
    found = shutil.which("busybox", path="/bin:/usr/bin:/usr/local/bin")
    return Path(found) if found and b"/ld-" not in Path(found).read_bytes()[:HEADERS_BYTES] else None


def missing() -> str | None:
    """Why docker tests cannot run here, None if they can."""
    try:
        status, _ = request("GET", "/_ping")
    except OSError as error:
        return f"no Docker Engine answers at {socket_path()} ({error})"
    if status != http.client.OK:
        return f"the Docker Engine at {socket_path()} answers {status}"
    if busybox() is None and not have_image():
        return f"no static busybox to make {IMAGE} of (Debian: apt install busybox-static)"
    return None


def request(
    method: str,
    target: str,
    body: bytes = b"",
    kind: str = "application/json",
    headers: dict[str, str] | None = None,
    path: str = "",
) -> tuple[int, bytes]:
    """One request to the Docker Engine (the one at ``path``): the status and the body of its answer."""
    engine = Engine(path or socket_path())
    try:
        engine.request(method, target, body=body, headers={"Content-Type": kind, **(headers or {})})
        answer = engine.getresponse()
        return answer.status, answer.read()
    finally:
        engine.close()


def have_image(path: str = "") -> bool:
    """Whether the image is there already."""
    return request("GET", f"/images/{IMAGE}/json", path=path)[0] == http.client.OK


def build_image(path: str = "") -> str:
    """Make the image unless it is there; its name."""
    if not have_image(path):
        source = busybox()
        assert source is not None
        repository, _, tag = IMAGE.rpartition(":")
        query = urllib.parse.urlencode(
            {"fromSrc": "-", "repo": repository, "tag": tag, "changes": ['CMD ["sh"]', "ENV PATH=/bin"]}, doseq=True
        )
        status, answer = request("POST", f"/images/create?{query}", layer(source), "application/x-tar", path=path)
        # The status is sent before the work is done; a failure comes as the last line.
        assert status == http.client.OK, answer
        assert "error" not in json.loads(answer.splitlines()[-1]), answer
    return IMAGE


def layer(source: Path) -> bytes:
    """A file system as a tar: busybox, links for its applets, and the few places programs expect."""
    applets = subprocess.run([source, "--list"], check=True, capture_output=True, text=True).stdout.split()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        add(tar, "bin/busybox", source.read_bytes(), 0o755)
        add(tar, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n", 0o644)
        add(tar, "etc/group", b"root:x:0:\nnogroup:x:65534:\n", 0o644)
        for applet in applets:
            if applet != "busybox":
                entry = tarfile.TarInfo(f"bin/{applet}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
    return archive.getvalue()


def add(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    """Add a file to a tar."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))
