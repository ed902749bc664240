"""S3 and whatever speaks its protocol, through boto3."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC
from functools import partial
from typing import Any, TypeVar

from ..errors import NotFound
from .base import TEMPORARY, Blob, Entry, Failure, Hope, Prefix, StorageOptions, check_length
from .retry import persist
from .s3_failures import MISSING, failure_of, failure_of_code
from .uri import split_bucket

T = TypeVar("T")

_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")
_NOT_IN_XML = re.compile("[\x00-\x1f\ufffe\uffff]")
_KEYS_PER_REQUEST = 1000


class S3Store:
    """Reads and writes ``s3://bucket/key``. Safe to share between threads and across a fork."""

    def __init__(self, options: StorageOptions) -> None:
        """Remember the options; connect at the first use."""
        self._options = options
        self._lock = threading.Lock()
        self._client: Any = None
        self._client_pid = 0
        self._open: set[str] = set()
        self._closed: set[str] = set()

    # Objects

    def get(self, uri: str) -> Blob:
        """Read an object; its length, MD5 (plain ETag) and stored checksum must be right."""
        bucket, key = split_bucket(uri)
        if not key:
            raise Failure("a bucket, not an object", NotFound)

        def once() -> tuple[bytes, str]:
            response = self.client.get_object(Bucket=bucket, Key=key)
            # Not "as body": that would be the raw stream, which verifies nothing.
            with response["Body"]:
                data = response["Body"].read()
            return data, _verified_etag(response, _md5(data).hexdigest())

        (data, etag), attempts = self._persist(bucket, once)
        return Blob(data, etag, attempts)

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of an object; only its length can be verified."""
        bucket, key = split_bucket(uri)
        span = f"bytes={start}-{start + length - 1}"

        def once() -> tuple[bytes, str]:
            if not length:
                return b"", ""
            response = self.client.get_object(Bucket=bucket, Key=key, Range=span)
            with response["Body"]:
                data = response["Body"].read()
            return check_length(data, length), response.get("ETag", "").strip('"')

        (data, etag), attempts = self._persist(bucket, once)
        return Blob(data, etag, attempts)

    def put(self, uri: str, data: bytes, content_type: str | None, sync: bool) -> int:
        """Write an object. The server compares the MD5, so that no damaged object can arise."""
        bucket, key = split_bucket(uri)
        arguments = {"ContentType": content_type} if content_type else {}
        md5 = _md5(data)
        digest = base64.b64encode(md5.digest()).decode()

        def once() -> None:
            response = self.client.put_object(
                Bucket=bucket, Key=key, Body=data, ContentMD5=digest, **arguments
            )
            # Some servers ignore Content-MD5 but tell what they stored.
            _verified_etag(response, md5.hexdigest())

        _, attempts = self._persist(bucket, once)
        return attempts

    def synced(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: what a server has taken is stored."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Remove objects, a thousand in a request."""
        by_bucket: dict[str, list[str]] = {}
        for uri in uris:
            bucket, key = split_bucket(uri)
            by_bucket.setdefault(bucket, []).append(key)
        for bucket, keys in by_bucket.items():
            # A key that XML can't hold can't be named in a request for many.
            plain = [key for key in keys if not _NOT_IN_XML.search(key)]
            for start in range(0, len(plain), _KEYS_PER_REQUEST):
                batch = plain[start : start + _KEYS_PER_REQUEST]
                self._persist(bucket, partial(self._delete_many, bucket, batch))
            for key in keys:
                if _NOT_IN_XML.search(key):
                    self._persist(
                        bucket, partial(self.client.delete_object, Bucket=bucket, Key=key)
                    )

    def _delete_many(self, bucket: str, keys: list[str]) -> None:
        objects = [{"Key": key} for key in keys]
        answer = self.client.delete_objects(
            Bucket=bucket, Delete={"Objects": objects, "Quiet": True}
        )
        for error in answer.get("Errors", []):
            if error.get("Code") not in MISSING:
                raise failure_of_code(error.get("Code", ""), 0, error.get("Message", ""))

    def stat(self, uri: str) -> Entry | None:
        """Describe an object with a HEAD request."""
        bucket, key = split_bucket(uri)
        if not key:
            return None
        try:
            head, _ = self._persist(bucket, lambda: self.client.head_object(Bucket=bucket, Key=key))
        except Failure as failure:
            if failure.kind is NotFound:
                return None
            raise
        return _entry(uri, head["ContentLength"], head)

    # Listings

    def is_prefix(self, uri: str) -> bool:
        """Tell whether any key begins with this prefix and a slash."""
        bucket, key = split_bucket(uri)
        return bool(self._page(bucket, _folder(key), limit=1).get("Contents"))

    def walk(self, uri: str) -> Iterator[Entry | Failure]:
        """Yield every object below a prefix, in the order of their keys."""
        bucket, key = split_bucket(uri)
        for page in self._pages(bucket, _folder(key)):
            yield from _entries(bucket, page)

    def children(self, uri: str, starting: str = "") -> Iterator[Entry | Prefix]:
        """Yield one level of a prefix."""
        bucket, key = split_bucket(uri)
        for page in self._pages(bucket, _folder(key) + starting, Delimiter="/"):
            for common in page.get("CommonPrefixes", []):
                yield Prefix(f"s3://{bucket}/{common['Prefix']}")
            yield from _entries(bucket, page)

    def temporaries(self, uri: str, older_than: float) -> Iterator[str]:
        """Yield nothing: an S3 server shows no object before it is whole."""
        yield from ()

    def _pages(self, bucket: str, prefix: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self._page(bucket, prefix, **arguments)
            yield page
            if not page.get("IsTruncated"):
                return
            arguments["ContinuationToken"] = page["NextContinuationToken"]

    def _page(self, bucket: str, prefix: str, limit: int = 0, **more: Any) -> dict[str, Any]:
        page: dict[str, Any]
        page, _ = self._persist(
            bucket,
            lambda: self.client.list_objects_v2(
                Bucket=bucket, Prefix=prefix, MaxKeys=limit or _KEYS_PER_REQUEST, **more
            ),
        )
        return page

    # Connection

    @property
    def client(self) -> Any:
        """The boto3 client of this process, made at first use."""
        with self._lock:
            if self._client is None or self._client_pid != os.getpid():
                self._client = _connect(self._options)
                self._client_pid = os.getpid()
            return self._client

    def _persist(self, bucket: str, operation: Callable[[], T]) -> tuple[T, int]:
        def once() -> T:
            try:
                result = operation()
            except Failure:
                raise
            except Exception as error:
                failure = failure_of(error)
                if failure.hope is Hope.SOME and bucket in self._closed:
                    failure.hope = Hope.NONE
                raise failure from None
            self._open.add(bucket)
            self._closed.discard(bucket)
            return result

        try:
            return persist(once, self._options)
        except Failure as failure:
            # A refusal is often throttling, but not where nothing else was ever answered.
            if failure.hope is Hope.SOME and bucket not in self._open:
                self._closed.add(bucket)
            raise


def _connect(options: StorageOptions) -> Any:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    session = boto3.session.Session()
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        max_pool_connections=options.connections,
        # Content-MD5 guards what we send; the newer checksums are not known to every server.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_supported",
        **({} if options.sign else {"signature_version": UNSIGNED}),
    )
    by_path = config.merge(Config(s3={"addressing_style": "path"}))
    make = partial(session.client, "s3", endpoint_url=options.endpoint, region_name=options.region)
    # Servers other than AWS seldom have a host name for each bucket.
    if (session._session.get_scoped_config().get("s3") or {}).get("addressing_style"):
        return make(config=config)
    if options.endpoint or os.environ.keys() & {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}:
        return make(config=by_path)
    client = make(config=config)
    return client if "amazonaws.com" in client.meta.endpoint_url else make(config=by_path)


