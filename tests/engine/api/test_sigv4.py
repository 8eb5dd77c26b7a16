"""Signatures: botocore signs, we verify; whatever is changed afterwards is refused."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.engine.api import sigv4
from quarterdeck.engine.api.authenticate import lowered
from quarterdeck.engine.core.errors import Refusal

KEY, SECRET = "AKIAQAAAAAAANOPTZKWC", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TARGET = "AmazonEC2ContainerServiceV20141113.RunTask"

names = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=12).map(lambda each: f"X-{each}")
values = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40)
queries = st.lists(
    st.tuples(st.text(min_size=1, max_size=6), st.text(max_size=6)).map(
        lambda pair: "=".join(quote(each, safe="") for each in pair)
    ),
    max_size=4,
).map("&".join)


def signed(
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    *,
    query: str = "",
    path: str = "/",
    at: datetime = NOW,
    scope: tuple[str, str] = ("us-east-1", "ecs"),
    secret: str = SECRET,
) -> sigv4.Signed:
    """A request as botocore signs it."""
    url = f"http://127.0.0.1:4280{path}" + (f"?{query}" if query else "")
    request = AWSRequest("POST", url, data=body, headers={"X-Amz-Target": TARGET, **(headers or {})})
    region, service = scope
    with patch("botocore.auth.get_current_datetime", lambda *_, **__: at.replace(tzinfo=None)):
        SigV4Auth(Credentials(KEY, secret), service, region).add_auth(request)
    sent = lowered(dict(request.headers.items()) | {"Host": "127.0.0.1:4280"})
    return sigv4.Signed("POST", path, query, sent, body)


def verify(request: sigv4.Signed, *, now: float = NOW.timestamp(), secret: str = SECRET) -> None:
    found = sigv4.parse(request.headers["authorization"])
    sigv4.check_scope(found, request.headers, now)
    sigv4.verify(found, request, secret)


def refusal(request: sigv4.Signed, **circumstances: Any) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        verify(request, **circumstances)
    return caught.value.code, caught.value.message


def changed(request: sigv4.Signed, **parts: Any) -> sigv4.Signed:
    kept = {name: getattr(request, name) for name in request.__struct_fields__}
    return sigv4.Signed(**{**kept, **parts})


@given(
    st.binary(max_size=200),
    st.dictionaries(
        names,
        values,
        max_size=5,
    ),
    queries,
)
def test_what_botocore_signs_is_verified(body: bytes, headers: dict[str, str], query: str) -> None:
    unlike = {name.lower(): (name, value) for name, value in headers.items()}
    verify(signed(body, dict(unlike.values()), query=query))


@given(
    st.binary(max_size=50),
    st.integers(0, 10_000),
    st.sampled_from(["body", "header", "target", "signature", "query", "method"]),
)
def test_what_is_changed_after_signing_is_refused(body: bytes, place: int, what: str) -> None:
    request = signed(body, {"X-Note": "as it was"}, query="a=1")
    headers = dict(request.headers)
    spot = place % 64
    header = headers["authorization"]
    begin = len(header) - 64 + spot
    tampered = {
        "body": changed(request, body=body + b" "),
        "header": changed(request, headers={**headers, "x-note": "as it is"}),
        "target": changed(request, headers={**headers, "x-amz-target": TARGET.replace("Run", "Stop")}),
        "signature": changed(
            request,
            headers={
                **headers,
                "authorization": header[:begin] + ("0" if header[begin] != "0" else "1") + header[begin + 1 :],
            },
        ),
        "query": changed(request, query="a=2"),
        "method": changed(request, method="PUT"),
    }[what]
    code, message = refusal(tampered)
    assert code == "InvalidSignatureException"
    assert message.startswith("The request signature we calculated does not match the signature you provided.")


def test_another_secret_is_refused() -> None:
    assert refusal(signed(secret="another"))[0] == "InvalidSignatureException"


@pytest.mark.parametrize("skew", [-299.0, 0.0, 299.0])
def test_a_clock_a_little_off_is_forgiven(skew: float) -> None:
    verify(signed(), now=NOW.timestamp() + skew)


def test_a_request_repeated_after_15_minutes_is_refused() -> None:
    assert refusal(signed(), now=NOW.timestamp() + 900) == (
        "InvalidSignatureException",
        "Signature expired: 20260304T050607Z is now earlier than 20260304T051607Z (20260304T052107Z - 5 min.)",
    )


def test_a_request_from_the_future_is_refused() -> None:
    assert refusal(signed(), now=NOW.timestamp() - 301) == (
        "InvalidSignatureException",
        "Signature not yet current: 20260304T050607Z is still later than 20260304T050606Z (20260304T050106Z + 5 min.)",
    )


def test_the_region_is_part_of_what_is_signed() -> None:
    request = signed()
    header = request.headers["authorization"].replace("us-east-1", "eu-west-1")
    assert (
        refusal(changed(request, headers={**request.headers, "authorization": header}))[0]
        == "InvalidSignatureException"
    )


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (("us-east-1", "s3"), "Credential should be scoped to correct service: 'ecs'."),
        (("nowhere", "ecs"), "Credential should be scoped to a valid region."),
    ],
)
def test_a_scope_for_something_else_is_refused(scope: tuple[str, str], text: str) -> None:
    assert refusal(signed(scope=scope)) == ("InvalidSignatureException", text)


def test_a_scope_of_another_day_is_refused() -> None:
    request = signed()
    header = request.headers["authorization"].replace("/20260304/", "/20260303/")
    code, message = refusal(changed(request, headers={**request.headers, "authorization": header}))
    assert code == "InvalidSignatureException"
    assert message.startswith("Date in Credential scope does not match YYYYMMDD")


@pytest.mark.parametrize("name", ["host", "x-amz-date"])
def test_host_and_date_must_be_signed(name: str) -> None:
    request = signed()
    header = request.headers["authorization"].replace(f"{name};", "")
    assert refusal(changed(request, headers={**request.headers, "authorization": header})) == (
        "InvalidSignatureException",
        f"'{name}' must be a 'SignedHeader' in the AWS Authorization.",
    )


@pytest.mark.parametrize("text", ["", "yesterday", "20261399T000000Z", "20260304T050607", "\uff12\uff10260304T050607Z"])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    request = signed()
    assert (
        refusal(changed(request, headers={**request.headers, "x-amz-date": text}))[0] == "IncompleteSignatureException"
    )


@pytest.mark.parametrize(
    "header",
    [
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e",
        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=/b/c/d/e, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature",
        "AWS4-ECDSA-P256-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0",
    ],
)
def test_a_header_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(Refusal) as caught:
        sigv4.parse(header)
    assert caught.value.code == "IncompleteSignatureException"


@given(st.text(max_size=200))
def test_any_header_is_read_or_refused(text: str) -> None:
    for header in (
        text,
        f"AWS4-HMAC-SHA256 {text}",
        f"AWS4-HMAC-SHA256 Credential={text}/20260304/us-east-1/ecs/aws4_request,SignedHeaders={text},Signature={text}",
    ):
        with pytest.raises(Refusal):
            verify(sigv4.Signed("POST", "/", "", {"authorization": header, "x-amz-date": text}, b""))


def test_no_header_has_a_text_of_its_own() -> None:
    with pytest.raises(Refusal, match=r"^Missing Authentication Token$"):
        sigv4.parse(None)
