"""Server: the embedded nats-server lives and dies with its owner, and nobody else uses its directory."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nats
import nats.errors
import pytest
from nats.aio.client import Client

from quarterdeck.events.log.configuration import HOST, ServerSettings
from quarterdeck.events.log.connect import connect
from quarterdeck.events.log.errors import DataDirectoryInUse, LogMisconfigured, ServerStartFailed
from quarterdeck.events.log.server import Server, free_port
from tests.events.log.worlds import JetStreamWorld, fill, payloads

pytestmark = [pytest.mark.asyncio, pytest.mark.nats, pytest.mark.timeout(30)]

OWNER = """
import asyncio, sys
from pathlib import Path
from quarterdeck.events.log.server import Server, ServerSettings

async def main():
    async with Server(ServerSettings(data=Path(sys.argv[1]))) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def eventually(condition: Callable[[], bool]) -> None:
    """Poll a condition, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
async def test_the_server_ends_when_its_parent_is_killed_and_another_may_follow(data: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(data)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert alive(pid)
        with pytest.raises(DataDirectoryInUse, match=rf"{data} is in use by process {owner.pid}"):
            await Server(ServerSettings(data=data)).start()
        owner.kill()
    async with Server(ServerSettings(data=data)):
        assert not alive(pid)


async def test_the_server_is_started_again_on_the_same_ports_and_keeps_the_log(data: Path) -> None:
    async with Server(ServerSettings(data=data)) as server:
        url = server.url
        async with JetStreamWorld(server, 0).open() as log:
            await fill(log, (await log.claim("keeper-1")).sequence, [b"kept"])
        for restarts in (1, 2):
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            await eventually(lambda: server.restarts == restarts)  # noqa: B023
        assert server.url == url
    async with Server(ServerSettings(data=data)) as server:
        assert server.url == url
        async with JetStreamWorld(server, 0).open() as log:
            assert await payloads(log) == [b"kept"]


async def test_stopping_ends_the_process_and_frees_the_directory(data: Path) -> None:
    server = Server(ServerSettings(data=data))
    await server.start()
    pid = server.pid
    assert pid is not None
    await server.stop()
    assert not alive(pid)
    await server.stop()
    await server.start()
    await server.stop()


async def test_a_port_in_use_is_named(data: Path) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerStartFailed, match=rf"{port}.*address already in use"):
            await Server(ServerSettings(data=data, port=port)).start()
    async with Server(ServerSettings(data=data, port=port)) as server:
        assert server.url.endswith(f":{port}")


async def test_a_kept_port_taken_by_others_meanwhile_is_given_up(data: Path) -> None:
    async with Server(ServerSettings(data=data)) as server:
        port = int(server.url.rsplit(":", 1)[1])
    with socket.create_server((HOST, port)):
        async with Server(ServerSettings(data=data)) as server:
            assert not server.url.endswith(f":{port}")


async def test_secrets_are_readable_by_their_owner_only(server: Server) -> None:
    for path in [*server.settings.creds.iterdir(), server.settings.data / "nats-server.conf"]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(server.settings.creds.stat().st_mode) == 0o700


async def test_lost_seeds_do_not_hide_the_log_behind_an_empty_one(data: Path) -> None:
    settings = ServerSettings(data=data)
    async with Server(settings) as server, JetStreamWorld(server, 0).open() as log:
        await log.claim("keeper-1")
    (settings.creds / "seeds.json").unlink()
    with pytest.raises(LogMisconfigured, match="restore it"):
        await Server(settings).start()


async def test_nobody_connects_without_credentials(server: Server) -> None:
    client = Client()
    with pytest.raises(nats.errors.Error):
        await client.connect(server.url, allow_reconnect=False, error_cb=quiet)
    await client.close()


async def quiet(_: Exception) -> None:
    """Take errors without a word."""


async def test_an_operator_may_send_commands_and_not_write_the_log(server: Server) -> None:
    """As any client in any language connects: with the file alone."""
    engine = await connect(server.address("engine"), "engine")
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        errors.append(error)

    operator = await nats.connect(server.url, user_credentials=str(server.creds("operator")), error_cb=note)
    commands = await engine.client.subscribe("qd.cmd.>")
    await engine.flush()
    await operator.publish("qd.cmd.us-east-1.000000000000.web.RunTask", b"{}")
    assert (await commands.next_msg(5)).data == b"{}"
    await operator.publish("qd.log.0.commits", b"forged")
    await operator.subscribe("qd.cmd.>")
    await eventually(lambda: len(errors) >= 2)
    assert all("permissions violation" in str(error).lower() for error in errors)
    await operator.close()
    await engine.close()


async def test_a_missing_binary_is_named(data: Path) -> None:
    with pytest.raises(ServerStartFailed, match="nats-server"):
        await Server(ServerSettings(data=data, binary=str(data / "nats-server"))).start()


async def test_free_ports_are_free() -> None:
    with socket.create_server((HOST, free_port())):
        pass


async def test_no_outgoing_connection_takes_the_port_of_a_server_that_is_started_again() -> None:
    with socket.create_server((HOST, 0)) as handed_out:
        assert max(free_port() for _ in range(100)) < handed_out.getsockname()[1]
