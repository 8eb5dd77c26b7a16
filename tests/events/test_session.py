"""Sessions between clients and agents: what is on its way is bounded, and what gets lost is noticed."""

from __future__ import annotations

import msgspec
import pytest

from quarterdeck.events import session
from quarterdeck.events.cursor import Cursor
from quarterdeck.events.names import Namespace
from quarterdeck.events.session import Flow, Input, LogLine, LogQuery, Packet


def filled(flow: Flow) -> list[Packet]:
    """Send as much as the window allows."""
    packets = []
    while flow.may_send:
        packets.append(flow.packet(Input(b"x")))
    return packets


def test_a_side_sends_no_more_than_the_window_ahead() -> None:
    here, there = Flow(), Flow()
    packets = filled(here)
    assert len(packets) == session.WINDOW_FRAMES
    assert [there.hear(packet) for packet in packets] == [""] * len(packets)
    assert filled(here) == []
    told = []
    for _ in packets:
        there.take()
        if there.should_tell:
            told.append(there.packet())
    assert [packet.taken for packet in told] == [session.TELL_FRAMES, session.WINDOW_FRAMES]
    assert here.hear(told[0]) == ""
    assert len(filled(here)) == session.TELL_FRAMES


def test_a_lost_frame_is_noticed_and_a_sign_of_life_is_none() -> None:
    here, there = Flow(), Flow()
    assert there.hear(here.packet()) == ""
    here.packet(Input(b"lost"))
    assert there.hear(here.packet(Input(b"next"))) == "part 1 was lost on the way"


def test_who_sends_more_than_it_may_is_noticed() -> None:
    flow = Flow()
    said = [flow.hear(Packet(number, 0, Input())) for number in range(1, session.WINDOW_FRAMES + 3)]
    assert said[:-1] == [""] * (session.WINDOW_FRAMES + 1)
    assert said[-1] == "the other side sends more than it may"


@pytest.mark.parametrize("frame", [session.Ended(exit_code=0), session.Opened(), session.Resize(1, 2), Input(b"\xff")])
def test_frames_are_read_as_they_were_written(frame: session.AnyFrame) -> None:
    written = msgspec.msgpack.encode(Packet(1, 2, frame))
    assert msgspec.msgpack.decode(written, type=Packet) == Packet(1, 2, frame)


def test_subjects_name_the_instance_and_what_is_said() -> None:
    namespace = Namespace("us-east-1", "000000000000")
    assert session.subject(namespace, "web", "c1", "open") == "qd.io.us-east-1.000000000000.web.c1.open"
    assert session.out("t") == "qd.out.t"


def line(at: int, text: str) -> LogLine:
    return LogLine(at, "stdout", text.encode())


def test_a_reader_that_goes_on_misses_nothing_and_reads_nothing_twice() -> None:
    written = [line(1, "a"), line(2, "b"), line(2, "c"), line(2, "d"), line(3, "e")]
    cursor = Cursor(LogQuery(tail=10, follow=True))
    assert cursor.again() == LogQuery(tail=10, follow=True)
    read = cursor.new(written[:3])
    again = cursor.again()
    assert again == LogQuery(since=2, follow=True)
    read += cursor.new([each for each in written if each.at >= again.since])
    assert read == written


def test_a_reader_interrupted_twice_at_the_same_moment_counts_on() -> None:
    written = [line(2, "a"), line(2, "b"), line(2, "c"), line(2, "d")]
    cursor = Cursor(LogQuery())
    read = []
    for end in (1, 3, 4):
        cursor.again()
        read += cursor.new(written[:end])
    assert read == written
