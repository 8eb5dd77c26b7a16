"""What marked tests need is there, and what is lacking is said."""

from __future__ import annotations

import http.client
import io
import json
import tarfile
from pathlib import Path

import nats
import pytest

from tests import docker_engine

pytest_plugins = ["pytester"]

MARKED = """
import pytest

@pytest.mark.docker
def test_marked(): pass

def test_plain(): pass
"""


@pytest.mark.nats
async def test_a_nats_server_keeps_streams(nats_url: str) -> None:
    connection = await nats.connect(nats_url)
    streams = connection.jetstream()
    made = await streams.add_stream(name="kept", subjects=["kept.>"])
    assert made.state.messages == 0
    await streams.publish("kept.one", b"1")
    assert (await streams.get_msg("kept", 1)).data == b"1"
    await streams.delete_stream("kept")
    await connection.close()


@pytest.mark.docker
def test_the_image_has_a_shell_and_applets(busybox_image: str) -> None:
    container = {
        "Image": busybox_image,
        "Cmd": ["sh", "-c", "echo hello | tr a-z A-Z"],
        "Tty": True,
        "HostConfig": {"NetworkMode": "none"},
    }
    created = json.loads(docker_engine.request("POST", "/containers/create", json.dumps(container).encode())[1])
    at = f"/containers/{created['Id']}"
    try:
        assert docker_engine.request("POST", f"{at}/start") == (http.client.NO_CONTENT, b"")
        assert json.loads(docker_engine.request("POST", f"{at}/wait")[1])["StatusCode"] == 0
        assert docker_engine.request("GET", f"{at}/logs?stdout=1")[1] == b"HELLO\r\n"
    finally:
        docker_engine.request("DELETE", f"{at}?force=1")


def test_a_layer_links_every_applet_to_busybox() -> None:
    source = docker_engine.busybox()
    if source is None:
        pytest.skip("no static busybox here")
    with tarfile.open(fileobj=io.BytesIO(docker_engine.layer(source))) as tar:
        assert tar.getmember("bin/sh").linkname == "busybox"


@pytest.fixture
def elsewhere(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with one docker test and one plain test, where no Docker Engine answers."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.delenv("QD_REQUIRE", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    pytester.makeini("[pytest]\nmarkers = docker: needs docker\n")
    pytester.makepyfile(MARKED)
    return pytester


ARGUMENTS = ("-p", "tests.conftest", "-p", "no:cacheprovider")


def test_without_a_docker_engine_the_rest_runs_and_the_last_lines_say_so(elsewhere: pytest.Pytester) -> None:
    result = elsewhere.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(passed=1, deselected=1)
    assert result.ret == pytest.ExitCode.OK
    assert "1 docker test: no Docker Engine answers at /nowhere/docker.sock" in "\n".join(result.outlines[-3:])


def test_required_docker_is_a_failure(elsewhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QD_REQUIRE", "docker")
    assert elsewhere.runpytest_subprocess(*ARGUMENTS).ret == pytest.ExitCode.TESTS_FAILED


def test_what_was_not_asked_for_is_not_lacking(elsewhere: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QD_REQUIRE", "docker")
    result = elsewhere.runpytest_subprocess(*ARGUMENTS, "-m", "not docker")
    assert result.ret == pytest.ExitCode.OK
    assert "could not run here" not in result.stdout.str()
