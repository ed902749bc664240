"""The page of a job, ``OUTPUT/report/index.html``: it opens from a file URL and needs no network.

```python
>>> build("out")
'/photos/out/report/index.html'
```

The page contains its style, scripts and plots. Beside it are its data (``data/``), thumbnails
(``thumbnails/``) and, on request, saliency maps (``maps/``).
"""

from __future__ import annotations

import json
import shlex
import time
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from .. import weights as weights_catalogue
from ..job import Job
from ..manifest.mark_log import MarkLog
from ..manifest.status import job_of, open_job, state_of
from ..methods import registry
from ..methods.base import CropMethod
from ..methods.mars.method import MarsCrop
from ..planning.prices import Prices
from ..progress import NullProgress, Progress
from ..schema import STAGES
from ..sources.corrections import Corrections
from ..storage import Storage
from . import plots
from .build_record import write_build
from .commands import run_command, with_absolute_input
from .maps import make_maps
from .mark_scripts import mark_scripts
from .page_data import DETAIL_ROWS, INDEX_ROWS, PageData
from .requested import Requested
from .sheet import COLOURS
from .statistics import Cost, JobStatistics, concatenated
from .thumbnails import make_thumbnails

DEFAULT_THUMBNAILS = 2000
"""Sources that get a thumbnail unless the caller says otherwise."""
WRITE_THREADS = 16
"""Data scripts that are written at the same time."""
ASSETS = files("deepcrop.report") / "assets"


def build(
    output: str,
    *,
    endpoint: str | None = None,
    thumbnails: int = DEFAULT_THUMBNAILS,
    maps: int = 0,
    machine: str | None = None,
    nodes: int = 1,
    progress: Progress | None = None,
) -> str:
    """Write the page of a finished or running job, replacing an earlier one.

    Args:
        output: the job's output, a path or URI.
        endpoint: URL of the S3 server, if it is not AWS's.
        thumbnails: how many sources get a thumbnail, those that a person sees first; see
            :meth:`.PageData.to_review_first`.
        maps: how many sources get a saliency map, the same ones; the network computes each.
        machine: the kind of machine that the job ran on, a name of ``planning/prices.yaml``; the
            page then shows the job's cost.
        nodes: how many such machines the job ran on.
        progress: is told of each thumbnail.

    Returns:
        The page's URI.

    Raises:
        RequestError: there is no job at the output, or no price for the machine.
    """
    started = time.time()
    manifest, record = open_job(output, endpoint)
    manifest.load_parts()
    job = job_of(manifest, record, endpoint)
    parts = list(manifest.tables())
    statistics = JobStatistics.of(parts, record["started"])
    cost = Cost.of(statistics, Prices.read(), machine, nodes) if machine else None
    aspects = list(job.slugs)
    applied = manifest.read_corrections()
    corrections = {} if applied is None else Corrections(applied).statements
    data = PageData.of(
        concatenated(parts), manifest.output, aspects, corrections, Requested.of(job.requests)
    )
    storage, folder = job.storage, f"{manifest.output}/report"
    thumbnail_names = make_thumbnails(
        data.to_review_first(thumbnails),
        thumbnails,
        storage,
        f"{folder}/thumbnails",
        progress or NullProgress(),
    )
    map_names = make_maps(data.to_review_first(maps), maps, job, f"{folder}/maps")
    build_name = uuid.uuid4().hex[:12]
    scripts = [*data.index(build_name), *data.details(build_name, thumbnail_names, map_names)]
    marks = mark_scripts(MarkLog(manifest.output, storage), build_name)
    _write_all(storage, f"{folder}/data", [*scripts, *marks])
    state = state_of(manifest, record)
    total: int = record["counts"]["sources"]
    page = _render(job, record, state, total, statistics, cost, data, build_name, len(marks))
    storage.write(f"{folder}/index.html", page.encode(), "text/html; charset=utf-8")
    write_build(manifest, build_name, started, record["updated"])
    return f"{folder}/index.html"


def _write_all(storage: Storage, folder: str, scripts: Iterable[tuple[str, str]]) -> None:
    def write(script: tuple[str, str]) -> None:
        storage.write(f"{folder}/{script[0]}", script[1].encode(), "text/javascript")

    with ThreadPoolExecutor(WRITE_THREADS) as pool:
        list(pool.map(write, scripts))


