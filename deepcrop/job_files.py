"""Job files: a job's fields in YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .errors import RequestError


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises:
        RequestError: it can't be read, or holds no mapping.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except IsADirectoryError:
        raise RequestError(
            f"{path}: is a folder, expected a job file; for a folder of photos: --input {path}"
        ) from None
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())
        raise RequestError(f"{path}: not YAML ({where})") from None
    if not isinstance(values, dict):
        raise RequestError(
            f"{path}: expected a mapping of a job's fields, such as method: saliency"
        )
    return values
