"""Pause: a program of a few bytes that waits for ever, as an image: no registry and no compiler needed. Pure.

A static ELF executable, one segment, that calls pause(2) (x86_64) or ppoll(2) without end (aarch64) again and again.
"""

import io
import struct
import tarfile

X86_64 = bytes.fromhex("b8220000000f05ebf7")
"""mov eax, 34 (pause); syscall; jmp to the start."""
AARCH64 = b"".join(
    instruction.to_bytes(4, "little")
    for instruction in (
        *(0xD2800000 | register for register in range(4)),  # mov x0 to x3, 0
        0xD2800928,  # mov x8, 73 (ppoll)
        0xD4000001,  # svc 0
        0x17FFFFFA,  # b to the start
    )
)
MACHINES = {"x86_64": (62, X86_64), "amd64": (62, X86_64), "aarch64": (183, AARCH64), "arm64": (183, AARCH64)}

ADDRESS = 0x400000
HEADER_BYTES, SEGMENT_BYTES = 64, 56
EXECUTABLE_MODE = 0o755


def program(architecture: str) -> bytes:
    """Write the executable. Raises KeyError for an architecture it is not written for."""
    machine, code = MACHINES[architecture]
    entry = HEADER_BYTES + SEGMENT_BYTES
    size = entry + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, machine, 1, ADDRESS + entry, HEADER_BYTES, 0, 0, HEADER_BYTES, SEGMENT_BYTES, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x1000)
    return header + segment + code


def layer(architecture: str) -> bytes:
    """Write a file system of that program alone, as a tar."""
    content = program(architecture)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("pause")
        entry.size, entry.mode = len(content), EXECUTABLE_MODE
        tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()
