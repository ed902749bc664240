// Moving the focal point and the crop box of an open source, and drawing boxes to keep, by pointer.
define("stage_editor", ["job", "dom", "boxes", "sources", "corrections", "picture", "preview"], (job, { find, makeSvg }, boxes, sources, corrections, picture, preview) => {
  // Make the drawing over a source movable. `source` holds its index and details, the variant that is
  // picked and whether a box to keep is drawn; `edit` is given each change of the marks, `finish` ends.
  function attach(layer, source, { edit, finish }) {
    const { index, details, variant } = source;
    const size = Math.max(details.width, details.height) / 45;
    const focal = find(".focal", layer);
    if (variant) {
      const box = preview.boxOf(index, details, variant);
      const [x0, y0, x1, y1] = box;
      const outside = `M0 0H${details.width}V${details.height}H0ZM${x0} ${y0}V${y1}H${x1}V${y0}Z`;
      layer.prepend(makeSvg("path", { d: outside, class: "shade", "fill-rule": "evenodd" }));
      layer.append(makeSvg("rect", { ...picture.rectangle(box), class: "grip" }));
      layer.append(makeSvg("rect", { x: x1 - size / 2, y: y1 - size / 2, width: size, height: size, class: "handle" }));
    }
    if (focal) {
      focal.setAttribute("tabindex", "0");
      focal.setAttribute("role", "button");
      focal.setAttribute("aria-label", "Focal point; arrow keys move it");
      layer.append(focal);
      layer.removeAttribute("aria-hidden");
    }
    layer.addEventListener("pointerdown", (event) => startDrag(event, layer, source, { edit, finish }));
  }

  function startDrag(event, layer, source, { edit, finish }) {
    const { details } = source;
    const area = layer.getBoundingClientRect();
    const pointOf = (each) => [
      boxes.clamp((each.clientX - area.left) / area.width, 0, 1) * details.width,
      boxes.clamp((each.clientY - area.top) / area.height, 0, 1) * details.height,
    ];
    const changeTo = dragOf(event.target.closest(".focal, .handle, .grip"), pointOf(event), source);
    if (!changeTo) return;
    event.preventDefault();
    const move = (each) => edit(changeTo(pointOf(each)));
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
