"""S3 and whatever speaks its protocol, through boto3."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from ..errors import NotFound
from .attributes import Attributes
from .base import (
    TEMPORARY,
    Blob,
    Entry,
    Page,
    Prefix,
    Retry,
    StorageOptions,
    StoreError,
    check_length,
)
from .s3_attributes import copy_parameters, pay, put_parameters
from .s3_errors import MISSING, error_for_code, translate_error
from .uri import split_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef

_MD5 = re.compile(r"[0-9a-f]{32}")
_NOT_IN_XML = re.compile("[\x00-\x1f\ufffe\uffff]")
"""Characters that XML 1.0 can't hold."""
_KEYS_PER_REQUEST = 1000
"""Keys in one page of a listing: the most that S3 sends."""


class S3Store:
    """Reads and writes ``s3://bucket/key``. Safe to share between threads and across a fork."""

    def __init__(self, options: StorageOptions) -> None:
        """Remember the options; connect at the first use."""
        self._options = options
        self._lock = threading.Lock()
        self._client: S3Client | None = None
        self._client_pid = 0

    # Objects

    def get(self, uri: str) -> Blob:
        """Read an object; its length, MD5 (plain ETag) and stored checksum must be right."""
        bucket, key = split_bucket(uri)
        if not key:
            raise StoreError("a bucket, not an object", NotFound)
        with _translated_errors():
            response = self.client.get_object(Bucket=bucket, Key=key)
            # Not "as body": that would be the raw stream, which verifies nothing.
            with response["Body"]:
                data = response["Body"].read()
            version = response.get("VersionId")
            etag = _verified_etag(response, _md5(data).hex())
            return Blob(data, etag, version=None if version in (None, "null") else version)

    def get_range(self, uri: str, start: int, length: int) -> Blob:
        """Read a part of an object; only its length can be verified."""
        if not length:
            return Blob(b"", "")
        bucket, key = split_bucket(uri)
        span = f"bytes={start}-{start + length - 1}"
        with _translated_errors():
            response = self.client.get_object(Bucket=bucket, Key=key, Range=span)
            with response["Body"]:
                data = response["Body"].read()
            return Blob(check_length(data, length), response.get("ETag", "").strip('"'))

    def put(
        self, uri: str, data: bytes, content_type: str | None, sync: bool, attributes: Attributes
    ) -> int:
        """Write an object. The server compares the MD5, so that no damaged object can arise."""
        bucket, key = split_bucket(uri)
        md5 = _md5(data)
        send = partial(
            self.client.put_object,
            Bucket=bucket,
            Key=key,
            Body=data,
            ContentMD5=base64.b64encode(md5).decode(),
            **put_parameters(attributes),
        )
        with _translated_errors():
            response = send(ContentType=content_type) if content_type else send()
            # Some servers ignore Content-MD5 but tell what they stored.
            _verified_etag(response, md5.hex())
        return 1

    def copy(self, source: str, target: str, attributes: Attributes) -> int:
        """Copy an object on the server."""
        (bucket, key), (to_bucket, to_key) = split_bucket(source), split_bucket(target)
        with _translated_errors():
            self.client.copy_object(
                Bucket=to_bucket,
                Key=to_key,
                CopySource={"Bucket": bucket, "Key": key},
                **copy_parameters(attributes),
            )
        return 1

    def durable_writes(self, uri: str) -> AbstractContextManager[None]:
        """Do nothing: what a server has accepted is stored."""
        return nullcontext()

    def delete(self, uris: Sequence[str]) -> None:
        """Remove objects, those of one bucket in one request."""
        by_bucket: dict[str, list[str]] = {}
        for uri in uris:
            bucket, key = split_bucket(uri)
            by_bucket.setdefault(bucket, []).append(key)
        for bucket, keys in by_bucket.items():
            # A key that XML can't hold can't be named in a request for many.
            plain = [key for key in keys if not _NOT_IN_XML.search(key)]
            with _translated_errors():
                if plain:
                    self._delete_many(bucket, plain)
                for key in keys:
                    if _NOT_IN_XML.search(key):
                        self.client.delete_object(Bucket=bucket, Key=key)

    def _delete_many(self, bucket: str, keys: Sequence[str]) -> None:
        response = self.client.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        for error in response.get("Errors", []):
            if error.get("Code") not in MISSING:
                raise error_for_code(error.get("Code", ""), 0, error.get("Message", ""))

    def stat(self, uri: str) -> Entry:
        """Describe an object with a HEAD request."""
        bucket, key = split_bucket(uri)
        if not key:
            raise StoreError("a bucket, not an object", NotFound)
        with _translated_errors():
            head = self.client.head_object(Bucket=bucket, Key=key)
        return _entry(uri, head["ContentLength"], head.get("ETag"), head.get("LastModified"))

    # Listings

    def is_prefix(self, uri: str) -> bool:
        """Return whether any key begins with this prefix and a slash."""
        bucket, key = split_bucket(uri)
        with _translated_errors():
            found = self.client.list_objects_v2(Bucket=bucket, Prefix=_with_slash(key), MaxKeys=1)
            return bool(found.get("Contents"))

    def list_page(
        self, uri: str, *, recursive: bool, name_prefix: str = "", token: str = ""
    ) -> Page:
        """List a thousand keys, in their order: of all depths or of one."""
        bucket, key = split_bucket(uri)
        request: ListObjectsV2RequestTypeDef = {
            "Bucket": bucket,
            "Prefix": _with_slash(key) + name_prefix,
            "MaxKeys": _KEYS_PER_REQUEST,
        }
        if not recursive:
            request["Delimiter"] = "/"
        if token:
            request["ContinuationToken"] = token
        with _translated_errors():
            found = self.client.list_objects_v2(**request)
            following = found["NextContinuationToken"] if found.get("IsTruncated") else ""
        return Page([*_prefixes(bucket, found), *_entries(bucket, found)], following)

    # Connection

    @property
    def client(self) -> S3Client:
        """The boto3 client of this process, made at first use."""
        with self._lock:
            if self._client is None or self._client_pid != os.getpid():
                self._client = _connect(self._options)
                self._client_pid = os.getpid()
            return self._client


