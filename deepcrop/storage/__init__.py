"""One URI in, bytes out.

```python
>>> storage = Storage()
>>> storage.write("/tmp/deepcrop-doc/hello.txt", b"hello")
1
>>> storage.read("/tmp/deepcrop-doc/hello.txt")
b'hello'
>>> [entry.size for entry in storage.list("/tmp/deepcrop-doc")]
[5]
```

``client`` is the entry point. ``base`` defines the protocol ``Store``; ``local``, ``s3``, ``web``,
``fsspec_store`` (every other scheme) and ``archive`` (members of tar files) implement it, and
``retry`` wraps any store so that what may succeed is tried again. ``uri`` handles names and
``pattern`` globs.
"""

from .archive import iter_tar_members
from .attributes import Attributes
from .base import TEMPORARY, Blob, Entry, Prefix, StorageOptions
from .client import Storage
from .uri import (
    below,
    canonical,
    common_folder,
    is_inside,
    join,
    quoted_below,
    redact,
    relative,
    strip_credentials,
    without_surrogates,
)

__all__ = [
    "TEMPORARY",
    "Attributes",
    "Blob",
    "Entry",
    "Prefix",
    "Storage",
    "StorageOptions",
    "below",
    "canonical",
    "common_folder",
    "is_inside",
    "iter_tar_members",
    "join",
    "quoted_below",
    "redact",
    "relative",
    "strip_credentials",
    "without_surrogates",
]
