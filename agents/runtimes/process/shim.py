"""Shim: the parent of one container's command, a program of its own that outlives the agent.

Run as ``python -I -S shim.py DIRECTORY NICE DATA_BYTES UID GID CWD COMMAND…`` (0 bytes: no limit; uid -1:
stay who we are). It starts the command in a session of its own, says on stdout why that failed (nothing
if it did not), and lets go of the caller. In the directory it leaves

    pids        boot id, then pid and start time of the shim and of the command; made exclusively, so
                that two shims never run one container
    output.log  what the command writes (see ``records``); what was there before LOG_BYTES_MAX is kept in ``….1``
    exit        the exit code, 128 + n after signal n; written whole, after all output, and before the shim ends

As ``shim.py enter DIRECTORY TERM NICE DATA_BYTES UID GID CWD COMMAND…`` it becomes another command in that container,
with the terminal it was started on if TERM names one. It imports little, to start in some 15 ms.
"""

# Importing pathlib takes as long as all the rest, hence:
# ruff: noqa: PTH104, PTH108, PTH123

import errno
import os
import resource
import select
import signal
import sys
import time

LOG = "output.log"
LOG_BYTES_MAX = 10 << 20
READ_BYTES = 64 << 10
PART_BYTES_MAX = 16 << 10
"""A line longer than this is kept in parts."""
ERROR_BYTES_MAX = 4096
TIOCSCTTY = 0x540E
NOT_EXECUTABLE = 126
NOT_FOUND = 127


def main(arguments: list[str]) -> None:
    """Leave the caller's process tree, then supervise; or enter a container."""
    if arguments[0] == "enter":
        enter(arguments[1:])
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
    outputs = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(gate_write)
        become(arguments, gate_read, error_write, tuple(write for _, write in outputs))
    for _, write in outputs:
        os.close(write)
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
    streams = {read: Stream(letter) for (read, _), letter in zip(outputs, (b"o", b"e"), strict=True)}
    write_whole("exit", str(wait(pid, streams)))


def become(arguments: list[str], gate: int, error: int, outputs: tuple[int, ...]) -> None:
    """Turn this process into the command, or write why not. Does not return."""
    try:
        os.setsid()
        if not os.read(gate, 1):
            os._exit(0)
        pairs = environment()
        redirect(outputs, int(arguments[2]))
        settle(arguments, pairs)
    except Exception as failure:  # noqa: BLE001 - whatever it is, the agent has to hear it
        os.write(error, described(failure).encode())
    os._exit(NOT_FOUND)


def enter(arguments: list[str]) -> None:
    """Turn this process into another command of a container, or say why not on stderr. Does not return."""
    directory, terminal, *rest = arguments
    code = NOT_EXECUTABLE
    try:
        os.chdir(directory)
        pairs = environment()
        os.setsid()
        if terminal:
            from fcntl import ioctl  # noqa: PLC0415 - the shim of a container needs it not

            ioctl(0, TIOCSCTTY, 0)
            pairs["TERM"] = terminal
        settle(rest, pairs)
    except FileNotFoundError as failure:
        code = NOT_FOUND
        os.write(2, f"{described(failure)}\r\n".encode())
    except Exception as failure:  # noqa: BLE001 - whatever it is, the caller has to hear it
        os.write(2, f"{described(failure)}\r\n".encode())
    os._exit(code)


def environment() -> dict[str, str]:
    """What the container's directory holds of its environment."""
    with open("environment", encoding="utf-8", errors="surrogateescape") as file:
        return dict(pair.partition("=")[::2] for pair in file.read().split("\0") if pair)


def settle(arguments: list[str], pairs: dict[str, str]) -> None:
    """Take on limits, place and user, then run the command. Returns by raising, with the step in a note."""
    nice, data_bytes, uid, gid, cwd, *command = arguments
    step = "start"
    try:
        limit(int(nice), int(data_bytes))
        step = f"chdir to {cwd!r}"
        os.chdir(cwd)
        step = f"become user {uid}:{gid}"
        if int(uid) >= 0:
            os.setgroups([int(gid)])
            os.setgid(int(gid))
            os.setuid(int(uid))
        step = f'exec: "{command[0]}"'
        execute(command, pairs)
    except Exception as failure:
        failure.add_note(step)
        raise


def described(failure: Exception) -> str:
    """Say what failed, and at which step."""
    step = "".join(getattr(failure, "__notes__", ["start"]))
    return f"{step}: {getattr(failure, 'strerror', None) or failure}"


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


def redirect(outputs: tuple[int, ...], uid: int) -> None:
    """Output to the shim, as files of the user: who opens /dev/stdout anew must be allowed to."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, output in enumerate(outputs, 1):
        if uid >= 0:
            os.fchown(output, uid, -1)
        os.dup2(output, descriptor)


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


class Stream:
    """What one of the command's streams wrote and is not in the file yet."""

    def __init__(self, letter: bytes) -> None:
        self.letter = letter
        self.rest = b""

    def records(self, data: bytes) -> bytes:
        """Make records of the lines that are whole, and of parts that are too long; nothing is the end."""
        *whole, self.rest = (self.rest + data).split(b"\n")
        at = b"%d " % time.time_ns()  # noqa: TID251 - the shim is a program of its own
        made = [at + self.letter + b" " + line + b"\n" for line in whole]
        while len(self.rest) > PART_BYTES_MAX or (self.rest and not data):
            part, self.rest = self.rest[:PART_BYTES_MAX], self.rest[PART_BYTES_MAX:]
            made.append(at + self.letter.upper() + b" " + part + b"\n")
        return b"".join(made)


def wait(pid: int, streams: dict[int, Stream]) -> int:
    """Exit code of the command; what it left running in its process group is killed, as with a container."""
    ended = os.pidfd_open(pid)
    open_streams = dict(streams)
    while ended not in (ready := select.select([ended, *open_streams], [], [])[0]):
        for source in ready:
            if not keep(open_streams[source], source):
                del open_streams[source]
    os.killpg(pid, signal.SIGKILL)  # not reaped yet, so the number is still ours
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    for source, stream in open_streams.items():
        os.set_blocking(source, False)
        try:
            while keep(stream, source):
                pass
        except BlockingIOError:  # somebody it left behind could still write, and is not waited for
            append(stream.records(b""))
    return code if code >= 0 else 128 - code


def keep(stream: Stream, source: int) -> bool:
    """Bring what was written into the file; False at the end."""
    data = os.read(source, READ_BYTES)
    append(stream.records(data))
    return bool(data)


def append(records: bytes) -> None:
    """Write to the file; one that is long enough is kept once more, and begun anew. A full disk loses output only."""
    try:
        file = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, records)
            long = os.fstat(file).st_size > LOG_BYTES_MAX
        finally:
            os.close(file)
        if long:
            os.rename(LOG, f"{LOG}.1")
    except OSError:
        pass


def write_whole(name: str, text: str) -> None:
    """So that a reader sees all of it or nothing."""
    with open(f"{name}.new", "w", encoding="ascii") as file:
        file.write(text)
    os.rename(f"{name}.new", name)


if __name__ == "__main__":
    main(sys.argv[1:])
