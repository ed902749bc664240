// Moving the focal point and the crop box of an open source, and drawing boxes to keep, by pointer.
define("stage_editor", ["job", "dom", "boxes", "sources", "corrections", "picture", "preview"], (job, { find, makeSvg }, boxes, sources, corrections, picture, preview) => {
  // Make the drawing over a source movable. `source` holds its index and details, the variant that is
  // picked, whether a box to keep is drawn and whether guides are; `draft` is given each change of the
  // marks while it goes on, `finish` ends it; `settle` ends what went on before.
  function attach(layer, source, { draft, finish, settle }) {
    const { index, details, variant } = source;
    const size = Math.max(details.width, details.height) / 45;
    const focal = find(".focal", layer);
    if (variant) {
      const box = preview.boxOf(index, details, variant);
      const [x0, y0, x1, y1] = box;
      const outside = `M0 0H${details.width}V${details.height}H0ZM${x0} ${y0}V${y1}H${x1}V${y0}Z`;
      layer.prepend(makeSvg("path", { d: outside, class: "shade", "fill-rule": "evenodd" }));
      const safe = job.safe[variant.aspect];
      if (!boxes.areEqual(safe, boxes.WHOLE)) layer.append(coveredOf(box, safe));
      layer.append(makeSvg("rect", { ...picture.rectangle(box), class: "grip" }));
      layer.append(makeSvg("rect", { x: x1 - size / 2, y: y1 - size / 2, width: size, height: size, class: "handle" }));
    }
    if (source.thirds) layer.append(thirdsOf(variant ? preview.boxOf(index, details, variant) : [0, 0, details.width, details.height]));
    for (const keep of layer.querySelectorAll(".keep")) {
      keep.setAttribute("tabindex", "0");
      keep.setAttribute("role", "button");
      keep.setAttribute("aria-label", "Box to keep; arrow keys move it, Delete removes it");
      layer.append(keep);
      layer.removeAttribute("aria-hidden");
    }
    if (focal) {
      focal.setAttribute("tabindex", "0");
      focal.setAttribute("role", "button");
      focal.setAttribute("aria-label", "Focal point; arrow keys move it");
      layer.append(focal);
      layer.removeAttribute("aria-hidden");
    }
    layer.addEventListener("pointerdown", (event) => startDrag(event, layer, source, { draft, finish, settle }));
  }

  // What of a crop box something is laid over: all but its safe area.
  function coveredOf(box, safe) {
    const [x0, y0, x1, y1] = box;
    const part = boxes.partOf(safe, boxes.sizeOf(box));
    const inner = `M${x0 + part[0]} ${y0 + part[1]}V${y0 + part[3]}H${x0 + part[2]}V${y0 + part[1]}Z`;
    return makeSvg("path", { d: `M${x0} ${y0}H${x1}V${y1}H${x0}Z${inner}`, class: "covered", "fill-rule": "evenodd" });
  }

  // The lines that divide a box in thirds.
  function thirdsOf([x0, y0, x1, y1]) {
    const at = (low, high, third) => low + ((high - low) * third) / 3;
    const lines = [1, 2].map((third) =>
      `M${at(x0, x1, third)} ${y0}V${y1}M${x0} ${at(y0, y1, third)}H${x1}`);
    return makeSvg("path", { d: lines.join(""), class: "thirds" });
  }

  function startDrag(event, layer, source, { draft, finish, settle }) {
    const { details } = source;
    const area = layer.getBoundingClientRect();
    const pointOf = (each) => [
      boxes.clamp((each.clientX - area.left) / area.width, 0, 1) * details.width,
      boxes.clamp((each.clientY - area.top) / area.height, 0, 1) * details.height,
    ];
    const changeTo = dragOf(event.target.closest(".focal, .keep, .handle, .grip"), pointOf(event), source);
    if (!changeTo) return;
    event.preventDefault();
    settle();
    const move = (each) => draft(changeTo(pointOf(each)));
    const stop = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
      finish();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }

  // The change of the marks for each point of a drag from `start`; null where nothing can be dragged.
  function dragOf(grabbed, start, { index, details, variant, drawing }) {
    if (drawing) {
      const number = corrections.marksOf(sources.names[index]).keep.length;
      return (point) => (marks) => { marks.keep[number] = boxes.fromCorners(start, point); };
    }
    if (grabbed?.classList.contains("focal")) {
      return ([x, y]) => (marks) => { marks.focal = [rounded(x / details.width), rounded(y / details.height)]; };
    }
    if (grabbed?.classList.contains("keep")) {
      const number = Number(grabbed.dataset.number);
      const kept = corrections.marksOf(sources.names[index]).keep[number];
      return (point) => (marks) => {
        marks.keep[number] = boxes.moved(kept, [point[0] - start[0], point[1] - start[1]], [details.width, details.height]);
      };
    }
    if (!grabbed || !variant) return null;
    const box = preview.boxOf(index, details, variant);
    const placed = grabbed.classList.contains("handle") ? boxes.resized : boxes.moved;
    const aspect = job.aspects[variant.aspect];
    return (point) => (marks) => {
      marks.boxes[aspect] = placed(box, [point[0] - start[0], point[1] - start[1]], [details.width, details.height]);
      marks.rejected = marks.rejected.filter((each) => each !== aspect);
    };
  }

  const rounded = (value) => Math.round(value * 10000) / 10000;

  // The focal point moved by hundredths of the source's sides.
  const nudgedFocal = ([x, y], [dx, dy]) =>
    [rounded(boxes.clamp(x + dx / 100, 0, 1)), rounded(boxes.clamp(y + dy / 100, 0, 1))];

  return { attach, nudgedFocal };
});
