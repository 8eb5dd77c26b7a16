"""Shim: the parent of one container's command, a program of its own that outlives the agent.

Run as ``python -I -S shim.py DIRECTORY NICE DATA_BYTES UID GID CWD COMMAND…`` (0 bytes: no limit; uid -1:
stay who we are). It starts the command in a session of its own, says on stdout why that failed (nothing
if it did not), and lets go of the caller. In the directory it leaves

    pids        boot id, then pid and start time of the shim and of the command; made exclusively, so
                that two shims never run one container
    exit        the exit code, 128 + n after signal n; written whole, and before the shim ends
    stdout.log, stderr.log      cut back when they pass LOG_BYTES_MAX, the last part kept in ``….1``

It imports little, to start in some 15 ms.
"""

# Importing pathlib takes as long as all the rest, hence:
# ruff: noqa: PTH104, PTH108, PTH116, PTH123

import errno
import os
import resource
import select
import signal
import sys

LOG_BYTES_MAX = 10 << 20
LOG_CHECK_SECONDS = 5.0
ERROR_BYTES_MAX = 4096
LOGS = ((1, "stdout.log"), (2, "stderr.log"))


def main(arguments: list[str]) -> None:
    """Leave the caller's process tree, then supervise."""
    directory, *rest = arguments
    os.chdir(directory)
    if os.fork() == 0:
        os.setsid()
        supervise(rest)
    os._exit(0)


def supervise(arguments: list[str]) -> None:
    """Start the command, and stay until it ends."""
    gate_read, gate_write = os.pipe()
    error_read, error_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(gate_write)
        become(arguments, gate_read, error_write)
    os.close(error_write)
    if not claim(pid):
        os._exit(0)  # somebody else's shim runs it; ours finds its gate closed and ends
    os.write(gate_write, b"go")
    error = os.read(error_read, ERROR_BYTES_MAX)
    if error:
        os.waitpid(pid, 0)
        os.unlink("pids")
        os.write(1, error)
        return
    detach()
    write_whole("exit", str(wait(pid)))


def become(arguments: list[str], gate: int, error: int) -> None:
    """Turn this process into the command, or write why not. Does not return."""
    nice, data_bytes, uid, gid, cwd, *command = arguments
    step = "start"
    try:
        os.setsid()
        if not os.read(gate, 1):
            os._exit(0)
        with open("environment", encoding="utf-8", errors="surrogateescape") as file:
            pairs = [pair.partition("=")[::2] for pair in file.read().split("\0") if pair]
        redirect()
        limit(int(nice), int(data_bytes))
        step = f"chdir to {cwd!r}"
        os.chdir(cwd)
        step = f"become user {uid}:{gid}"
        if int(uid) >= 0:
            os.setgroups([int(gid)])
            os.setgid(int(gid))
            os.setuid(int(uid))
        step = f'exec: "{command[0]}"'
        execute(command, dict(pairs))
    except Exception as failure:  # noqa: BLE001 - whatever it is, the agent has to hear it
        os.write(error, f"{step}: {getattr(failure, 'strerror', None) or failure}".encode())
    os._exit(127)


def execute(command: list[str], environment: dict[str, str]) -> None:
    """As os.execvpe, which imports: as another user, Python's library may be out of reach. Returns by raising."""
    folders = [""] if "/" in command[0] else [f"{folder}/" for folder in environment["PATH"].split(":")]
    denied: OSError | None = None
    for folder in folders:
        try:
            os.execve(folder + command[0], command, environment)  # noqa: S606 - it is what we are for
        except PermissionError as error:
            denied = error
        except (FileNotFoundError, NotADirectoryError):
            continue
    where = "no such file or directory" if folders == [""] else "executable file not found in $PATH"
    raise denied or FileNotFoundError(errno.ENOENT, where)


def redirect() -> None:
    """Output to the log files, appending, so that they can be cut while written to."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in LOGS:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(name, flags, 0o600), descriptor)


def limit(nice: int, data_bytes: int) -> None:
    """Weight and memory. RLIMIT_DATA: RLIMIT_AS would fail whatever reserves address space (Go, JVM)."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # ignored by Python, and exec would pass that on
    os.nice(nice)
    try:  # where sessions are scheduled as groups, the weight is the group's
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write(str(nice))
    except OSError:
        pass
    if data_bytes:
        resource.setrlimit(resource.RLIMIT_DATA, (data_bytes, data_bytes))


def claim(pid: int) -> bool:
    """Write who runs this container, unless somebody already does."""
    own = os.getpid()
    draft = f"pids.{own}"
    with open(draft, "w", encoding="ascii") as file:
        file.write(f"{boot_id()} {own} {start_ticks(own)} {pid} {start_ticks(pid)}")
    try:
        os.link(draft, "pids")
    except FileExistsError:
        return False
    finally:
        os.unlink(draft)
    return True


def boot_id() -> str:
    """Changes with every boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def start_ticks(pid: int) -> int:
    """When a process began, in clock ticks since boot: with its pid, its identity.

    Raises ProcessLookupError also for one that has ended and only waits for its parent to notice.
    """
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        state, *fields = file.read().rpartition(")")[2].split()
    if state in "ZX":
        raise ProcessLookupError(pid)
    return int(fields[18])


def detach() -> None:
    """Close the caller's pipes, which is its sign that the command runs."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def wait(pid: int) -> int:
    """Exit code of the command; what it left running in its process group is killed, as with a container."""
    ended = os.pidfd_open(pid)
    while not select.select([ended], [], [], LOG_CHECK_SECONDS)[0]:
        for _, name in LOGS:
            cut(name)
    os.killpg(pid, signal.SIGKILL)  # not reaped yet, so the number is still ours
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return code if code >= 0 else 128 - code


def cut(name: str) -> None:
    """Start a log again when it is too long, keeping the last half of what is allowed."""
    size = os.stat(name).st_size
    if size <= LOG_BYTES_MAX:
        return
    with open(name, "rb") as log, open(f"{name}.1", "wb") as kept:
        log.seek(size - LOG_BYTES_MAX // 2)
        kept.write(log.read(LOG_BYTES_MAX // 2))
    os.truncate(name, 0)


def write_whole(name: str, text: str) -> None:
    """So that a reader sees all of it or nothing."""
    with open(f"{name}.new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(f"{name}.new", name)


if __name__ == "__main__":
    main(sys.argv[1:])
