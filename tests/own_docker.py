"""A Docker Engine of a test's own, which may be stopped, killed and filled: the machine's is never touched.

It lives in network, mount and process namespaces of its own, its data in memory. What is killed with the first process
of its namespaces is all there is of it: daemon, containerd, containers, bridges and mounts.
"""

from __future__ import annotations

import contextlib
import ctypes
import http.client
import json
import logging
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tests import docker_engine

START_SECONDS_MAX = 20
DATA_MIB = 192
CLONE_NEWNET = 0x40000000
NAMESPACES = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
PROGRAMS = ("dockerd", "containerd", "runc", "unshare", "nsenter", "ip")
BUILT_IN = {"bridge", "host", "none"}
POLL_SECONDS = 0.02
FIRST = """
import signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans become its children: the kernel lets go of those that ended
print(flush=True)
while True:
    signal.pause()
"""

T = TypeVar("T")
logger = logging.getLogger(__name__)


def missing() -> str | None:
    """Why tests with a Docker Engine of their own can't run here, None if they can."""
    lacking = [each for each in PROGRAMS if shutil.which(each) is None]
    if lacking or os.geteuid():
        return f"no Docker Engine of one's own ({', '.join(lacking) or 'root'} is missing)"
    tried = subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, check=False, text=True)
    if tried.returncode:
        return f"no namespaces for a Docker Engine of one's own ({tried.stderr.strip()})"
    return docker_engine.missing()


class OwnDocker:
    """The daemon, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.socket_path = str(folder / "docker.sock")
        self._folder = folder
        self._data = folder / "data"
        self._data.mkdir()
        self._settings = folder / "daemon.json"
        self._nsenter: subprocess.Popen[bytes] | None = None
        self._killed = False
        begin = f"ip link set lo up; mount -t tmpfs -o size={DATA_MIB}m tmpfs {self._data}; exec "
        begin += shlex.join([sys.executable, "-SEc", FIRST])
        self._first = subprocess.Popen(["unshare", *NAMESPACES, "sh", "-c", begin], stdout=subprocess.PIPE)
        assert self._first.stdout is not None
        with self._first.stdout as said:
            assert said.readline() == b"\n"
        self._init = _child(self._first.pid)

    # ---------------------------------------------------------------- life

    def start(self) -> None:
        """Start the daemon, and wait until it answers."""
        entered = ["nsenter", "-t", str(self._init), "--net", "--mount", "--pid"]
        places: list[str | Path] = ["--data-root", self._data / "docker", "--exec-root", self._folder / "exec"]
        places += ["--pidfile", self._folder / "docker.pid", "--host", f"unix://{self.socket_path}"]
        places += ["--config-file", self._settings, "--cgroup-parent", self._cgroup]
        fast = ["--shutdown-timeout", "1", "--storage-driver", "overlay2"]
        fast += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
        with (self._folder / "dockerd.log").open("ab") as log:
            command = [*entered, "dockerd", *places, *fast]
            self._nsenter = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self._nsenter.poll() is None:
            with contextlib.suppress(OSError):
                if self.request("GET", "/_ping")[0] == http.client.OK:
                    return
            time.sleep(POLL_SECONDS)
        raise AssertionError((self._folder / "dockerd.log").read_text()[-4000:])

    def keep_containers(self, *, keep: bool) -> None:
        """Whether containers go on without the daemon (its live-restore)."""
        self._settings.write_text(json.dumps({"live-restore": keep}))
        if self._nsenter is not None:
            os.kill(_child(self._nsenter.pid), signal.SIGHUP)
            while self.ask("/info")["LiveRestoreEnabled"] != keep:
                time.sleep(POLL_SECONDS)

    def end(self, number: signal.Signals) -> None:
        """End the daemon, and wait until it has; its containers are what it makes of them."""
        assert self._nsenter is not None
        daemon = _child(self._nsenter.pid)
        containerd = _child(daemon, "containerd")
        os.kill(daemon, number)
        self._killed = number == signal.SIGKILL
        self._nsenter.wait()
        self._nsenter = None
        while Path(f"/proc/{containerd}").exists():  # a daemon that finds it alive would wait for it in vain
            time.sleep(POLL_SECONDS)

    @property
    def runs(self) -> bool:
        return self._nsenter is not None

    def close(self) -> None:
        """End everything, and leave nothing."""
        self._first.kill()
        self._first.wait()
        if self._nsenter is not None:
            self._nsenter.wait()
        for top in Path("/sys/fs/cgroup").glob(f"*{self._cgroup}"):
            _remove_cgroups(top)

    @property
    def _cgroup(self) -> str:
        return f"/{self._folder.name}"

    # ---------------------------------------------------------------- questions

    def request(self, method: str, target: str, body: bytes = b"") -> tuple[int, bytes]:
        """Ask it. One that was killed may come back and hang (Docker 20.10): it is killed once more, as one would."""
        try:
            return docker_engine.request(method, target, body, path=self.socket_path)
        except TimeoutError:
            if not self._killed:
                raise
            logger.warning("the daemon hangs after it was killed: it is killed once more")
            self.end(signal.SIGKILL)
            self._killed = False
            self.start()
            return docker_engine.request(method, target, body, path=self.socket_path)

    def ask(self, target: str) -> Any:
        """What it answers, decoded."""
        status, body = self.request("GET", target)
        assert status == http.client.OK, body
        return json.loads(body)

    def counts(self) -> tuple[int, int, int]:
        """How many containers, networks and volumes there are."""
        networks = {each["Name"] for each in self.ask("/networks")} - BUILT_IN
        return len(self.ask("/containers/json?all=1")), len(networks), len(self.ask("/volumes")["Volumes"] or [])

    def running(self) -> list[dict[str, Any]]:
        """What runs, as the daemon lists it."""
        listed: list[dict[str, Any]] = self.ask("/containers/json")
        return listed

    def with_processes(self) -> set[str]:
        """The ids of containers that have processes, whether the daemon knows of them or not."""
        tops = [Path(f"/sys/fs/cgroup{kind}{self._cgroup}") for kind in ("/pids", "")]
        return {path.parent.name for top in tops for path in top.glob("*/cgroup.procs") if path.read_text()}

    def within(self, work: Callable[[], T]) -> T:
        """Do something in its network: a thread goes there, and does not come back."""
        found: list[T] = []

        def there() -> None:
            with Path(f"/proc/{self._init}/ns/net").open() as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            found.append(work())

        thread = threading.Thread(target=there)
        thread.start()
        thread.join()
        return found[0]

    def listen(self) -> socket.socket:
        """A socket in its network, that listens on a free port there."""
        return self.within(lambda: socket.create_server(("127.0.0.1", 0)))


@contextlib.contextmanager
def own_docker() -> Iterator[OwnDocker]:
    """A Docker Engine for as long as the block runs, with the tests' image."""
    folder = Path(tempfile.mkdtemp(prefix="qd-docker-"))  # short: it holds a socket's path
    made = OwnDocker(folder)
    try:
        made.keep_containers(keep=True)
        made.start()
        docker_engine.build_image(made.socket_path)
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def _child(pid: int, program: str = "") -> int:
    """What a process has started, of that name."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        for threads_children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in threads_children.read_text().split():
                if program in Path(f"/proc/{child}/comm").read_text():
                    return int(child)
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"process {pid} has started no {program}")


def _remove_cgroups(top: Path) -> None:
    """Remove them once their processes have ended."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while top.exists() and time.monotonic() < deadline:
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
