"""A registry of one image, served from memory on a socket that is given: for daemons in a network of their own.

It can be told to fail first, as registries do for a while.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import socket
import tarfile
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "static/image"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class StaticRegistry(ThreadingHTTPServer):
    """Serves ``127.0.0.1:<port>/static/image:1``, one layer with these files."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, files: dict[str, bytes]) -> None:
        super().__init__(listening.getsockname(), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.image = f"127.0.0.1:{listening.getsockname()[1]}/{NAME}:1"
        self.blobs: dict[str, bytes] = {}
        self.failures: list[HTTPStatus] = []
        """What is answered to so many requests for the manifest, first."""
        self.asked = 0
        """How often the manifest was asked for."""
        plain = tar(files)
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}
        config["rootfs"]["diff_ids"] = [digest(plain)]  # type: ignore[index]
        layer = self.keep(LAYER, gzip.compress(plain, 1, mtime=0))
        written = self.keep(CONFIG, json.dumps(config).encode())
        parts = {"schemaVersion": 2, "mediaType": MANIFEST, "config": written, "layers": [layer]}
        self.manifest = json.dumps(parts).encode()

    def keep(self, kind: str, content: bytes) -> dict[str, object]:
        self.blobs[digest(content)] = content
        return {"mediaType": kind, "size": len(content), "digest": digest(content)}


class Handler(BaseHTTPRequestHandler):
    """Answers what a pull asks."""

    server: StaticRegistry

    def do_GET(self) -> None:
        what, _, name = self.path.removeprefix(f"/v2/{NAME}/").partition("/")
        if self.path == "/v2/":
            self.say(HTTPStatus.OK, "application/json", b"{}")
        elif what == "manifests":
            self.server.asked += self.command == "GET"
            if self.server.failures:
                self.say(self.server.failures.pop(0), "text/plain", b"try again later")
            else:
                self.say(HTTPStatus.OK, MANIFEST, self.server.manifest)
        elif name in self.server.blobs:
            self.say(HTTPStatus.OK, "application/octet-stream", self.server.blobs[name])
        else:
            self.say(HTTPStatus.NOT_FOUND, "application/json", b"{}")

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def say(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", digest(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(listening: socket.socket, files: dict[str, bytes]) -> Iterator[StaticRegistry]:
    """A registry for as long as the block runs."""
    with StaticRegistry(listening, files) as registry:
        thread = threading.Thread(target=registry.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield registry
        finally:
            registry.shutdown()
            thread.join()


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def tar(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as written:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            written.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
