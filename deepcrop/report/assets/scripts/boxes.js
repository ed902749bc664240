// Arithmetic of crop boxes [x0, y0, x1, y1], in pixels of the source. What places a box gives the same
// integers as deepcrop/geometry.py and deepcrop/ops/windows.py, so that the preview shows the next run.
define("boxes", [], () => {
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // As Python's round(): halves go to the even neighbour.
  function roundHalfEven(value) {
    const below = Math.floor(value);
    const part = value - below;
    return part < 0.5 || (part === 0.5 && below % 2 === 0) ? below : below + 1;
  }

  // round(numerator / denominator) of integers, without the error of a division.
  function roundRatio(numerator, denominator) {
    const rest = numerator % denominator;
    const whole = (numerator - rest) / denominator;
    return 2 * rest < denominator || (2 * rest === denominator && whole % 2 === 0) ? whole : whole + 1;
  }

  const sizeOf = ([x0, y0, x1, y1]) => [x1 - x0, y1 - y0];
  const areEqual = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

  // The size of the largest window of a ratio within an image.
  function largestWindow([across, down], [width, height]) {
    if (width * down >= height * across) {
      return [clamp(roundRatio(height * across, down), 1, width), height];
    }
    return [width, clamp(roundRatio(width * down, across), 1, height)];
  }

  const WHOLE = [0, 0, 1, 1]; // the safe area of a crop that nothing is laid over

  // The safe area [x0, y0, x1, y1] (0..1) of a window, in pixels from its corner.
  function partOf([x0, y0, x1, y1], [width, height]) {
    const left = Math.min(roundHalfEven(x0 * width), width - 1);
    const top = Math.min(roundHalfEven(y0 * height), height - 1);
    return [left, top, Math.max(roundHalfEven(x1 * width), left + 1), Math.max(roundHalfEven(y1 * height), top + 1)];
  }

  // The box of a window's size whose safe area is centred on a point (0..1), shifted to lie within the image.
  function centred([width, height], [x, y], size, safe = WHOLE) {
    const part = partOf(safe, [width, height]);
    const left = clamp(roundHalfEven(x * size[0] - (part[0] + part[2]) / 2), 0, size[0] - width);
    const top = clamp(roundHalfEven(y * size[1] - (part[1] + part[3]) / 2), 0, size[1] - height);
    return [left, top, left + width, top + height];
  }

  // The box, enlarged and shifted so that its safe area, or else the box, contains all boxes to keep;
  // unchanged where its ratio is too narrow for them.
  function expandToContain(box, boxes, [across, down], size, safe = WHOLE) {
    const inside = boxes
      .map(([x0, y0, x1, y1]) => [x0, y0, Math.min(x1, size[0]), Math.min(y1, size[1])])
      .filter(([x0, y0, x1, y1]) => x0 < x1 && y0 < y1);
    if (!inside.length) return box;
    const edge = (pick, at) => pick(...inside.map((each) => each[at]));
    const [x0, y0, x1, y1] = [edge(Math.min, 0), edge(Math.min, 1), edge(Math.max, 2), edge(Math.max, 3)];
    const old = sizeOf(box);
    let [width, height] = old;
    let part = partOf(safe, old);
    const isTooSmall = ([left, top, right, bottom]) => right - left < x1 - x0 || bottom - top < y1 - y0;
    if (isTooSmall(part)) {
      const largest = largestWindow([across, down], size);
      const more = areEqual(safe, WHOLE) ? 0 : 1; // a pixel, because the area's sides are rounded
      const needed = [Math.ceil((x1 - x0 + more) / (safe[2] - safe[0])), Math.ceil((y1 - y0 + more) / (safe[3] - safe[1]))];
      const tall = Math.max(needed[1], Math.ceil((needed[0] * down) / across));
      const wide = Math.max(needed[0], Math.ceil((tall * across) / down));
      [width, height] = [Math.min(wide, largest[0]), Math.min(tall, largest[1])];
      part = partOf(safe, [width, height]);
    }
    if (width < x1 - x0 || height < y1 - y0) return box;
    if (isTooSmall(part)) part = [0, 0, width, height];
    const start = (oldStart, oldSide, side, [low, high], [from, to], limit) =>
      clamp(clamp(oldStart + Math.floor((oldSide - side) / 2), high - to, low - from), 0, limit - side);
    const left = start(box[0], old[0], width, [x0, x1], [part[0], part[2]], size[0]);
    const top = start(box[1], old[1], height, [y0, y1], [part[1], part[3]], size[1]);
    return [left, top, left + width, top + height];
  }

  // The box of two opposite corners, in whichever order.
  const fromCorners = ([ax, ay], [bx, by]) =>
    [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)].map(Math.round);

  function moved([x0, y0, x1, y1], [dx, dy], [width, height]) {
    const left = Math.round(clamp(x0 + dx, 0, width - (x1 - x0)));
    const top = Math.round(clamp(y0 + dy, 0, height - (y1 - y0)));
    return [left, top, left + x1 - x0, top + y1 - y0];
  }

  // The box with its lower right corner moved and its ratio kept; a run makes the ratio exact.
  function resized([x0, y0, x1, y1], [dx, dy], [width, height]) {
    const ratio = (x1 - x0) / (y1 - y0);
    const wanted = Math.max(x1 - x0 + dx, (y1 - y0 + dy) * ratio);
    const across = clamp(wanted, width / 20, Math.min(width - x0, (height - y0) * ratio));
    return [x0, y0, Math.round(x0 + across), Math.round(y0 + across / ratio)];
  }

  return { areEqual, centred, clamp, expandToContain, fromCorners, largestWindow, moved, partOf, resized, sizeOf, WHOLE };
});
