"""The server beside its operations: health, metrics, modes, TLS, and standing by."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import msgspec
import pytest

from quarterdeck.engine.api.present import Present
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings, ApiSettingsError, check
from quarterdeck.engine.api.throttle import Rate
from quarterdeck.engine.core.errors import ClusterNotFoundException, ConflictException, Refusal, ServerException
from quarterdeck.engine.doors.door import Answer, Call
from quarterdeck.engine.doors.health import Health
from quarterdeck.engine.shell.usage import Consumer, Used
from quarterdeck.events import shapes
from tests.engine.api.served import Served, post


def get(url: str, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=10, context=context) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def ask(url: str, operation: str = "ListClusters") -> tuple[int, dict[str, Any]]:
    link = Served(url, Mock(), None).connect()
    try:
        return post(link, operation, b"{}")
    finally:
        link.close()


class Stub:
    """Operations that answer what they were told to."""

    def __init__(self, outcome: Any, status: str = "serving") -> None:
        self.outcome = outcome
        self.status = status
        self.calls: list[Call] = []

    def consumers(self) -> dict[Consumer, Used]:
        return {Consumer("us-east-1/000000000000", "moon", "web"): Used(2, 3, 12.5, 4096, 1.0, 2.0)}

    def health(self) -> Health:
        return Health(self.status, 7, 3, 5)

    def decode(self, operation: str, body: bytes) -> msgspec.Struct:
        return shapes.ListClustersRequest()

    async def carry_out(self, call: Call, request: msgspec.Struct) -> Answer:
        self.calls.append(call)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Answer(self.outcome, 7)


OPEN = ApiSettings(listen="127.0.0.1:0", auth="open")


@pytest.mark.parametrize(("status", "code"), [("serving", 200), ("recovering", 503), ("starting", 503)])
async def test_health_says_how_things_are(status: str, code: int) -> None:
    async with serve_api(Stub(None, status), OPEN) as url:
        found, body = await asyncio.to_thread(get, f"{url}/health")
    assert (found, json.loads(body)) == (code, {"status": status, "sequence": 7, "epoch": 3, "read_sequence": 5})


async def test_metrics_tell_what_the_containers_of_a_service_use() -> None:
    async with serve_api(Stub(shapes.ListClustersResponse()), OPEN) as url:
        _, body = await asyncio.to_thread(get, f"{url}/metrics")
    labels = 'cluster="moon",namespace="us-east-1/000000000000",service="web"'
    assert f"quarterdeck_containers_cpu{{{labels}}} 0.125" in body.decode()
    assert f"quarterdeck_containers_memory_bytes{{{labels}}} 4096.0" in body.decode()
    assert f"quarterdeck_tasks_measured{{{labels}}} 2.0" in body.decode()


async def test_metrics_count_by_operation_and_code() -> None:
    async with serve_api(Stub(ClusterNotFoundException("Cluster not found.")), OPEN) as url:
        for operation in ("ListTasks", "ListTasks", "Invented"):
            await asyncio.to_thread(ask, url, operation)
        _, body = await asyncio.to_thread(get, f"{url}/metrics")
    lines = body.decode().splitlines()
    assert 'quarterdeck_requests_total{code="ClusterNotFoundException",operation="ListTasks"} 2.0' in lines
    assert 'quarterdeck_request_seconds_count{operation="ListTasks"} 2.0' in lines
    assert "quarterdeck_log_position 7.0" in lines
    assert "quarterdeck_read_model_lag 2.0" in lines
    assert not [line for line in lines if "Invented" in line]


@pytest.mark.parametrize(
    ("refusal", "status", "document"),
    [
        (ClusterNotFoundException("no"), 400, {"__type": "ClusterNotFoundException", "message": "no"}),
        (ServerException("try again"), 500, {"__type": "ServerException", "message": "try again"}),
        (
            ConflictException("other", resource_ids=["a"]),
            400,
            {"__type": "ConflictException", "message": "other", "resourceIds": ["a"]},
        ),
    ],
)
async def test_each_error_has_its_form(refusal: Refusal, status: int, document: dict[str, Any]) -> None:
    async with serve_api(Stub(refusal), OPEN) as url:
        assert await asyncio.to_thread(ask, url) == (status, document)


async def test_a_call_says_who_asks_and_where() -> None:
    stub = Stub(shapes.ListClustersResponse(cluster_arns=[]))
    async with serve_api(stub, OPEN) as url:
        assert await asyncio.to_thread(ask, url) == (200, {"clusterArns": []})
    (call,) = stub.calls
    assert (str(call.namespace), call.operation) == ("us-east-1/000000000000", "ListClusters")
    assert call.actor == "arn:aws:iam::000000000000:root"
    assert len(call.request) == 36


async def test_between_two_replicas_callers_hear_to_try_again() -> None:
    now: list[Stub] = []
    async with serve_api(Present(lambda: now[0] if now else None), OPEN) as url:
        status, answer = await asyncio.to_thread(ask, url)
        assert (status, answer["__type"]) == (500, "ServerException")
        assert (await asyncio.to_thread(get, f"{url}/health"))[0] == 503
        now.append(Stub(shapes.ListClustersResponse()))
        assert (await asyncio.to_thread(ask, url))[0] == 200


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "10.0.0.1:80", "example.org:80", ":80"])
def test_open_is_refused_where_others_reach_it(listen: str) -> None:
    with pytest.raises(ApiSettingsError, match="anybody"):
        check(ApiSettings(listen=listen, auth="open"))
    check(ApiSettings(listen=listen, auth="open", open_anywhere=True))
    check(ApiSettings(listen=listen, auth="keys"))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.9.9.9:1", "[::1]:0", "localhost:4280"])
def test_open_is_fine_on_this_machine_alone(listen: str) -> None:
    check(ApiSettings(listen=listen, auth="open"))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ApiSettingsError, match="category 'tasks'"):
        check(ApiSettings(rates={"tasks": Rate(1, 1)}))
    with pytest.raises(ApiSettingsError, match="private key"):
        check(ApiSettings(certificate=Path("c.pem")))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of this machine, and its private key."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run([*command, *files, *subject], check=True, capture_output=True)
    return certificate, key


async def test_with_a_certificate_it_speaks_tls(certificate: tuple[Path, Path]) -> None:
    settings = msgspec.structs.replace(OPEN, certificate=certificate[0], private_key=certificate[1])
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    async with serve_api(Stub(None), settings) as url:
        assert url.startswith("https://127.0.0.1:")
        assert (await asyncio.to_thread(get, f"{url}/health", trusting))[0] == 200
