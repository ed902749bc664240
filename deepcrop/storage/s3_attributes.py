"""What boto3 is told of how objects are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict, cast
from urllib.parse import urlencode

from .attributes import Attributes

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import (
        ChecksumAlgorithmType,
        ObjectCannedACLType,
        ServerSideEncryptionType,
        StorageClassType,
    )


class CopyParameters(TypedDict, total=False):
    """Parameters of S3's CopyObject, by boto3's names; what isn't here, S3 copies along."""

    StorageClass: StorageClassType
    ServerSideEncryption: ServerSideEncryptionType
    SSEKMSKeyId: str
    BucketKeyEnabled: bool
    ACL: ObjectCannedACLType
    ChecksumAlgorithm: ChecksumAlgorithmType


class PutParameters(CopyParameters, total=False):
    """Parameters of S3's PutObject, by boto3's names."""

    CacheControl: str
    Tagging: str


def put_parameters(attributes: Attributes) -> PutParameters:
    """Return the parameters of a put."""
    found = PutParameters()
    if attributes.cache_control:
        found["CacheControl"] = attributes.cache_control
    if attributes.tags:
        found["Tagging"] = urlencode(attributes.tags)
    return {**found, **copy_parameters(attributes)}


def copy_parameters(attributes: Attributes) -> CopyParameters:
    """Return the parameters of a copy."""
    found = CopyParameters()
    if attributes.storage_class:
        found["StorageClass"] = cast("StorageClassType", attributes.storage_class)
    if attributes.encryption:
        found["ServerSideEncryption"] = attributes.encryption
    if attributes.kms_key:
        found["SSEKMSKeyId"] = attributes.kms_key
    if attributes.bucket_key is not None:
        found["BucketKeyEnabled"] = attributes.bucket_key
    if attributes.acl:
        found["ACL"] = attributes.acl
    if attributes.checksum:
        found["ChecksumAlgorithm"] = cast("ChecksumAlgorithmType", attributes.checksum.upper())
    return found


def pay(params: Mapping[str, dict[str, str]], **_: object) -> None:
    """Say in each request that the requester pays for it."""
    params["headers"]["x-amz-request-payer"] = "requester"
