"""What S3 and boto3 report when something fails, and whether another attempt may succeed."""

from __future__ import annotations

from ..errors import AccessDenied, FetchError, NotFound, Refused, Unreachable
from .base import Retry, StoreError
from .uri import redact

MISSING = {"NoSuchKey", "404", "NotFound", "NoSuchVersion"}
"""Codes that mean that there is no such object."""
_TRANSIENT = {
    # Throttling.
    "SlowDown", "Throttling", "ThrottlingException", "RequestThrottled", "RequestLimitExceeded",
    "TooManyRequests", "TooManyRequestsException", "BandwidthLimitExceeded", "429",
    # The server's own trouble.
    "InternalError", "InternalFailure", "ServiceUnavailable", "OperationAborted",
    "500", "502", "503", "504",
    # What we sent came late, short or changed.
    "RequestTimeout", "RequestTimeoutException", "IncompleteBody", "BadDigest",
    "XAmzContentSHA256Mismatch",
}  # fmt: skip
_FULL = {
    "QuotaExceeded": "the quota is used up",  # Ceph, Dell ECS
    "XMinioStorageFull": "no space left on the server",
    "XMinioAdminBucketQuotaExceeded": "the bucket's quota is used up",
}
_REFUSED = {
    "InvalidAccessKeyId": "the access key is not known to the server",
    "SignatureDoesNotMatch": "the secret key does not fit the access key",
    "ExpiredToken": "the session token has expired",
    "InvalidToken": "the session token is not valid",
    "TokenRefreshRequired": "the session token must be renewed",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "InvalidObjectState": "the object is archived and must be restored first",
}
_REFUSES_ONE_OBJECT = {"InvalidObjectState", "SignatureDoesNotMatch"}
"""Refusals that another object may not meet: some servers sign odd names otherwise than clients."""


def translate_error(error: Exception) -> StoreError:
    """Return the ``StoreError`` for what boto3 raised.

    Raises:
        Exception: the error itself, where it is none of boto3's.
    """
    import urllib3
    from botocore import exceptions as boto

    match error:
        case boto.ClientError():
            answer = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return error_for_code(answer.get("Code", ""), status, answer.get("Message", ""))
        case boto.NoCredentialsError() | boto.PartialCredentialsError():
            text = "no credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID"
            return StoreError(text, Refused, affects_all=True)
        case boto.ProfileNotFound():
            return StoreError("AWS_PROFILE names a profile that does not exist", AccessDenied)
        case boto.ParamValidationError():
            return StoreError("not a valid bucket name or key", NotFound)
        case boto.ConnectTimeoutError() | boto.ReadTimeoutError():
            return StoreError("timed out", retry=Retry.FULL)
        case boto.EndpointConnectionError() | boto.ProxyConnectionError():
            return StoreError("the endpoint can't be reached", retry=Retry.FULL)
        case boto.SSLError():
            return StoreError("no secure connection to the endpoint", retry=Retry.FULL)
        case boto.IncompleteReadError() | boto.ResponseStreamingError():
            return StoreError("the body was cut short", retry=Retry.FULL)
        case boto.FlexibleChecksumError():
            return StoreError("the bytes do not have the object's checksum", retry=Retry.FULL)
        case boto.HTTPClientError() | boto.ConnectionError() | urllib3.exceptions.HTTPError():
            return StoreError("the connection was closed", retry=Retry.FULL)
        case boto.MetadataRetrievalError() | boto.CredentialRetrievalError():
            return StoreError("credentials could not be fetched", AccessDenied, Retry.FULL)
        case boto.BotoCoreError() | ValueError():
            # Parser errors (an answer that is no XML) and an endpoint that is no URL; their text
            # may hold the whole answer, so it isn't shown.
            unparsed = type(error).__name__ == "ResponseParserError"
            text = "the answer is not S3's" if unparsed else type(error).__name__
            return StoreError(text, FetchError, Retry.FULL if unparsed else Retry.NEVER)
        case _:
            raise error


def error_for_code(code: str, status: int, message: str) -> StoreError:
    """Return the ``StoreError`` for the code and the HTTP status of an S3 error.

    Args:
        code: S3's name of the error, such as ``NoSuchKey``; empty where none was sent.
        status: the HTTP status; 0 where it isn't known.
        message: S3's text; shown only for codes that have no text of ours.
    """
    detail = redact(f"{code}: {message}" if message else code or f"status {status}")
    if code in _REFUSED:
        affects_all = code not in _REFUSES_ONE_OBJECT
        error_type = Refused if affects_all else AccessDenied
        return StoreError(f"{_REFUSED[code]} ({code})", error_type, affects_all=affects_all)
    if code == "NoSuchBucket":
        return StoreError("no such bucket", NotFound, affects_all=True)
    if code in _FULL:
        return StoreError(f"{_FULL[code]} ({code})", FetchError, affects_all=True)
    if code in MISSING:
        return StoreError("no such object", NotFound)
    if code in _TRANSIENT or status >= 500 or status == 429:
        return StoreError(detail, Unreachable, Retry.FULL)
    if code in ("AccessDenied", "403"):
        return StoreError("access denied", AccessDenied, Retry.FEW)
    if status in (401, 403):
        return StoreError(detail, AccessDenied)
    return StoreError(detail, FetchError)
