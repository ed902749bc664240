// Pictures: a source with its crop boxes drawn over it, and its variants.
define("picture", ["job", "dom", "presets", "sources", "corrections", "preview"], (job, { make, makeSvg }, { labelOf }, sources, corrections, preview) => {
  const HIGHLIGHT = "rgb(255 255 255)";

  const imageOf = (index, details) =>
    details.thumbnail ? `thumbnails/${details.thumbnail}.jpg` : sources.hrefOf(index, 480);

  // A source in its own shape; `only` is the one ratio whose boxes are drawn, or -1 for all.
  function stageOf(index, details, { only = -1, lazy = true } = {}) {
    const { width, height } = details;
    const href = imageOf(index, details);
    if (!width) {
      const [stage, name, message] = details.error ?? ["", "unknown size", ""];
      return make("div", { class: "missing" }, make("span", { text: `${name} (${stage}): ${message}` }));
    }
    const stage = make("div", { class: "stage", style: `aspect-ratio:${width}/${height};` });
    if (href) {
      const image = make("img", { src: href, alt: `source ${sources.names[index]}`, loading: lazy ? "lazy" : "eager", decoding: "async", draggable: "false" });
      image.addEventListener("error", () => image.remove());
      stage.append(image);
    }
    stage.append(overlayOf(index, details, only));
    return stage;
  }

  function overlayOf(index, details, only) {
    const { width, height } = details;
    const marks = corrections.marksOf(sources.names[index]);
    const layer = makeSvg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    for (const variant of details.variants ?? []) {
      const box = preview.boxOf(index, details, variant);
      if (!box || (only >= 0 && only !== variant.aspect)) continue;
      const edges = rectangle(box);
      const kind = preview.isMoved(index, details, variant) ? "box preview" : "box";
      layer.append(makeSvg("rect", { ...edges, class: "casing" }));
      layer.append(makeSvg("rect", { ...edges, class: kind, stroke: colourOf(variant.aspect) }));
    }
    marks.keep.forEach((box, number) =>
      layer.append(makeSvg("rect", { ...rectangle(box), class: "keep", "data-number": number })));
    const focal = marks.focal ?? details.focal;
    if (focal) layer.append(focalMarker(focal, details));
    return layer;
  }

  const colourOf = (aspect) => job.colours[aspect % job.colours.length];
  const colourDot = (aspect) => make("span", { class: "dot", style: `background:${colourOf(aspect)}` });
  const rectangle = ([x0, y0, x1, y1]) => ({ x: x0, y: y0, width: x1 - x0, height: y1 - y0 });

  function focalMarker([x, y], { width, height }) {
    const radius = Math.max(width, height) / 60;
    return makeSvg("g", { class: "focal", transform: `translate(${x * width} ${y * height})` },
      makeSvg("circle", { r: radius, fill: "rgb(255 255 255 / .25)", stroke: "rgb(0 0 0 / .55)", "stroke-width": 5 }),
      makeSvg("circle", { r: radius, fill: "none", stroke: HIGHLIGHT, "stroke-width": 2.5 }),
      makeSvg("circle", { r: radius / 4, fill: HIGHLIGHT }));
  }

  // A variant: cut out of the thumbnail, or the written file where there is no box or no thumbnail.
  function variantOf(index, details, variant) {
    const box = preview.boxOf(index, details, variant);
    const name = `variant ${labelOf(variant)} of ${sources.names[index]}`;
    if (box && details.thumbnail) {
      const [x0, y0, x1, y1] = box;
      const picture = makeSvg("image", { href: imageOf(index, details), width: details.width, height: details.height, preserveAspectRatio: "none" });
      return makeSvg("svg", { viewBox: `${x0} ${y0} ${x1 - x0} ${y1 - y0}`, role: "img", "aria-label": name, style: `aspect-ratio:${x1 - x0}/${y1 - y0}` }, picture);
    }
    return make("img", { src: smallOf(variant), alt: name, loading: "lazy", decoding: "async" });
  }

  const smallOf = (variant) =>
    variant.thumbnail ? `thumbnails/${variant.thumbnail}.jpg` : variant.href ?? "data:,";

  return { colourDot, imageOf, rectangle, stageOf, variantOf };
});
