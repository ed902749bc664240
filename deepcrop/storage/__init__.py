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

``storage`` is the door; ``uri`` handles names, ``pattern`` globs, ``retry`` the one retry loop;
``s3``, ``local``, ``web`` and ``remote`` (fsspec) are the stores, ``archive`` reads tar files.
"""

from .archive import members
from .base import TEMPORARY, Blob, Entry, Prefix, StorageOptions
from .storage import Storage
from .uri import (
    below,
    canonical,
    common_folder,
    is_inside,
    join,
    public,
    quoted_below,
    redact,
    relative,
    without_surrogates,
)

__all__ = [
    "TEMPORARY",
    "Blob",
    "Entry",
    "Prefix",
    "Storage",
    "StorageOptions",
    "below",
    "canonical",
    "common_folder",
    "is_inside",
    "join",
    "members",
    "public",
    "quoted_below",
    "redact",
    "relative",
    "without_surrogates",
]