def _entries(bucket: str, page: dict[str, Any]) -> Iterator[Entry]:
    for item in page.get("Contents", []):
        key, size = item["Key"], item["Size"]
        # A console's "folder" is an empty object whose key ends with a slash.
        if (key.endswith("/") and not size) or key.rpartition("/")[2].startswith(TEMPORARY):
            continue
        yield _entry(f"s3://{bucket}/{key}", size, item)


def _entry(uri: str, size: int, answer: dict[str, Any]) -> Entry:
    modified = answer.get("LastModified")
    if modified is not None:
        # Listings tell fractions of a second on some servers, HEAD never does.
        modified = modified.astimezone(UTC).replace(microsecond=0)
    return Entry(uri, size, answer.get("ETag", "").strip('"'), modified)


def _folder(key: str) -> str:
    return key if not key or key.endswith("/") else key + "/"


def _verified_etag(response: dict[str, Any], md5: str) -> str:
    """Return the ETag of an answer; where S3 defines it as the MD5 of the bytes, it must be that.

    It isn't for multipart uploads (a dash) and for encryption with KMS or the customer's key
    (Amazon S3 API reference, "Object": ETag).

    Raises:
        Failure: the bytes are other ones.
    """
    etag: str = response.get("ETag", "").strip('"')
    encryption = response.get("ServerSideEncryption") or "AES256"
    plain = encryption == "AES256" and not response.get("SSECustomerAlgorithm")
    if plain and _PLAIN_MD5.fullmatch(etag) and etag != md5:
        raise Failure("the bytes do not have the MD5 of the object's ETag", hope=Hope.GOOD)
    return etag


def _md5(data: bytes) -> Any:
    return hashlib.md5(data, usedforsecurity=False)
