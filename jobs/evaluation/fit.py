"""What rules for photos that don't fit decide on photos with people, with a sheet to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from rich.table import Table

from deepcrop import image
from deepcrop.errors import SourceError
from deepcrop.flags import Flag
from deepcrop.geometry import Box
from deepcrop.job import Job
from deepcrop.outputs.rules import ACTIONS
from deepcrop.report.sheet import ContactSheetRow, Page, draw_row
from deepcrop.stages.frames import Frame
from deepcrop.stages.item import ImageTask
from deepcrop.stages.local import LocalPipeline

RATIOS = {"square": "1:1", "story": "9:16", "banner": "3:1"}
RULES = {
    "head-cut & kept<0.5": "blur",
    "head-cut": "retarget",
    "subject-cut": "pad",
    "score<0.4": "review",
}
WIDTH = 240
"""Width of the variants on the sheet, in pixels."""
SHOWN = 900
"""Longest edge of the sources on the sheet, in pixels."""


@dataclass
class Tally:
    """What was decided."""

    photos: int = 0
    actions: dict[str, Counter[str]] = field(default_factory=dict)
    """Photos by action, for each preset."""
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    """Photos by the condition that held, for each preset."""


def job_of(method: str, rules: Mapping[str, str]) -> Job:
    """Return a job with a preset for each ratio, and the same rules for all."""
    outputs = {
        name: {"aspect": ratio, "widths": [WIDTH], "formats": ["png"], "fit": dict(rules)}
        for name, ratio in RATIOS.items()
    }
    return Job.parse({"input": "-", "output": "-", "method": method, "outputs": outputs})


def has_heads(task: ImageTask) -> bool:
    """Return whether the method found a head in a photo."""
    crop = next(crop for crop in task.crops if crop is not None)
    return any(part.flag == Flag.HEAD_CUT for part in crop.parts)


def judge(
    photos: Iterable[Path], job: Job, count: int
) -> Iterator[tuple[LocalPipeline, ImageTask, dict[str, Frame]]]:
    """Yield the first photos in which heads are found, with what is made of each by preset."""
    single = LocalPipeline(job, "cpu")
    for path in photos:
        try:
            task = single.process(str(path), path.stem)
        except SourceError:
            continue
        if not has_heads(task):
            continue
        frames = single.renderer.frames.of(task)
        yield single, task, {_preset(job, frame): frame for frame in frames}
        count -= 1
        if count == 0:
            return


def evaluate(
    photos: Iterable[Path], job: Job, count: int, sheet: Path | None, of_each: int
) -> Tally:
    """Count what is decided, and draw some photos of each action but the crop.

    Args:
        photos: files.
        job: see :func:`job_of`.
        count: photos with heads that are judged.
        sheet: file of the sheet; None draws none.
        of_each: photos of each preset and action on the sheet.
    """
    tally, page = Tally(), Page()
    drawn: Counter[tuple[str, str]] = Counter()
    for single, task, frames in judge(photos, job, count):
        tally.photos += 1
        chosen = []
        for name in RATIOS:
            frame = frames.get(name)
            fit = frame.fit if frame else None
            action = fit.action if fit else "skip"
            reason = (fit.reason or "") if fit else ""
            tally.actions.setdefault(name, Counter())[action] += 1
            tally.reasons.setdefault(name, Counter())[_condition(reason)] += 1
            if frame is not None and action != "crop" and drawn[name, action] < of_each:
                drawn[name, action] += 1
                chosen.append((name, frame))
        if sheet is not None and chosen:
            page.add([_row(single, task, name, frame) for name, frame in chosen])
    if sheet is not None and page.groups:
        page.draw().save(sheet)
    return tally


def table(tally: Tally) -> Table:
    """Return what was decided, a line for each preset."""
    found = Table(
        "preset", *ACTIONS, "because of", box=None, title=f"{tally.photos} photos with people"
    )
    for name, ratio in RATIOS.items():
        counts = tally.actions.get(name, Counter())
        reasons = tally.reasons.get(name, Counter())
        told = ", ".join(f"{each} {count}" for each, count in reasons.most_common() if each)
        found.add_row(f"{name} {ratio}", *(str(counts[each]) for each in ACTIONS), told)
    return found


def _condition(reason: str) -> str:
    """Return the condition of a reason, without what was measured."""
    return " & ".join(part.partition(":")[0] for part in reason.split(" & "))


def _preset(job: Job, frame: Frame) -> str:
    rendition = job.requests[frame.index].rendition
    assert rendition is not None
    return rendition.preset


def _row(single: LocalPipeline, task: ImageTask, name: str, frame: Frame) -> Image.Image:
    """Draw a photo with the crop that was judged, that crop, and what was made instead."""
    assert task.picture is not None
    shown = Image.fromarray(image.thumbnail(task.picture, SHOWN))
    scale = shown.width / task.picture.source_size.width
    box = Box(*(round(scale * each) for each in frame.crop.box.corners))
    [made] = single.renderer.pixels.of_frames(task, [frame])
    assert frame.fit is not None
    variants: Sequence[tuple[str, Image.Image]] = [
        ("crop", shown.crop(box.corners)),
        (frame.fit.action, Image.fromarray(made.pixels)),
    ]
    title = f"{task.source['key']}, {name}: {frame.fit.reason}"
    return draw_row(ContactSheetRow(title, shown, {name: box}, None, dict(variants)))
