"""How objects are written: each field becomes its header, and a store that lacks it is refused."""

import json
from urllib.parse import urlencode

import boto3
import pytest
from pydantic import ValidationError

from deepcrop.errors import RequestError, WriteError
from deepcrop.job import Job
from deepcrop.storage import Attributes
from deepcrop.storage.fsspec_store import _options
from jobs.faults.radosgw import KMS_KEY
from tests.image.samples import photo, saved

DELIVERED = Attributes(
    cache_control="public, max-age=31536000, immutable",
    storage_class="STANDARD_IA",
    tags={"team": "media + more/x", "kind": "crop"},
    encryption="aws:kms",
    kms_key="alias/media",
    bucket_key=True,
    acl="bucket-owner-full-control",
    checksum="sha256",
)


def client():
    return boto3.session.Session().client("s3")


def test_each_field_becomes_what_the_table_says(s3):
    storage = s3.storage(attributes=DELIVERED)
    storage.write(f"{s3.uri}/v.jpg", b"one", "image/jpeg", variant=True)
    head = client().head_object(Bucket=s3.bucket, Key="v.jpg", ChecksumMode="ENABLED")
    assert head["CacheControl"] == DELIVERED.cache_control
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"].endswith("alias/media")
    assert head["BucketKeyEnabled"] is True
    assert head["ContentType"] == "image/jpeg"
    assert head["ChecksumSHA256"]
    tags = client().get_object_tagging(Bucket=s3.bucket, Key="v.jpg")["TagSet"]
    assert {each["Key"]: each["Value"] for each in tags} == dict(DELIVERED.tags)
    assert storage.read(f"{s3.uri}/v.jpg") == b"one"


def test_other_files_are_encrypted_but_not_cached_nor_archived(s3):
    s3.storage(attributes=DELIVERED).write(f"{s3.uri}/part.parquet", b"one")
    head = client().head_object(Bucket=s3.bucket, Key="part.parquet")
    assert head["ServerSideEncryption"] == "aws:kms"
    assert "CacheControl" not in head and "StorageClass" not in head
    assert not client().get_object_tagging(Bucket=s3.bucket, Key="part.parquet")["TagSet"]


def deny_unencrypted(bucket):
    """Attach the policy of a bucket in which every object must be encrypted with KMS."""
    header = "s3:x-amz-server-side-encryption"
    statements = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": condition,
        }
        for condition in ({"Null": {header: "true"}}, {"StringNotEquals": {header: "aws:kms"}})
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_a_bucket_that_refuses_what_is_not_encrypted(radosgw_s3):
    deny_unencrypted(radosgw_s3.bucket)
    uri = f"{radosgw_s3.uri}/v.jpg"
    with pytest.raises(WriteError, match="access denied"):
        radosgw_s3.storage(max_attempts=2).write(uri, b"one", variant=True)
    with pytest.raises(RequestError, match="can't be written: access denied"):
        radosgw_s3.storage(max_attempts=2).check_writable(radosgw_s3.uri)
    encrypted = Attributes(encryption="aws:kms", kms_key=KMS_KEY, cache_control="max-age=60")
    storage = radosgw_s3.storage(attributes=encrypted)
    storage.check_writable(radosgw_s3.uri)
    storage.write(uri, b"one", "image/jpeg", variant=True)
    assert storage.read(uri) == b"one"
    head = client().head_object(Bucket=radosgw_s3.bucket, Key="v.jpg")
    assert (head["ServerSideEncryption"], head["CacheControl"]) == ("aws:kms", "max-age=60")


@pytest.mark.slow
def test_a_whole_job_in_that_bucket(radosgw_s3):
    """Variants, manifest, lease and page are all encrypted, also by commands that come later."""
    import deepcrop
    from deepcrop.report.page import build

    source = radosgw_s3.storage()
    for index in range(6):
        data = saved(photo()[: 300 + index], "jpeg")
        source.write(f"{radosgw_s3.uri}/in/{index}.jpg", data)
    deny_unencrypted(radosgw_s3.bucket)
    fields = {
        "input": f"{radosgw_s3.uri}/in", "output": f"{radosgw_s3.uri}/out", "method": "center",
        "aspects": ["1:1"], "s3_endpoint": radosgw_s3.endpoint, "actors": 1,
    }  # fmt: skip
    with pytest.raises(RequestError, match="access denied"):
        deepcrop.run(Job(**fields))
    store = {"encryption": "aws:kms", "kms_key": KMS_KEY, "cache_control": "max-age=60"}
    summary = deepcrop.run(Job(**fields, store=store))
    assert summary.ok == 6
    build(fields["output"], endpoint=radosgw_s3.endpoint)
    found = client().list_objects_v2(Bucket=radosgw_s3.bucket, Prefix="out/")["Contents"]
    assert len(found) > 8
    for each in found:
        head = client().head_object(Bucket=radosgw_s3.bucket, Key=each["Key"])
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head.get("CacheControl") == (
            "max-age=60" if each["Key"].startswith("out/variants/") else None
        )


