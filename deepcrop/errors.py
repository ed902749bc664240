"""All errors that deepcrop raises on purpose, as one tree.

```
DeepcropError
├── RequestError            the request is wrong: what, where, what would be right (exit status 2)
│   └── Unavailable           a store doesn't answer or is full; it may pass (exit status 3)
├── JobIncomplete             the job did not complete; the same command resumes it (exit status 3)
└── SourceError             one image failed; the job goes on and the image's row says so
    ├── FetchError          stage "fetch":  its bytes could not be read
    │   ├── NotFound            no such object
    │   ├── AccessDenied        no right to read it
    │   │   └── Refused             the credentials are refused for every object (ends the job)
    │   └── Unreachable         throttled, timed out, reset, cut short      (retryable)
    ├── DecodeError         stage "decode": its bytes are not an image that we can read
    │   ├── NotAnImage          no decoder knows these bytes (empty, text, HTML, ...)
    │   ├── Corrupt             a decoder began and could not finish
    │   ├── Unsupported         a valid file of a kind that this version can't read, or not right
    │   └── TooLarge            more pixels than the job allows (decompression bomb)
    ├── InferError          stage "infer":  the method failed on it
    │   └── OutOfMemory         the device's memory is too small for it alone (retryable)
    ├── RenderError         stage "render": a variant could not be cut or encoded
    ├── WriteError          stage "write":  a variant could not be stored       (retryable)
    │   └── Unwritable          no other could be either: disk full, denied (ends the job)
    ├── TimedOut            a stage took longer than its limit; its ``stage`` names which
    └── WorkerDied          stage "worker": every process that worked on it died
```

A ``SourceError`` is data: the pipeline turns it into the columns ``error_stage``, ``error_class``,
``error_message`` and ``retryable`` of the image's manifest row.
"""

from __future__ import annotations

from typing import ClassVar


class DeepcropError(Exception):
    """Base of every error that deepcrop raises on purpose."""

    remedy: str = ""
    """What a person may do about it, as a clause for the end of the line; empty where the message
    says all."""


class RequestError(DeepcropError):
    """The request is wrong. The message is one line: what, where, and what would be right."""


class Unavailable(RequestError):
    """The request can't be met at present: a store doesn't answer, or has no room left.

    The same request may be met later, without a change.
    """


class JobIncomplete(DeepcropError):
    """The job could not start or was stopped early; running it again resumes it."""


class SourceError(DeepcropError):
    """One image failed at ``stage``; ``retryable`` tells whether trying again may help.

    ``attempts`` tells how often it was tried.
    """

    stage: str = "unknown"
    retryable: ClassVar[bool] = False
    attempts: int = 1


class FetchError(SourceError):
    """The bytes of the image could not be read."""

    stage = "fetch"


class NotFound(FetchError):
    """No object has this URI."""


class AccessDenied(FetchError):
    """The credentials do not permit reading this URI."""


class Refused(AccessDenied):
    """The credentials are expired, unknown or missing: no other object can be read with them.

    The job ends: its source gets no row, so that the resumed job tries it again.
    """


class Unreachable(FetchError):
    """The store throttled, timed out, reset the connection or sent too few bytes, each time."""

    retryable = True


class DecodeError(SourceError):
    """The bytes are not an image that we can read."""

    stage = "decode"


class NotAnImage(DecodeError):
    """No decoder recognises the bytes."""


class Corrupt(DecodeError):
    """A decoder recognised the bytes but could not finish."""


class Unsupported(DecodeError):
    """The file may be whole, but this version can't read its kind, or would read it wrong.

    The message names the kind, and what reads it where something does.
    """


class TooLarge(DecodeError):
    """The image has more pixels than the limit."""


class InferError(SourceError):
    """The method failed on the image."""

    stage = "infer"


class OutOfMemory(InferError):
    """The device's memory is too small for this image alone."""

    retryable = True


class RenderError(SourceError):
    """A variant could not be cut, resized or encoded."""

    stage = "render"


class WriteError(SourceError):
    """A variant could not be stored."""

    stage = "write"
    retryable = True
    denied: bool = False
    """Whether the store refused permission, for this object or for all."""


class Unwritable(WriteError):
    """A variant could not be stored, for a reason that affects every other one too.

    The job ends: its source gets no row, so that the resumed job tries it again.
    """


class TimedOut(SourceError):
    """A stage took longer than its limit."""

    def __init__(self, message: str, stage: str = "unknown") -> None:
        """Say what happened, and at which stage."""
        super().__init__(message, stage)
        self.message = message
        self.stage = stage

    def __str__(self) -> str:
        """Return the message alone."""
        return self.message


class WorkerDied(SourceError):
    """Every process that worked on the image died."""

    stage = "worker"