def _render(
    job: Job,
    record: Mapping[str, Any],
    state: str,
    total: int,
    statistics: JobStatistics,
    cost: Cost | None,
    data: PageData,
    build_name: str,
    mark_count: int,
) -> str:
    environment = Environment(
        loader=PackageLoader("deepcrop.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bytes"] = _format_bytes
    environment.filters["duration"] = plots.duration
    facts = {
        "build": build_name,
        "fingerprint": record["fingerprint"],
        "count": len(data),
        "index_rows": INDEX_ROWS,
        "detail_rows": DETAIL_ROWS,
        "mark_scripts": mark_count,
        "root": data.root,
        "root_href": data.root_href,
        "aspects": job.slugs,
        "ratios": [(each.aspect.width, each.aspect.height) for each in job.first_requests],
        "safe": [each.safe.sides for each in job.first_requests],
        "window": _window(job),
        "flags": data.flags.legend(),
        "colours": COLOURS,
        "methods": data.methods,
        "errors": data.errors,
        "kind": job.kind,
        "stages": STAGES,
    }
    return environment.get_template("page.html.j2").render(
        style=Markup((ASSETS / "page.css").read_text(encoding="utf-8")),
        scripts=Markup(_scripts()),
        facts=Markup(json.dumps(facts, ensure_ascii=False).replace("<", "\\u003c")),
        title=job.output.rstrip("/").rpartition("/")[2] or job.output,
        state=state,
        total=total,
        statistics=statistics,
        cost=cost,
        data=data,
        job=job,
        settings=json.loads(job.model_dump_json(exclude_defaults=True)),
        record=record,
        weights=_weights(job, record),
        # Earlier releases told their own version among the settings.
        versions={"deepcrop": record["settings"].get("version"), **record["versions"]},
        score_meaning=record.get("score_meaning") or CropMethod.score_meaning,
        plots=plots,
        built=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        version=__version__,
        command=run_command(with_absolute_input(job, data.root)),
        output=shlex.join([data.output, *_endpoint(job)]),
        correct_command=shlex.join(
            ["deepcrop", "correct", data.output, "corrections.csv", *_endpoint(job)]
        ),
    )


def is_built(output: str, endpoint: str | None = None) -> bool:
    """Return whether an output has a page.

    Raises:
        RequestError: there is no job at the output.
    """
    manifest, _ = open_job(output, endpoint)
    return manifest.storage.exists(f"{manifest.output}/report/index.html")


def _endpoint(job: Job) -> list[str]:
    """Return the options that a command needs to reach the job's S3 server."""
    return ["--s3-endpoint", job.s3_endpoint] if job.s3_endpoint else []


def _window(job: Job) -> str:
    """Return the size of a crop box around a focal point that a person moved.

    Returns:
        ``largest``, the largest of the ratio; or ``kept``, the size that the method chose.
    """
    largest = job.method in ("center", "saliency") or (
        job.method == "mars"
        and registry.read_options(MarsCrop.Options, job.options, method="mars").window == "largest"
    )
    return "largest" if largest else "kept"


def _weights(job: Job, record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return what the page tells of each of the job's weights, by the names of the facts.

    The terms are those of the time of the run, where the record has them.
    """
    terms = record.get("weights", [asdict(each) for each in job.weights_terms])
    catalogue = weights_catalogue.catalogue()
    facts = []
    for number, each in enumerate(terms):
        entry = catalogue.get(each["name"])
        told = {
            "name" if entry else "file": each["name"],
            "what": entry and entry.summary,
            "licence": each["licence"] or "not in deepcrop's catalogue",
            "commercial use": f"{each['commercial']}: {each['commercial_reason']}",
            "sha256": record["weights_sha256"] if number == 0 else None,
        }
        facts.append({name: text for name, text in told.items() if text})
    return facts


def _scripts() -> str:
    """Return the page's modules, after the functions that define and load a module."""
    folder = ASSETS / "scripts"
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}
    return "\n".join([texts.pop("modules.js"), *(texts[name] for name in sorted(texts))])


def _format_bytes(count: float) -> str:
    """Return a number of bytes as text, such as ``1.5 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"