def _connect(options: StorageOptions) -> S3Client:
    client = _client(options)
    if options.attributes.requester_pays:
        client.meta.events.register("before-call.s3", pay)
    return client


def _client(options: StorageOptions) -> S3Client:
    import boto3
    import botocore.session
    from botocore import UNSIGNED
    from botocore.config import Config

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
    settings = botocore.session.get_session()
    session = boto3.session.Session(botocore_session=settings)
    make = partial(session.client, "s3", endpoint_url=options.endpoint, region_name=options.region)
    # Servers other than AWS seldom have a host name for each bucket.
    if (settings.get_scoped_config().get("s3") or {}).get("addressing_style"):
        return make(config=config)
    if options.endpoint or os.environ.keys() & {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}:
        return make(config=by_path)
    client = make(config=config)
    return client if "amazonaws.com" in client.meta.endpoint_url else make(config=by_path)


def _prefixes(bucket: str, found: ListObjectsV2OutputTypeDef) -> Iterator[Prefix]:
    for common in found.get("CommonPrefixes", []):
        yield Prefix(f"s3://{bucket}/{common['Prefix']}")


def _entries(bucket: str, found: ListObjectsV2OutputTypeDef) -> Iterator[Entry]:
    for item in found.get("Contents", []):
        key, size = item["Key"], item["Size"]
        # A console's "folder" is an empty object whose key ends with a slash.
        if (key.endswith("/") and not size) or key.rpartition("/")[2].startswith(TEMPORARY):
            continue
        yield _entry(f"s3://{bucket}/{key}", size, item.get("ETag"), item.get("LastModified"))


def _entry(uri: str, size: int, etag: str | None, modified: datetime | None) -> Entry:
    if modified is not None:
        # Listings tell fractions of a second on some servers, HEAD never does.
        modified = modified.astimezone(UTC).replace(microsecond=0)
    return Entry(uri, size, (etag or "").strip('"'), modified)


def _with_slash(key: str) -> str:
    return key if not key or key.endswith("/") else key + "/"


def _verified_etag(response: Mapping[str, object], md5: str) -> str:
    """Return the ETag of an answer; where S3 defines it as the MD5 of the bytes, it must be that.

    It isn't for multipart uploads (a dash) and for encryption with KMS or the customer's key
    (Amazon S3 API reference, "Object": ETag).

    Raises:
        StoreError: the bytes are other ones.
    """
    etag = str(response.get("ETag", "")).strip('"')
    encryption = response.get("ServerSideEncryption") or "AES256"
    plain = encryption == "AES256" and not response.get("SSECustomerAlgorithm")
    if plain and _MD5.fullmatch(etag) and etag != md5:
        raise StoreError("the bytes do not have the MD5 of the object's ETag", retry=Retry.FULL)
    return etag


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


@contextlib.contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise what boto3 raises as a ``StoreError``."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise translate_error(error) from None
