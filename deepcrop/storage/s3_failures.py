"""What S3 and boto3 say when something fails, and whether trying again may help."""

from __future__ import annotations

from ..errors import AccessDenied, FetchError, NotFound, Refused, Unreachable
from .base import Failure, Hope
from .uri import redact

MISSING = {"NoSuchKey", "404", "NotFound", "NoSuchVersion"}
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
_OF_THE_OBJECT = {"InvalidObjectState", "SignatureDoesNotMatch"}
"""Refusals that another object may not meet: some servers sign odd names otherwise than clients."""


def failure_of(error: Exception) -> Failure:
    """Translate what boto3 raises.

    Raises:
        Exception: the error itself, where it is none of boto3's.
    """
    import urllib3
    from botocore import exceptions as boto

    match error:
        case boto.ClientError():
            answer = error.response.get("Error", {})
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return failure_of_code(answer.get("Code", ""), status, answer.get("Message", ""))
        case boto.NoCredentialsError() | boto.PartialCredentialsError():
            text = "no credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID"
            return Failure(text, Refused, general=True)
        case boto.ProfileNotFound():
            return Failure("AWS_PROFILE names a profile that does not exist", AccessDenied)
        case boto.ParamValidationError():
            return Failure("not a valid bucket name or key", NotFound)
        case boto.ConnectTimeoutError() | boto.ReadTimeoutError():
            return Failure("timed out", hope=Hope.GOOD)
        case boto.EndpointConnectionError() | boto.ProxyConnectionError():
            return Failure("the endpoint can't be reached", hope=Hope.GOOD)
        case boto.SSLError():
            return Failure("no secure connection to the endpoint", hope=Hope.GOOD)
        case boto.IncompleteReadError() | boto.ResponseStreamingError():
            return Failure("the body was cut short", hope=Hope.GOOD)
        case boto.FlexibleChecksumError():
            return Failure("the bytes do not have the object's checksum", hope=Hope.GOOD)
        case boto.HTTPClientError() | boto.ConnectionError() | urllib3.exceptions.HTTPError():
            return Failure("the connection was closed", hope=Hope.GOOD)
        case boto.MetadataRetrievalError() | boto.CredentialRetrievalError():
            return Failure("credentials could not be fetched", AccessDenied, Hope.GOOD)
        case boto.BotoCoreError() | ValueError():
            # Parser errors (an answer that is no XML) and an endpoint that is no URL; their text
            # may hold the whole answer, so it isn't shown.
            unparsed = type(error).__name__ == "ResponseParserError"
            text = "the answer is not S3's" if unparsed else type(error).__name__
            return Failure(text, FetchError, Hope.GOOD if unparsed else Hope.NONE)
        case _:
            raise error


def failure_of_code(code: str, status: int, message: str) -> Failure:
    """Translate the code (and the HTTP status) of an S3 error."""
    detail = redact(f"{code}: {message}" if message else code or f"status {status}")
    if code in _REFUSED:
        general = code not in _OF_THE_OBJECT
        kind = Refused if general else AccessDenied
        return Failure(f"{_REFUSED[code]} ({code})", kind, general=general)
    if code == "NoSuchBucket":
        return Failure("no such bucket", NotFound, general=True)
    if code in _FULL:
        return Failure(f"{_FULL[code]} ({code})", FetchError, general=True)
    if code in MISSING:
        return Failure("no such object", NotFound)
    if code in _TRANSIENT or status >= 500 or status == 429:
        return Failure(detail, Unreachable, Hope.GOOD)
    if code in ("AccessDenied", "403"):
        return Failure("access denied", AccessDenied, Hope.SOME)
    if status in (401, 403):
        return Failure(detail, AccessDenied)
    return Failure(detail, FetchError)
