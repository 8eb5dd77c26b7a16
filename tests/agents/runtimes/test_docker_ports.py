"""Rows of free host ports for ranges of container ports."""

from __future__ import annotations

import socket

import pytest

from quarterdeck.agents.runtimes.docker import ports
from quarterdeck.agents.runtimes.docker.ports import PORT_MAX, PORT_MIN, PortRows
from quarterdeck.agents.runtimes.errors import CannotCreateContainerError
from quarterdeck.agents.runtimes.port import PortMapping

HERE = "127.0.0.1"


def row(rows: PortRows, count: int, protocol: str = "tcp") -> list[int]:
    return [each.host_port for each in rows.assigned([PortMapping(80, 0, protocol, HERE, count)])]


def test_single_ports_are_left_to_docker() -> None:
    single = PortMapping(80, 0)
    assert PortRows().assigned([single]) == (single,)


def test_a_row_has_no_gaps_and_no_two_are_the_same() -> None:
    rows = PortRows()
    first, second = row(rows, 3), row(rows, 3)
    assert first == list(range(first[0], first[0] + 3))
    assert not set(first) & set(second)
    assert min(first + second) >= PORT_MIN


def test_a_row_passes_over_what_somebody_listens_on() -> None:
    rows = PortRows()
    (start,) = row(PortRows(), 1)
    with socket.create_server((HERE, start + 1)):
        found = row(rows, 3)
    assert start + 1 not in found
    assert found[2] - found[0] == 2


def test_rows_go_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda _wanted, _port: True)
    rows = PortRows()
    assert row(rows, PORT_MAX - PORT_MIN) == list(range(PORT_MIN, PORT_MAX))
    assert row(rows, 2) == [PORT_MIN, PORT_MIN + 1]


def test_when_no_row_is_free_the_container_can_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda _wanted, port: port % 2 == 0)
    with pytest.raises(CannotCreateContainerError, match="no 2 host ports in a row are free"):
        row(PortRows(), 2)


@pytest.mark.parametrize(
    ("refusal", "port"),
    [
        ("external connectivity on endpoint x (1): Bind for 127.0.0.1:49162 failed: port is already allocated", 49162),
        ("Error starting userland proxy: listen tcp4 127.0.0.1:49170: bind: address already in use", 49170),
    ],
)
def test_a_start_says_which_port_of_a_row_somebody_has_taken(refusal: str, port: int) -> None:
    assert ports.is_taken(refusal, range(port - 2, port + 2))
    assert not ports.is_taken(refusal, range(port + 1, port + 4))
    assert not ports.is_taken("no such command", range(port, port + 1))