def test_the_version_that_was_read(any_s3):
    storage, uri = any_s3.storage(), f"{any_s3.uri}/photo.jpg"
    storage.write(uri, b"zero")
    assert storage.get(uri).version is None
    client().put_bucket_versioning(
        Bucket=any_s3.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    storage.write(uri, b"one")
    listed = client().list_object_versions(Bucket=any_s3.bucket, Prefix="photo.jpg")["Versions"]
    latest = next(each["VersionId"] for each in listed if each["IsLatest"])
    assert storage.get(uri).version == latest != "null"


def test_the_requester_pays_for_every_request(s3):
    paid, seen = Attributes(requester_pays=True), []
    storage = s3.storage(attributes=paid, connect_timeout=9)
    store = storage._store(s3.uri)._store

    def note(request, **_):
        seen.append(request.headers.get("x-amz-request-payer"))

    store.client.meta.events.register("before-send.s3", note)
    uri = f"{s3.uri}/a.jpg"
    storage.write(uri, b"x")
    storage.read(uri)
    storage.stat(uri)
    list(storage.list(s3.uri))
    storage.delete(uri)
    assert len(seen) >= 5
    assert {each if isinstance(each, str) else each.decode() for each in seen} == {"requester"}


def test_what_other_stores_take():
    azure = Attributes(cache_control="no-cache", storage_class="Cool", tags={"a": "b"})
    assert _options("az", "image/jpeg", azure) == {
        "content_settings": {"content_type": "image/jpeg", "cache_control": "no-cache"},
        "standard_blob_tier": "Cool",
        "tags": {"a": "b"},
    }
    google = Attributes(cache_control="no-cache")
    assert _options("gs", "image/jpeg", google) == {
        "content_type": "image/jpeg",
        "fixed_key_metadata": {"cache_control": "no-cache"},
    }
    assert _options("memory", "image/jpeg", google) == {}


@pytest.mark.parametrize(
    ("output", "store", "refused"),
    [
        ("gs://b/out", {"encryption": "AES256"}, "gs:// takes no encryption"),
        ("out", {"cache_control": "no-cache", "tags": {"a": "b"}}, "takes no cache_control, tags"),
        ("out", {"requester_pays": True}, "takes no requester_pays"),
    ],
)
def test_fields_that_a_store_lacks_are_refused(output, store, refused):
    with pytest.raises(RequestError, match=refused):
        Job.parse({"input": "in", "output": output, "aspects": ["1:1"], "store": store})


def test_the_requester_may_pay_for_the_input_alone():
    fields = {"input": "s3://b/in", "output": "out", "aspects": ["1:1"]}
    job = Job.parse(fields | {"store": {"requester_pays": True}})
    assert job.storage.options.attributes.requester_pays
    assert job.fingerprint == Job.parse(fields).fingerprint


@pytest.mark.parametrize(
    "wrong",
    [{"kms_key": "k"}, {"encryption": "AES256", "bucket_key": True}, {"acl": "everyone"},
     {"tags": {str(i): "" for i in range(11)}}, {"cache_control": "a\r\nb"}, {"colour": 1}],
)  # fmt: skip
def test_wrong_values_are_refused(wrong):
    with pytest.raises(ValidationError):
        Attributes(**wrong)


def test_a_job_file_keeps_them():
    fields = {"input": "s3://b/in", "output": "s3://b/out", "aspects": ["1:1"]}
    job = Job.parse(fields | {"store": {"tags": {"b": "2", "a": "1"}, "encryption": "AES256"}})
    assert job.to_dict()["store"] == {"tags": {"a": "1", "b": "2"}, "encryption": "AES256"}
    assert Job.parse(job.to_dict()) == job
    assert urlencode(job.store.tags) == "a=1&b=2"
