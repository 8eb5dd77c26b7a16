"""Ports that are taken are refused with the way out."""

from __future__ import annotations

import socket

import pytest

from quarterdeck.engine import ports


async def test_port_0_is_any_free_one() -> None:
    with await ports.listen("127.0.0.1", 0, "--listen") as listener:
        assert ports.url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_a_port_that_is_taken_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "RELEASE_SECONDS_MAX", 0)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ports.PortInUse, match=rf"127.0.0.1:{port} is in use .* with --nats-port \(0 is any\)"):
            await ports.listen("127.0.0.1", port, "--nats-port")


async def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ports.PortInUse, match="can't be listened on"):
        await ports.listen("192.0.2.1", 0, "--listen")
