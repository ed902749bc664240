"""How objects are written to a store: headers, encryption, access, tags; and who pays for reading.

=====================  =============================================  ==============================
field                  of S3 (header, ``x-amz-`` left out)            applies to
=====================  =============================================  ==============================
``cache_control``      Cache-Control                                  variants
``storage_class``      storage-class                                  variants
``tags``               tagging                                        variants
``encryption``         server-side-encryption                         everything written
``kms_key``            server-side-encryption-aws-kms-key-id          everything written
``bucket_key``         server-side-encryption-bucket-key-enabled      everything written
``acl``                acl                                            everything written
``checksum``           checksum-... and sdk-checksum-algorithm        everything written
``requester_pays``     request-payer                                  everything written and read
=====================  =============================================  ==============================

Manifests, the lease and the page are rewritten and read again by deepcrop, so they get no caching,
no archive class and no tags. Google's store takes ``cache_control``; Azure's also ``tags`` and, as
its access tier, ``storage_class``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

Acl = Literal[
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
]
"""The canned access control lists of S3."""

_MAX_TAGS = 10
_ALL = frozenset(
    (
        *("cache_control", "storage_class", "tags", "encryption", "kms_key", "bucket_key", "acl"),
        *("checksum", "requester_pays"),
    )
)
_TAKEN = {
    "s3": _ALL,
    **dict.fromkeys(("gs", "gcs"), frozenset({"cache_control"})),
    **dict.fromkeys(("az", "abfs", "abfss"), frozenset({"cache_control", "storage_class", "tags"})),
}
"""The fields that a store takes, by the scheme of its URIs."""


def _pairs(value: object) -> object:
    """Read a mapping as pairs, which can be hashed."""
    if not isinstance(value, Mapping):
        return value
    return tuple(sorted((str(key), str(text)) for key, text in value.items()))


Tags = Annotated[
    tuple[tuple[str, str], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict[str, str]),
]
"""Tags as pairs of key and value; written as a mapping."""


class Attributes(BaseModel):
    """How objects are written; the module's table says what each field becomes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cache_control: str | None = Field(default=None, pattern=r"^[\x20-\x7e]+$")
    storage_class: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+$")
    tags: Tags = ()
    encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = None
    kms_key: str | None = Field(default=None, pattern=r"^[\x21-\x7e]+$")
    bucket_key: bool | None = None
    acl: Acl | None = None
    checksum: Literal["crc32", "sha1", "sha256"] | None = None
    requester_pays: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Attributes:
        by_kms = (self.encryption or "").startswith("aws:kms")
        for field in ("kms_key", "bucket_key"):
            if getattr(self, field) is not None and not by_kms:
                raise ValueError(f"{field} needs encryption: aws:kms or aws:kms:dsse")
        if len(self.tags) > _MAX_TAGS:
            raise ValueError(f"{len(self.tags)} tags: an object has at most {_MAX_TAGS}")
        return self

    @property
    def of_other_files(self) -> Attributes:
        """What applies to files that are no variants."""
        return self.model_copy(update={"cache_control": None, "storage_class": None, "tags": ()})

    def refused_by(self, scheme: str, *, reading: bool = False) -> list[str]:
        """Return the fields that are set and that a store doesn't take.

        Args:
            scheme: the scheme of the store's URIs.
            reading: only the fields that matter to reading.
        """
        given = set(self.model_dump(exclude_defaults=True))
        if reading:
            given &= {"requester_pays"}
        return sorted(given - _TAKEN.get(scheme, frozenset()))


NO_ATTRIBUTES = Attributes()
"""Objects are written as the bucket's own settings say."""
