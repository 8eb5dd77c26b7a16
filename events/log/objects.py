"""Objects: a bucket of JetStream's object store, in the form every NATS client reads (`nats object`).

An object is chunks on a subject of its own and, last of all, a message that describes them: who reads sees all of it
or nothing. The bucket drops its oldest messages when it is full, so of an old object chunks may be missing.
"""

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import msgspec
import nats.errors
from nats.aio.msg import Msg

from quarterdeck.events.log import api
from quarterdeck.events.log.connect import Link
from quarterdeck.events.log.errors import LogUnavailable

CHUNK_BYTES_MAX = 128 << 10
REQUEST_SECONDS_MAX = 5.0
NUID_BYTES = 11
SECOND_NS = 1_000_000_000
ROLLUP = {"Nats-Rollup": "sub"}
MISSING = str(HTTPStatus.NOT_FOUND.value)


class ObjectInfo(msgspec.Struct, frozen=True):
    """What describes an object, or tells that it was deleted; the names are the object store's."""

    name: str
    bucket: str
    nuid: str
    size: int = 0
    chunks: int = 0
    digest: str | None = None
    mtime: str = ""
    options: dict[str, Any] | None = None
    deleted: bool = False


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """How much a bucket holds, in bytes, and for how long."""

    bytes_max: int
    seconds_max: float
    replicas: int = 1


class Objects:
    """One bucket. Every call raises LogUnavailable when JetStream can't be asked, and RefusedError when it refuses."""

    def __init__(self, link: Link, bucket: str) -> None:
        self._link = link
        self._bucket = bucket
        self._stream = f"OBJ_{bucket}"

    async def ensure(self, bucket: Bucket) -> None:
        """Make the bucket; one that is there stays as it is."""
        config = {
            "name": self._stream,
            "subjects": [f"$O.{self._bucket}.C.>", f"$O.{self._bucket}.M.>"],
            "retention": "limits",
            "discard": "old",
            "storage": "file",
            "num_replicas": bucket.replicas,
            "max_bytes": bucket.bytes_max,
            "max_age": round(bucket.seconds_max * SECOND_NS),
            "max_msgs": -1,
            "max_consumers": -1,
            "allow_rollup_hdrs": True,
            "allow_direct": True,
        }
        try:
            await api.call(self._link, f"STREAM.CREATE.{self._stream}", config)
        except api.RefusedError as error:
            if error.refusal.err_code != api.STREAM_NAME_IN_USE:
                raise

    async def put(self, name: str, content: bytes) -> None:
        """Keep this under a name, in place of what was there."""
        before = await self.find(name)
        nuid = secrets.token_hex(NUID_BYTES)
        chunks = range(0, len(content), CHUNK_BYTES_MAX)
        for start in chunks:
            await self._publish(self._chunks(nuid), content[start : start + CHUNK_BYTES_MAX])
        info = ObjectInfo(
            name=name,
            bucket=self._bucket,
            nuid=nuid,
            size=len(content),
            chunks=len(chunks),
            digest=_digest(content),
            mtime=datetime.now(UTC).isoformat(),  # noqa: TID251 - of no consequence but to `nats object ls`
            options={"max_chunk_size": CHUNK_BYTES_MAX},
        )
        await self._publish(self._description(name), msgspec.json.encode(info), ROLLUP)
        if before is not None:
            await api.call(self._link, f"STREAM.PURGE.{self._stream}", {"filter": self._chunks(before.nuid)})

    async def find(self, name: str) -> ObjectInfo | None:
        """Look for what describes an object."""
        answer = await self._direct(f".{self._description(name)}", b"")
        return None if answer is None else msgspec.json.decode(answer.data, type=ObjectInfo)

    async def get(self, name: str) -> bytes | None:
        """Read an object; None if there is none, or not all of it any more."""
        info = await self.find(name)
        if info is None or info.deleted:
            return None
        parts: list[bytes] = []
        sequence = 1
        for _ in range(info.chunks):
            wanted = {"seq": sequence, "next_by_subj": self._chunks(info.nuid)}
            answer = await self._direct("", msgspec.json.encode(wanted))
            if answer is None:
                return None
            parts.append(answer.data)
            sequence = int((answer.headers or {})["Nats-Sequence"]) + 1
        content = b"".join(parts)
        return content if _digest(content) == info.digest else None

    async def _direct(self, path: str, body: bytes) -> Msg | None:
        answer = await self._ask(f"$JS.API.DIRECT.GET.{self._stream}{path}", body)
        return None if (answer.headers or {}).get("Status") == MISSING else answer

    async def _publish(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        ack = msgspec.json.decode((await self._ask(subject, data, headers)).data, type=api.Ack)
        if ack.error is not None:
            raise api.RefusedError(ack.error)

    async def _ask(self, subject: str, data: bytes, headers: dict[str, str] | None = None) -> Msg:
        self._link.check()
        try:
            return await self._link.request(subject, data, REQUEST_SECONDS_MAX, headers)
        except (nats.errors.Error, OSError) as error:
            raise LogUnavailable(f"the bucket {self._bucket} does not answer: {error}") from error

    def _chunks(self, nuid: str) -> str:
        return f"$O.{self._bucket}.C.{nuid}"

    def _description(self, name: str) -> str:
        return f"$O.{self._bucket}.M.{urlsafe_b64encode(name.encode()).decode()}"


def _digest(content: bytes) -> str:
    return f"SHA-256={urlsafe_b64encode(sha256(content).digest()).decode()}"
