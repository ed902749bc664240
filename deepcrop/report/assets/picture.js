// Pictures: a source with its boxes over it, and its variants.
const HIGHLIGHT = "rgb(255 255 255)";

function imageOf(index, detail) {
  return detail.thumbnail ? `thumbnails/${detail.thumbnail}.jpg` : sourceHref(index);
}

// A source at its own shape; `only` draws the boxes of one ratio.
function stageOf(index, detail, { only = -1, lazy = true } = {}) {
  const { width, height } = detail;
  const href = imageOf(index, detail);
  if (!width) {
    const [stage, name, message] = detail.error ?? ["", "unknown size", ""];
    return make("div", { class: "missing" }, make("span", { text: `${name} (${stage}): ${message}` }));
  }
  const stage = make("div", { class: "stage", style: `aspect-ratio:${width}/${height};` });
  if (href) {
    const image = make("img", { src: href, alt: `source ${sources.names[index]}`, loading: lazy ? "lazy" : "eager", decoding: "async", draggable: "false" });
    image.addEventListener("error", () => image.remove());
    stage.append(image);
  }
  stage.append(overlayOf(index, detail, only));
  return stage;
}

function overlayOf(index, detail, only) {
  const { width, height } = detail;
  const marks = correctionOf(sources.names[index]);
  const layer = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const variant of detail.variants ?? []) {
    const box = boxOf(index, detail, variant);
    if (!box || (only >= 0 && only !== variant.aspect)) continue;
    const place = rectangle(box);
    const kind = sameBoxes(box, variant.box) ? "box" : "box preview";
    layer.append(draw("rect", { ...place, class: "casing" }));
    layer.append(draw("rect", { ...place, class: kind, stroke: colourOf(variant.aspect) }));
  }
  for (const box of marks.keep) layer.append(draw("rect", { ...rectangle(box), class: "keep" }));
  const focal = marks.focal ?? detail.focal;
  if (focal) layer.append(dot(focal, detail));
  return layer;
}

const colourOf = (aspect) => job.colours[aspect % job.colours.length];
const rectangle = ([x0, y0, x1, y1]) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 });

function dot([x, y], { width, height }) {
  const radius = Math.max(width, height) / 60;
  return draw("g", { class: "focal", transform: `translate(${x * width} ${y * height})` },
    draw("circle", { r: radius, fill: "rgb(255 255 255 / .25)", stroke: "rgb(0 0 0 / .55)", "stroke-width": 5 }),
    draw("circle", { r: radius, fill: "none", stroke: HIGHLIGHT, "stroke-width": 2.5 }),
    draw("circle", { r: radius / 4, fill: HIGHLIGHT }));
}

// A variant: cut out of the thumbnail, or the written file where there is no box or no thumbnail.
function variantOf(index, detail, variant) {
  const box = boxOf(index, detail, variant);
  const name = `variant ${label(job.aspects[variant.aspect])} of ${sources.names[index]}`;
  if (box && detail.thumbnail) {
    const [x0, y0, x1, y1] = box;
    const picture = draw("image", { href: imageOf(index, detail), width: detail.width, height: detail.height, preserveAspectRatio: "none" });
    return draw("svg", { viewBox: `${x0} ${y0} ${x1 - x0} ${y1 - y0}`, role: "img", "aria-label": name, style: `aspect-ratio:${x1 - x0}/${y1 - y0}` }, picture);
  }
  return make("img", { src: smallOf(variant), alt: name, loading: "lazy", decoding: "async" });
}

const smallOf = (variant) =>
  variant.thumbnail ? `thumbnails/${variant.thumbnail}.jpg` : variant.href ?? "data:,";
