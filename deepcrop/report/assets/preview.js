// Where a run will put the crop boxes of a source with pending marks: what deepcrop/geometry.py,
// deepcrop/ops/windows.py and deepcrop/sources/corrections.py do, number for number.

// Python's round(): a half goes to the even neighbour.
function roundEven(value) {
  const below = Math.floor(value);
  const part = value - below;
  return part < 0.5 || (part === 0.5 && below % 2 === 0) ? below : below + 1;
}

// round(numerator / denominator) of whole numbers, exact.
function roundRatio(numerator, denominator) {
  const rest = numerator % denominator;
  const whole = (numerator - rest) / denominator;
  return 2 * rest < denominator || (2 * rest === denominator && whole % 2 === 0) ? whole : whole + 1;
}

const sizeOf = ([x0, y0, x1, y1]) => [x1 - x0, y1 - y0];

function largestWindow([across, down], [width, height]) {
  if (width * down >= height * across) {
    return [clamp(roundRatio(height * across, down), 1, width), height];
  }
  return [width, clamp(roundRatio(width * down, across), 1, height)];
}

// The window as near to a point (0..1) as the image allows.
function centred([width, height], [x, y], size) {
  const left = clamp(roundEven(x * size[0] - width / 2), 0, size[0] - width);
  const top = clamp(roundEven(y * size[1] - height / 2), 0, size[1] - height);
  return [left, top, left + width, top + height];
}

// The box grown and shifted so that it holds all boxes to keep, if its ratio permits.
function holding(box, boxes, [across, down], size) {
  const inside = boxes
    .map(([x0, y0, x1, y1]) => [x0, y0, Math.min(x1, size[0]), Math.min(y1, size[1])])
    .filter(([x0, y0, x1, y1]) => x0 < x1 && y0 < y1);
  if (!inside.length) return box;
  const edge = (pick, at) => pick(...inside.map((each) => each[at]));
  const [x0, y0, x1, y1] = [edge(Math.min, 0), edge(Math.min, 1), edge(Math.max, 2), edge(Math.max, 3)];
  const old = sizeOf(box);
  let [width, height] = old;
  if (width < x1 - x0 || height < y1 - y0) {
    const largest = largestWindow([across, down], size);
    const tall = Math.max(y1 - y0, Math.ceil(((x1 - x0) * down) / across));
    const wide = Math.max(x1 - x0, Math.ceil((tall * across) / down));
    [width, height] = [Math.min(wide, largest[0]), Math.min(tall, largest[1])];
  }
  if (width < x1 - x0 || height < y1 - y0) return box;
  const place = (start, before, now, low, high, side) =>
    clamp(clamp(start + Math.floor((before - now) / 2), high - now, low), 0, side - now);
  const left = place(box[0], old[0], width, x0, x1, size[0]);
  const top = place(box[1], old[1], height, y0, y1, size[1]);
  return [left, top, left + width, top + height];
}

// The box of a variant: that of the manifest, or where the pending marks will put it.
function boxOf(index, detail, variant) {
  const name = sources.names[index];
  if (!variant.box || !isPending(name)) return variant.box;
  const aspect = job.aspects[variant.aspect];
  const marks = correctionOf(name);
  const applied = appliedTo(name);
  const own = marks.boxes[aspect];
  const sameAround = sameBoxes(own, applied.boxes[aspect]) && sameBoxes(marks.keep, applied.keep);
  if (sameAround && sameBoxes(marks.focal, applied.focal)) return variant.box;
  if (own) return own; // a run makes it exactly of the ratio
  const size = [detail.width, detail.height];
  const ratio = job.ratios[variant.aspect];
  if (!marks.focal) return holding(variant.box, marks.keep, ratio, size);
  const kept = job.window === "largest" || applied.boxes[aspect];
  const window = kept ? largestWindow(ratio, size) : sizeOf(variant.box);
  return holding(centred(window, marks.focal, size), marks.keep, ratio, size);
}

// What will happen to a source's boxes at the next run, in words; nothing where none moves.
function pendingText(index, detail) {
  const name = sources.names[index];
  if (!isPending(name)) return "";
  const marks = correctionOf(name);
  const applied = appliedTo(name);
  const moved = (detail.variants ?? []).some((each) => !sameBoxes(boxOf(index, detail, each), each.box));
  const lost = (applied.focal && !marks.focal)
    || Object.keys(applied.boxes).some((aspect) => !marks.boxes[aspect])
    || (applied.keep.length && !sameBoxes(applied.keep, marks.keep));
  const boxes = moved
    ? " Dashed boxes are a preview: the images are cut there at the next run."
    : lost ? " The method places the boxes anew at the next run." : "";
  return `Pending: ${summaryOf(marks)}.${boxes}`;
}
