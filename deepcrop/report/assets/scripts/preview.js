// Where the next run will put the crop boxes of a source with pending marks, as
// deepcrop's corrections do it.
define("preview", ["job", "boxes", "marks", "sources", "corrections", "follow"], (job, boxes, { summary }, sources, corrections, follow) => {
  // The box of a variant: that of the manifest, or where the pending marks will put it.
  function boxOf(index, details, variant) {
    const name = sources.names[index];
    if (!variant.box || !corrections.isPending(name)) return variant.box;
    const aspect = job.aspects[variant.aspect];
    const marks = corrections.marksOf(name);
    const applied = corrections.appliedTo(name);
    const own = marks.boxes[aspect];
    const sameBoxes = boxes.areEqual(own, applied.boxes[aspect]) && boxes.areEqual(marks.keep, applied.keep);
    if (sameBoxes && boxes.areEqual(marks.focal, applied.focal)) return variant.box;
    const found = follow.cropsOf(name)?.[aspect];
    if (found) return found.box;
    if (own) return own; // a run makes it exactly of the ratio
    const size = [details.width, details.height];
    const [ratio, safe] = [job.ratios[variant.aspect], job.safe[variant.aspect]];
    if (!marks.focal) return boxes.expandToContain(variant.box, marks.keep, ratio, size, safe);
    const isLargest = job.window === "largest" || applied.boxes[aspect];
    const window = isLargest ? boxes.largestWindow(ratio, size) : boxes.sizeOf(variant.box);
    return boxes.expandToContain(boxes.centred(window, marks.focal, size, safe), marks.keep, ratio, size, safe);
  }

  const isMoved = (index, details, variant) => !boxes.areEqual(boxOf(index, details, variant), variant.box);

  // What the next run will do to a source with pending marks, in words; empty for every other.
  function pendingText(index, details) {
    const name = sources.names[index];
    if (!corrections.isPending(name)) return "";
    const marks = corrections.marksOf(name);
    const applied = corrections.appliedTo(name);
    const moves = (details.variants ?? []).some((each) => isMoved(index, details, each));
    const takesBack = (applied.focal && !marks.focal)
      || Object.keys(applied.boxes).some((aspect) => !marks.boxes[aspect])
      || (applied.keep.length && !boxes.areEqual(applied.keep, marks.keep));
    const effect = moves
      ? " Dashed boxes are a preview: the images are cut there at the next run."
      : takesBack ? " The method places the boxes again at the next run." : "";
    return `Pending: ${summary(marks)}.${effect}`;
  }

  return { boxOf, isMoved, pendingText };
});
