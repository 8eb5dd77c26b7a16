"""Records: what is written down is read again, byte by byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.events import records
from quarterdeck.events.session import LogLine, LogQuery

LINES = st.builds(
    LogLine,
    st.integers(1, 2**62),
    st.sampled_from(["stdout", "stderr"]),
    st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")),
    st.booleans(),
).map(lambda line: LogLine(line.at, line.stream, line.data + (b"\n" if line.whole else b""), line.whole))


@given(st.lists(LINES))
def test_records_are_read_as_they_were_written(lines: list[LogLine]) -> None:
    written = b"".join(records.encode(line) for line in lines)
    assert [records.decode(each + b"\n") for each in written.split(b"\n")[:-1]] == lines


@given(st.lists(LINES))
def test_all_records_of_a_file_are_read_also_those_with_returns_in_them(lines: list[LogLine]) -> None:
    assert list(records.stored(b"".join(records.encode(line) for line in lines))) == lines


def test_what_is_no_whole_record_is_passed_over() -> None:
    broken = [b"", b"\n", b"12 o no end", b"x o text\n", b"12 q text\n", b"12\n"]
    assert list(records.lines([*broken, b"12 o text\n"])) == [LogLine(12, "stdout", b"text\n")]


def test_the_tail_is_of_those_of_the_time() -> None:
    lines = [LogLine(at, "stdout", b"x\n") for at in range(1, 10)]
    assert [line.at for line in records.picked(lines, LogQuery(since=3, until=8, tail=2))] == [6, 7]
