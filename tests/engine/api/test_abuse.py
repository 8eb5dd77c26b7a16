"""Abuse of HTTP: whatever comes through the socket is answered or hung up on, soon, and never with a 500."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import zlib
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from quarterdeck.engine.api import body as bodies
from quarterdeck.engine.api import server as servers
from quarterdeck.engine.api.server import serve_api
from quarterdeck.engine.api.settings import ApiSettings
from quarterdeck.engine.doors.health import Health
from quarterdeck.engine.shell.usage import Consumer, Used
from tests.engine.api.served import TARGET, Served, post

SECONDS_MAX = 10.0
LIST = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Amz-Target: {TARGET}.ListClusters\r\n"
MEBIBYTE = 1024 * 1024


def exchange(server: Served, *parts: bytes, finish: bool = True) -> bytes:
    """Send bytes as they are; everything that comes back until the server hangs up."""
    with socket.create_connection(server.address, timeout=SECONDS_MAX) as link:
        try:
            for part in parts:
                link.sendall(part)
            if finish:
                link.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it hung up already
        answer = b""
        while chunk := receive(link):
            answer += chunk
        return answer


def receive(link: socket.socket) -> bytes:
    try:
        return link.recv(65_536)
    except ConnectionError:
        return b""


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


def document(answer: bytes) -> dict[str, Any]:
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


@pytest.fixture(autouse=True)
def _still_there(open_server: Served) -> Iterator[None]:
    """After every abuse the server goes on and has changed nothing."""
    before = open_server.position
    yield
    assert open_server.position == before
    assert open_server.post("ListClusters", b"{}")[0] == 200


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("not HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200),
        ("nothing", b""),
        ("only a newline", b"\r\n\r\n"),
        ("a request line alone", b"POST / HTTP/1.1\r\n"),
        ("a long path", b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a long header", f"{LIST}X-Long: {'a' * 100_000}\r\n\r\n".encode()),
        ("many headers", (LIST + "".join(f"X-{n}: a\r\n" for n in range(5000)) + "\r\n").encode()),
        ("a negative length", f"{LIST}Content-Length: -1\r\n\r\n".encode()),
        ("a length in words", f"{LIST}Content-Length: two\r\n\r\n{{}}".encode()),
        ("two lengths", f"{LIST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}".encode()),
        ("length and chunks", f"{LIST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{{}}".encode()),
        ("a chunk's length in words", f"{LIST}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n".encode()),
        ("a header with NUL", f"{LIST}X-A: a\0b\r\n\r\n".encode()),
        ("a header without name", f"{LIST}: a\r\n\r\n".encode()),
        ("a folded header", f"{LIST}X-A: a\r\n b\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
        ("a header in Latin-1", f"{LIST}X-A: ".encode() + b"\xe9\xff\r\nContent-Length: 2\r\n\r\n{}"),
        ("another version", b"POST / HTTP/9.9\r\nHost: x\r\n\r\n"),
        ("an unknown method", b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("a path outside", b"POST /../../etc/passwd HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
        (
            "an absolute address",
            LIST.replace("POST /", "POST http://elsewhere/", 1).encode() + b"Content-Length: 2\r\n\r\n{}",
        ),
        ("an address that is none", b"POST http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("an expectation", f"{LIST}Expect: miracles\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
        ("an upgrade", f"{LIST}Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
        ("a strange encoding", f"{LIST}Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
        ("gzip that is none", f"{LIST}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
        ("a body cut short", f"{LIST}Content-Length: 200\r\n\r\n{{}}".encode()),
        ("a bad Authorization", f"{LIST}Authorization: Bearer abc\r\nContent-Length: 2\r\n\r\n{{}}".encode()),
    ],
)
def test_what_is_not_a_request_is_no_500(open_server: Served, name: str, sent: bytes) -> None:
    status = status_of(exchange(open_server, sent))
    assert status < 500, name


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("nothing but brackets", b"[" * 100_000),
        ("deep in an unknown member", b'{"unknown":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
        ("bad UTF-8", b'{"cluster":"\xff\xfe"}'),
        ("bad UTF-8 in a member nobody knows", b'{"unknown":"\xff\xfe"}'),
        ("UTF-16", '{"cluster":"web"}'.encode("utf-16")),
        ("half a surrogate", b'{"cluster":"\\ud800"}'),
        ("not an object", b"[]"),
        ("a number beyond all", b'{"maxResults":1' + b"0" * 5_000 + b"}"),
        ("an exponent beyond all", b'{"maxResults":1e999}'),
        ("NaN", b'{"maxResults":NaN}'),
        ("a comment", b"{} // that is all"),
        ("two objects", b"{}{}"),
    ],
)
@pytest.mark.parametrize("operation", ["ListTasks", "ListServices", "ListAttributes"])
def test_what_is_not_json_is_refused(open_server: Served, operation: str, name: str, body: bytes) -> None:
    status, answer = open_server.post(operation, body)
    assert (status, answer["__type"]) == (400, "SerializationException"), name


def test_an_empty_body_is_an_empty_request(open_server: Served) -> None:
    assert open_server.post("ListClusters", b"")[0] == 200


@pytest.mark.parametrize("size", [bodies.BODY_BYTES_MAX + 1, 10 * MEBIBYTE])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(open_server: Served, size: int, *, chunked: bool) -> None:
    blank = b" " * size
    if chunked:
        parts = [
            f"{LIST}Transfer-Encoding: chunked\r\n\r\n".encode(),
            f"{size:x}\r\n".encode(),
            blank,
            b"\r\n0\r\n\r\n",
        ]
    else:
        parts = [f"{LIST}Content-Length: {size}\r\n\r\n".encode(), blank]
    answer = exchange(open_server, *parts, finish=False)
    assert status_of(answer) == 413
    assert document(answer)["__type"] == "RequestEntityTooLargeException"


def test_a_body_at_the_limit_is_read(open_server: Served) -> None:
    assert open_server.post("ListClusters", b"{}" + b" " * (bodies.BODY_BYTES_MAX - 2))[0] == 200


def test_a_small_gzip_of_a_large_body_is_refused(open_server: Served) -> None:
    packed = gzip.compress(b" " * (64 * MEBIBYTE))
    assert len(packed) < MEBIBYTE
    assert open_server.post("ListClusters", packed, Content_Encoding="gzip")[0] == 413


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"{}", mtime=0)[:-4], gzip.compress(b"{}", mtime=0) + b"more", zlib.compress(b"{}")]
)
def test_gzip_that_is_not_whole_is_refused(open_server: Served, packed: bytes) -> None:
    status, answer = open_server.post("ListClusters", packed, Content_Encoding="gzip")
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_chunks_are_put_together(open_server: Served) -> None:
    chunks = b"".join(b"1\r\n%c\r\n" % each for each in b'{"maxResults": 5}')
    head = f"{LIST}Transfer-Encoding: chunked\r\n\r\n".encode()
    answer = exchange(open_server, head, chunks, b"0\r\n\r\n", finish=False)
    assert status_of(answer) == 200


def test_pipelined_requests_are_answered_in_order(open_server: Served) -> None:
    last = LIST.encode() + b"Content-Length: 2\r\n\r\n{}"
    one = last.replace(b"Connection: close\r\n", b"")
    other = one.replace(b"ListClusters", b"Nonsense")
    answers = exchange(open_server, (other + one) * 19 + other + last, finish=False)
    assert answers.count(b"HTTP/1.1 200") == answers.count(b"HTTP/1.1 400") == 20


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 405, "MethodNotAllowedException"),
        ("PUT", "/", 405, "MethodNotAllowedException"),
        ("DELETE", "/health", 405, "MethodNotAllowedException"),
        ("POST", "/metrics", 405, "MethodNotAllowedException"),
        ("POST", "/v1", 404, "NotFoundException"),
        ("GET", "/favicon.ico", 404, "NotFoundException"),
    ],
)
def test_other_paths_and_methods_say_what_there_is(
    open_server: Served, method: str, path: str, status: int, code: str
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    answer = exchange(open_server, head.encode(), finish=False)
    assert (status_of(answer), document(answer)["__type"]) == (status, code)


@pytest.mark.parametrize("target", ["", "ListClusters", f"{TARGET}.Nonsense", "S3.ListBuckets", f"{TARGET}.List\u00c9"])
def test_unknown_operations_are_refused(open_server: Served, target: str) -> None:
    head = LIST.replace(f"{TARGET}.ListClusters", target)
    answer = exchange(open_server, f"{head}Content-Length: 2\r\n\r\n{{}}".encode(), finish=False)
    assert (status_of(answer), document(answer)["__type"]) == (400, "UnknownOperationException")


def test_many_connections_at_once_are_all_answered(open_server: Served) -> None:
    links = [open_server.connect() for _ in range(100)]
    for link in links:
        link.request("POST", "/", b"{}", {"X-Amz-Target": f"{TARGET}.ListClusters"})
    assert {link.getresponse().read() is not None for link in links} == {True}
    for link in links:
        link.close()


class Broken:
    """Operations that are not what they should be."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def consumers(self) -> dict[Consumer, Used]:
        return {Consumer("us-east-1/000000000000", "moon", "web"): Used(2, 3, 12.5, 4096, 1.0, 2.0)}

    def health(self) -> Health:
        return Health("starting")

    def decode(self, operation: str, body: bytes) -> Any:
        return Mock()

    async def carry_out(self, call: Any, request: Any) -> Any:
        self.asked.set()
        raise ZeroDivisionError


