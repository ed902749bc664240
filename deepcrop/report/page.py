"""The page of a job: ``OUTPUT/report/index.html``, which opens from a file URL, without a network.

```python
>>> build("out")
'/photos/out/report/index.html'
```

Style, scripts and plots are inside the page; beside it lie its data (``data/``), thumbnails
(``thumbnails/``) and, where asked for, saliency maps (``maps/``).
"""

from __future__ import annotations

import json
import shlex
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from .. import weights as store
from ..errors import RequestError
from ..job import Job
from ..manifest.status import job_of, open_job, state_of
from ..methods import registry
from ..methods.mars import MarsCrop
from ..planning.prices import Prices
from ..progress import NullProgress, Progress
from ..schema import STAGES
from ..sources.corrections import Corrections
from ..storage import Storage
from . import plots
from .chunks import DETAIL_ROWS, INDEX_ROWS, Catalogue
from .digest import Cost, Digest, concatenated
from .maps import make_maps
from .sheet import COLOURS
from .thumbnails import make_thumbnails

THUMBNAILS = 2000
"""Sources that get a thumbnail unless told otherwise: the worst first."""
THREADS = 16
ASSETS = files("deepcrop.report") / "assets"


def build(
    output: str,
    *,
    endpoint: str | None = None,
    thumbnails: int = THUMBNAILS,
    maps: int = 0,
    machine: str | None = None,
    nodes: int = 1,
    progress: Progress | None = None,
) -> str:
    """Write the page of a finished or running job, over an earlier one.

    Args:
        output: the job's output.
        endpoint: URL of the S3 server, where it is not the usual one.
        thumbnails: how many sources get one, those with the worst scores first.
        maps: how many sources get a saliency map, in the same order; each asks the network.
        machine: what the job ran on, a name of ``pipeline/prices.yaml``, to reckon its cost.
        nodes: how many such machines.
        progress: who wants to know how many thumbnails are made.

    Returns:
        The page's URI.

    Raises:
        RequestError: there is no job there, or no price of such a machine.
    """
    manifest, record = open_job(output, endpoint)
    manifest.load_parts()
    job = job_of(manifest, record, endpoint)
    parts = list(manifest.tables())
    digest = Digest.of(parts, record["started"])
    cost = Cost.of(digest, Prices.read(), machine, nodes) if machine else None
    aspects = [request.slug for request in job.requests]
    kept = manifest.read_corrections()
    said = {} if kept is None else Corrections(kept).statements
    catalogue = Catalogue.of(concatenated(parts), manifest.output, aspects, said)
    storage, folder = job.storage, f"{manifest.output}/report"
    watcher = progress or NullProgress()
    small = make_thumbnails(catalogue.rows, thumbnails, storage, f"{folder}/thumbnails", watcher)
    mapped = make_maps(catalogue.rows, maps, job, f"{folder}/maps")
    name = uuid.uuid4().hex[:12]
    scripts = [*catalogue.index(name), *catalogue.details(name, small, mapped)]
    _write_all(storage, f"{folder}/data", scripts)
    state = state_of(manifest, record)
    page = _render(job, record, state, digest, cost, catalogue, name)
    storage.write(f"{folder}/index.html", page.encode(), "text/html; charset=utf-8")
    return f"{folder}/index.html"


def _write_all(storage: Storage, folder: str, scripts: Iterable[tuple[str, str]]) -> None:
    def write(script: tuple[str, str]) -> None:
        storage.write(f"{folder}/{script[0]}", script[1].encode(), "text/javascript")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, scripts))


def _render(
    job: Job,
    record: dict[str, Any],
    state: str,
    digest: Digest,
    cost: Cost | None,
    catalogue: Catalogue,
    name: str,
) -> str:
    environment = Environment(
        loader=PackageLoader("deepcrop.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = _size
    environment.filters["duration"] = plots.duration
    total = record["counts"]["sources"]
    facts = {
        "build": name,
        "fingerprint": record["fingerprint"],
        "count": len(catalogue),
        "index_rows": INDEX_ROWS,
        "detail_rows": DETAIL_ROWS,
        "root": catalogue.root,
        "root_href": catalogue.root_href,
        "aspects": [request.slug for request in job.requests],
        "ratios": [(request.aspect.width, request.aspect.height) for request in job.requests],
        "window": _window(job),
        "flags": catalogue.flagged.legend(),
        "colours": COLOURS,
        "methods": catalogue.methods,
        "errors": catalogue.errors,
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
        digest=digest,
        cost=cost,
        catalogue=catalogue,
        job=job,
        settings=json.loads(job.model_dump_json(exclude_defaults=True)),
        record=record,
        weights=_weights(job),
        plots=plots,
        built=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        version=__version__,
        command=command_of(job),
        output=shlex.join([catalogue.output, *_endpoint(job)]),
        correct_command=shlex.join(
            ["deepcrop", "correct", catalogue.output, "corrections.csv", *_endpoint(job)]
        ),
    )


def command_of(job: Job) -> str:
    """Return the command that runs a job."""
    words = ["deepcrop", "run", "--input", job.input, "--output", job.output]
    words += ["--method", job.method]
    for aspect in job.aspects:
        words += ["--aspect", aspect]
    for size in job.sizes:
        words += ["--size", size]
    named = {"input", "output", "method", "aspects", "sizes"}
    fields = json.loads(job.model_dump_json(exclude_defaults=True, exclude=named))
    for field, value in fields.items():
        words += ["--set", f"{field}={value if isinstance(value, str) else json.dumps(value)}"]
    return shlex.join(words)


def is_built(output: str, endpoint: str | None = None) -> bool:
    """Tell whether an output has a page."""
    manifest, _ = open_job(output, endpoint)
    return manifest.storage.exists(f"{manifest.output}/report/index.html")


def _endpoint(job: Job) -> list[str]:
    """Return the options with which a command finds the job's store."""
    return ["--s3-endpoint", job.s3_endpoint] if job.s3_endpoint else []


def _window(job: Job) -> str:
    """Say which window the job's method cuts around a focal point that a person gives.

    Returns:
        ``largest`` of the ratio, or ``kept``: of the size that the method chose before.
    """
    largest = job.method in ("center", "saliency") or (
        job.method == "mars"
        and registry.read_options(MarsCrop.Options, job.options, method="mars").window == "largest"
    )
    return "largest" if largest else "kept"


def _weights(job: Job) -> store.Weights | None:
    """Return the catalogue entry of the weights used, if they are any of ours."""
    name = job.weights or registry.find(job.method).weights
    try:
        return None if name is None else store.find(name)
    except RequestError:
        return None


def _scripts() -> str:
    """Return the page's modules, after the functions that define and load a module."""
    folder = ASSETS / "scripts"
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}
    return "\n".join([texts.pop("modules.js"), *(texts[name] for name in sorted(texts))])


def _size(count: float) -> str:
    """Write bytes for a person."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"
