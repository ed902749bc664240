"""Whole jobs over photos in files or on an S3 server on loopback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import boto3
from botocore.config import Config

from ..faults.servers import s3_server
from .measure import Cost, environment, measure
from .task import ASPECTS, LONGEST

BUCKET = "photos"


def run(source: str, target: str, method: str, *more: str) -> Cost:
    """Run a job with the ratios and the size of every benchmark; return its cost.

    Args:
        source: a folder or a prefix.
        target: the output, a folder or a prefix; what is there is overwritten.
        method: the method's name.
        more: flags of ``deepcrop run``.
    """
    flags = [
        f"--input={source}",
        f"--output={target}",
        f"--method={method}",
        f"--max-size={LONGEST}",
        "--overwrite",
        *(f"--aspect={aspect}" for aspect in ASPECTS),
        *more,
    ]
    return measure([sys.executable, "-m", "deepcrop", "run", *flags], environment())


@contextmanager
def stored(corpora: Sequence[Path]) -> Iterator[str]:
    """Serve corpora as prefixes of a bucket, named as their folders are; yield the server's URL."""
    with s3_server() as server:
        os.environ.update(
            AWS_ACCESS_KEY_ID=server.access_key,
            AWS_SECRET_ACCESS_KEY=server.secret_key,
            AWS_DEFAULT_REGION="us-east-1",
        )
        client = boto3.client(
            "s3", endpoint_url=server.endpoint, config=Config(max_pool_connections=8)
        )
        client.create_bucket(Bucket=BUCKET)
        for corpus in corpora:
            paths = sorted(corpus.iterdir())
            keys = [f"{corpus.name}/{path.name}" for path in paths]
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(client.upload_file, map(str, paths), repeat(BUCKET), keys))
        yield server.endpoint