async def test_our_own_mistake_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve_api(Broken(), ApiSettings(listen="127.0.0.1:0", auth="open")) as url:
        status, answer = await asyncio.to_thread(_ask, url)
    assert (status, answer["__type"]) == (500, "ServerException")
    assert answer["message"].startswith("The engine failed: ZeroDivisionError")


def _ask(url: str) -> tuple[int, dict[str, Any]]:
    server = Served(url, Mock(), None)
    link = server.connect()
    try:
        return post(link, "ListClusters", b"{}")
    finally:
        link.close()


async def test_who_does_not_send_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "IDLE_OR_HEADERS_SECONDS_MAX", 0.3)
    monkeypatch.setattr(servers, "LINGER_SECONDS_MAX", 0.1)
    monkeypatch.setattr(bodies, "BODY_SECONDS_MAX", 0.3)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    async with serve_api(Broken(), ApiSettings(listen="127.0.0.1:0", auth="open")) as url:
        server = Served(url, Mock(), None)
        slow = [b"", b"POST / HTTP/1.1\r\nHo", f"{LIST}Content-Length: 9\r\n\r\n{{".encode()]
        answers = [await asyncio.to_thread(exchange, server, part, finish=False) for part in slow]
    assert answers[:2] == [b"", b""]
    assert (status_of(answers[2]), document(answers[2])["__type"]) == (408, "RequestTimeoutException")
