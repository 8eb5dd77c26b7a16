"""Docker's streams: what arrives is whole, however it is cut."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.agents.runtimes.docker.multiplexed import Demultiplexer, LogLines, nanoseconds, seconds


def framed(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20))), st.integers(1, 9))
def test_docker_s_parts_are_whole_however_they_arrive(parts: list[tuple[int, bytes]], step: int) -> None:
    stream = b"".join(framed(*part) for part in parts)
    demultiplexer = Demultiplexer(terminal=False)
    found = [part for at in range(0, len(stream), step) for part in demultiplexer.feed(stream[at : at + step])]
    assert found == [("stdout" if number == 1 else "stderr", data) for number, data in parts]


def test_times_are_read_to_the_nanosecond() -> None:
    assert nanoseconds("2026-01-02T03:04:05.123456789Z") == 1_767_323_045_123_456_789
    assert nanoseconds("2026-01-02T03:04:05.5Z") == 1_767_323_045_500_000_000
    assert nanoseconds("2026-01-02T03:04:05Z") == 1_767_323_045_000_000_000
    assert nanoseconds("yesterday") == 0
    assert seconds(1_767_323_045_000_000_009) == "1767323045.000000009"


def test_a_terminal_s_lines_are_put_together_and_the_last_needs_no_end() -> None:
    lines = LogLines(terminal=True)
    found = [*lines.feed(b"2026-01-02T03:04:05Z on"), *lines.feed(b"e\r\n2026-01-02T03:04:06Z two"), *lines.end()]
    assert [(line.data, line.whole) for line in found] == [(b"one\r\n", True), (b"two", False)]
    assert list(lines.end()) == []


def test_a_terminal_s_long_line_comes_piece_by_piece_with_one_time() -> None:
    lines = LogLines(terminal=True)
    bar = b"2026-01-02T03:04:05Z " + b"\r=>" * 10_000
    found = [*lines.feed(bar), *lines.feed(b"done\n2026-01-02T03:04:06Z next\n")]
    assert b"".join(line.data for line in found) == b"\r=>" * 10_000 + b"done\nnext\n"
    assert {line.at for line in found[:-1]} == {1_767_323_045_000_000_000}
    assert [line.whole for line in found] == [False, True, True]


def test_a_long_line_comes_in_parts() -> None:
    data = framed(2, b"2026-01-02T03:04:05Z half") + framed(2, b"2026-01-02T03:04:05Z rest\n")
    found = list(LogLines(terminal=False).feed(data))
    assert [(line.stream, line.data, line.whole) for line in found] == [
        ("stderr", b"half", False),
        ("stderr", b"rest\n", True),
    ]
