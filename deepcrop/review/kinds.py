"""What photos show, as far as the saliency network finds it: the kinds of a comparison."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .. import image
from ..errors import RequestError, SourceError
from ..job import Job
from ..methods.scene import SMALLEST, TEXT
from ..networks.saliency.arrays import SaliencyArrays
from ..report.maps import saliency_method
from .pairs import Comparison

MOSTLY_TEXT = 0.02
"""Share (0..1) of the photo that is text from which it counts as a photo of text."""


def with_kinds(comparison: Comparison, job: Job) -> Comparison:
    """Return a comparison whose pairs have kinds: people, animals, text, a subject or a scene.

    Where the job's policy refuses the network's weights, they stay without.
    """
    try:
        method = saliency_method(job)
    except RequestError:
        return comparison
    kinds: dict[str, str] = {}
    for uri in dict.fromkeys(pair.source for pair in comparison.pairs):
        try:
            data = job.storage.read(uri)
            size = image.probe(data, max_pixels=job.max_pixels).size.fit(method.analysis)
            pixels = image.thumbnail(image.decode(data, at_least=size), method.analysis)
        except SourceError:
            continue
        [seen] = method.look([pixels])
        kinds[uri] = kind_of(seen)
    pairs = [replace(pair, kind=kinds.get(pair.source, "")) for pair in comparison.pairs]
    return replace(comparison, pairs=tuple(pairs))


def kind_of(seen: SaliencyArrays) -> str:
    """Return what a photo shows: the first of these that is found in it."""
    if len(seen.faces):
        return "people"
    if len(seen.animals):
        return "animals"
    if seen.text is not None and float(np.mean(seen.text > TEXT)) > MOSTLY_TEXT:
        return "text"
    if seen.subject is not None and float(np.mean(seen.subject > 0.5)) > SMALLEST:
        return "subject"
    return "scene"
