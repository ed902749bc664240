"""Crops as URLs of imgproxy 3 and 4.

See https://docs.imgproxy.net/usage/processing and https://docs.imgproxy.net/usage/signing_url.
imgproxy turns photos by their EXIF orientation before it cuts them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass

from ..errors import RequestError
from ..manifest.rows import ImageRow, VariantRow
from ..manifest.store import Manifest
from ..storage.uri import scheme
from .base import ExportFormat, ExportOptions, ExportResult
from .image_urls import job_paths, server_base, write_table
from .rows import box_of
from .source_paths import SourcePaths, percent_encoded


@dataclass(frozen=True)
class ImgproxyUrls:
    """Builds the URLs of an imgproxy server.

    Keys with a question mark need a server whose ``IMGPROXY_SOURCE_URL_QUERY_SEPARATOR`` is
    another character; keys with a percent sign need release 3.27 or later.
    """

    paths: SourcePaths
    """Paths below the server's ``IMGPROXY_LOCAL_FILESYSTEM_ROOT``, or URLs with a scheme."""
    base: str = ""
    """Scheme and host of the server, without a slash at the end."""
    key: bytes | None = None
    """Its ``IMGPROXY_KEY``, decoded; without one, URLs are unsigned."""
    salt: bytes = b""
    """Its ``IMGPROXY_SALT``, decoded."""

    def url(self, row: ImageRow, variant: VariantRow) -> str:
        """Return the URL of a crop."""
        box = box_of(variant)
        crop = f"crop:{box.size.width}:{box.size.height}:nowe:{box.x0}:{box.y0}"
        enlarge = ":1" if variant["upscaled"] else ""  # imgproxy enlarges only on request
        size = f"rs:fit:{variant['width']}:{variant['height']}{enlarge}"
        path = f"/{crop}/{size}/plain/{self._source(row['source_uri'])}"
        if self.key is None:
            return f"{self.base}/insecure{path}"
        digest = hmac.new(self.key, self.salt + path.encode(), hashlib.sha256).digest()
        return f"{self.base}/{base64.urlsafe_b64encode(digest).decode().rstrip('=')}{path}"

    def _source(self, uri: str) -> str:
        if self.paths.rules:
            path = self.paths.path_of(uri)
            uri = path if scheme(path) != "file" else f"local:///{path}"
        elif scheme(uri) == "file":
            uri = f"local:///{self.paths.path_of(uri)}"
        return percent_encoded(uri, "")


def write(manifest: Manifest, target: str, options: ExportOptions) -> ExportResult:
    """Write the CSV table of a job's crops as imgproxy URLs to the file ``target``.

    Raises:
        RequestError: an option is wrong, or a source can't be read by imgproxy.
    """
    if (options.key is None) != (options.salt is None):
        raise RequestError("imgproxy signs with a key and a salt; give both, or neither")
    key, salt = _from_hex("key", options.key), _from_hex("salt", options.salt)
    base = server_base(options.base, "https://imgproxy.example")
    paths = job_paths(manifest, options.map)
    return write_table(manifest, target, ImgproxyUrls(paths, base, key, salt or b""))


def _from_hex(name: str, value: bytes | None) -> bytes | None:
    try:
        return None if value is None else bytes.fromhex(value.decode())
    except ValueError:  # the error's own text would repeat the secret
        raise RequestError(
            f"imgproxy's {name}: expected hexadecimal digits, an even number"
        ) from None


FORMAT = ExportFormat(frozenset({"base", "map", "key", "salt"}), write)
