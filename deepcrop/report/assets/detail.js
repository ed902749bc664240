// One source, large: its crop boxes and focal point can be moved, its variants rejected.
const detail = { index: -1, facts: null, aspect: -1, drawing: false, map: false };
const STAGES = ["fetch", "decode", "infer", "render", "write"];
const dialog = find("#detail");
const marksHere = () => correctionOf(sources.names[detail.index]);

async function openDetail(index) {
  detail.index = index;
  detail.facts = await detailsOf(index);
  detail.aspect = -1;
  detail.drawing = false;
  if (!dialog.open) dialog.showModal();
  paintDetail();
  dialog.focus();
}

function change(edit) {
  correct(sources.names[detail.index], edit);
  paintDetail();
}

function paintDetail() {
  const { index, facts } = detail;
  const marks = marksHere();
  find("#detail-name").textContent = sources.names[index];
  const place = visible.indexOf(index);
  find("#detail-place").textContent = place < 0 ? "" : `${whole(place + 1)} of ${whole(visible.length)}`;
  find("#detail-previous").disabled = place <= 0;
  find("#detail-next").disabled = place < 0 || place === visible.length - 1;
  find("#undo").disabled = !isPending(sources.names[index]);
  find("#reset").hidden = !sources.applied.has(sources.names[index]);
  press("#mark-good", marks.good);
  press("#mark-bad", marks.rejected.length === job.aspects.length);
  press("#draw-keep", detail.drawing);
  press("#show-map", detail.map);
  find("#show-map").hidden = !facts.map;
  find("#draw-keep").hidden = !facts.variants || job.kind !== "crop";
  paintStage(marks);
  find("#variants").replaceChildren(
    ...(facts.variants ?? []).map((variant) => variantRow(variant, marks)),
    ...notMade(facts, index).map((aspect) => rejectedRow(aspect, marks)));
  find("#compare").replaceChildren(...(facts.variants ?? []).filter((each) => !each.box && each.href).map(comparison));
  find("#facts").replaceChildren(...factRows(facts));
  find("#hint").textContent = hintOf(facts);
  find("#detail-flags").replaceChildren(...badges(sources.flags[0][index]));
  find("#note").textContent = facts.note ? `Note: ${facts.note}` : "";
  const pending = pendingText(index, facts);
  find("#pending-text").textContent = pending;
  find("#pending").hidden = !pending;
}

function hintOf(facts) {
  if (!facts.width || job.kind !== "crop") return "";
  if (!facts.variants) {
    return notMade(facts, detail.index).length ? "Press Rejected beside a variant to have it made by the next run." : "";
  }
  if (detail.drawing) return "Draw a box that no crop may cut.";
  if (detail.aspect >= 0) return "Drag the box to move it, its corner to resize it.";
  return "Drag the focal point, or pick a variant to move its crop box.";
}

const press = (selector, pressed) => find(selector).setAttribute("aria-pressed", String(pressed));

// The stage

function paintStage(marks) {
  const { index, facts } = detail;
  const old = find("#stage");
  const stage = stageOf(index, facts, { lazy: false });
  stage.id = "stage";
  stage.classList.add("big");
  stage.classList.toggle("drawing", detail.drawing);
  if (facts.width) {
    stage.style.maxWidth = `min(100%, calc(66vh * ${facts.width / facts.height}))`;
    const href = sourceHref(index);
    const image = find("img", stage);
    if (href && image && facts.thumbnail) {
      // The source itself, once it is there; some formats no browser shows.
      const large = new Image();
      large.onload = () => (image.src = href);
      large.src = href;
    }
    if (detail.map && facts.map) find("svg", stage).before(make("img", { class: "heat", src: `maps/${facts.map}.png`, alt: "saliency map" }));
    if (job.kind === "crop" && facts.variants) makeMovable(find(":scope > svg", stage));
  }
  old.replaceWith(stage);
}

function makeMovable(layer) {
  const { facts } = detail;
  const size = Math.max(facts.width, facts.height) / 45;
  const variant = facts.variants.find((each) => each.aspect === detail.aspect);
  const focal = find(".focal", layer);
  if (variant) {
    const box = boxOf(detail.index, facts, variant);
    const [x0, y0, x1, y1] = box;
    const outside = `M0 0H${facts.width}V${facts.height}H0ZM${x0} ${y0}V${y1}H${x1}V${y0}Z`;
    layer.prepend(draw("path", { d: outside, class: "shade", "fill-rule": "evenodd" }));
    layer.append(draw("rect", { ...rectangle(box), class: "grip" }));
    layer.append(draw("rect", { x: x1 - size / 2, y: y1 - size / 2, width: size, height: size, class: "handle" }));
  }
  if (focal) {
    focal.setAttribute("tabindex", "0");
    focal.setAttribute("role", "button");
    focal.setAttribute("aria-label", "Focal point; arrow keys move it");
    layer.append(focal);
    layer.removeAttribute("aria-hidden");
  }
  layer.addEventListener("pointerdown", (event) => startDrag(event, layer, variant));
}

function startDrag(event, layer, variant) {
  const { facts } = detail;
  const area = layer.getBoundingClientRect();
  const at = (each) => [
    clamp((each.clientX - area.left) / area.width, 0, 1) * facts.width,
    clamp((each.clientY - area.top) / area.height, 0, 1) * facts.height,
  ];
  const first = at(event);
  const grabbed = event.target.closest(".focal, .handle, .grip");
  let edit;
  if (detail.drawing) {
    edit = (point) => (marks) => { marks.keep[kept] = sorted(first, point); };
  } else if (grabbed?.classList.contains("focal")) {
    edit = ([x, y]) => (marks) => { marks.focal = [round(x / facts.width), round(y / facts.height)]; };
  } else if (grabbed && variant) {
    const box = boxOf(detail.index, facts, variant);
    const resize = grabbed.classList.contains("handle");
    edit = (point) => (marks) => {
      const step = [point[0] - first[0], point[1] - first[1]];
      marks.boxes[job.aspects[variant.aspect]] = resize ? resized(box, step) : moved(box, step);
      marks.rejected = marks.rejected.filter((aspect) => aspect !== job.aspects[variant.aspect]);
    };
  } else {
    return;
  }
  const kept = marksHere().keep.length;
  event.preventDefault();
  const move = (each) => change(edit(at(each)));
  const stop = () => {
    removeEventListener("pointermove", move);
    removeEventListener("pointerup", stop);
    removeEventListener("pointercancel", stop);
    if (detail.drawing) {
      detail.drawing = false;
      change((marks) => { marks.keep = marks.keep.filter(([x0, y0, x1, y1]) => x1 - x0 > 3 && y1 - y0 > 3); });
    }
    repaint(detail.index);
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", stop);
  addEventListener("pointercancel", stop);
}

const round = (value) => Math.round(value * 10000) / 10000;
const sorted = ([ax, ay], [bx, by]) =>
  [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)].map(Math.round);

function moved([x0, y0, x1, y1], [dx, dy]) {
  const left = Math.round(clamp(x0 + dx, 0, detail.facts.width - (x1 - x0)));
  const top = Math.round(clamp(y0 + dy, 0, detail.facts.height - (y1 - y0)));
  return [left, top, left + x1 - x0, top + y1 - y0];
}

// The ratio stays; the run snaps the box to it to the pixel.
function resized([x0, y0, x1, y1], [dx, dy]) {
  const { width, height } = detail.facts;
  const ratio = (x1 - x0) / (y1 - y0);
  const wanted = Math.max(x1 - x0 + dx, (y1 - y0 + dy) * ratio);
  const across = clamp(wanted, width / 20, Math.min(width - x0, (height - y0) * ratio));
  return [x0, y0, Math.round(x0 + across), Math.round(y0 + across / ratio)];
}

function nudge(dx, dy) {
  const { facts, aspect } = detail;
  const variant = facts.variants?.find((each) => each.aspect === aspect);
  if (variant?.box) {
    const step = Math.max(1, Math.round(Math.max(facts.width, facts.height) / 100));
    const box = boxOf(detail.index, facts, variant);
    change((marks) => { marks.boxes[job.aspects[aspect]] = moved(box, [dx * step, dy * step]); });
  }
}

function nudgeFocal(dx, dy) {
  const [x, y] = marksHere().focal ?? detail.facts.focal;
  change((marks) => { marks.focal = [round(clamp(x + dx / 100, 0, 1)), round(clamp(y + dy / 100, 0, 1))]; });
  find("#stage .focal").focus();
}

// Beside the stage

function variantRow(variant, marks) {
  const aspect = job.aspects[variant.aspect];
  const rejected = marks.rejected.includes(aspect);
  const facts = [variant.score === undefined ? null : `score ${variant.score.toFixed(3)}`, variant.size.join("×"), bytes(variant.bytes)];
  const pick = () => {
    detail.aspect = detail.aspect === variant.aspect ? -1 : variant.aspect;
    paintDetail();
  };
  return make("div", { class: `variant ${detail.aspect === variant.aspect ? "chosen" : ""} ${rejected ? "rejected-variant" : ""}` },
    make("button", { class: "picture", "aria-label": `Pick ${label(aspect)}`, "aria-pressed": String(detail.aspect === variant.aspect), onclick: pick }, variantOf(detail.index, detail.facts, variant)),
    make("div", {},
      make("strong", {}, make("span", { class: "dot", style: `background:${colourOf(variant.aspect)}` }), label(aspect)),
      make("div", { class: "soft small", text: facts.filter(Boolean).join(" · ") }),
      make("div", { class: isMoved(variant) ? "badges stale" : "badges" }, ...badges(sources.flags[variant.aspect + 1][detail.index])),
      variant.href ? make("a", { class: "small", href: variant.href, target: "_blank", text: "file" }) : null,
      " ",
      rejectButton(aspect, marks)));
}

// Its flags are then those of the box that it has now.
const isMoved = (variant) => !sameBoxes(boxOf(detail.index, detail.facts, variant), variant.box);

function rejectButton(aspect, marks) {
  const rejected = marks.rejected.includes(aspect);
  return make("button", { class: "quiet reject", "aria-pressed": String(rejected), text: rejected ? "Rejected" : "Reject", "aria-label": `Reject ${label(aspect)}`, onclick: () => change((each) => {
    each.rejected = rejected ? each.rejected.filter((other) => other !== aspect) : [...each.rejected, aspect];
    if (!rejected) each.good = false;
  }) });
}

// A variant that a person has rejected: there is no picture of it.
function rejectedRow(aspect, marks) {
  const again = !marks.rejected.includes(aspect);
  return make("div", { class: "variant" },
    make("div", { class: "no-picture", text: "not made" }),
    make("div", {},
      make("strong", {}, make("span", { class: "dot", style: `background:${colourOf(job.aspects.indexOf(aspect))}` }), label(aspect)),
      make("div", { class: "soft small", text: again ? "the next run makes it" : "rejected by a person" }),
      rejectButton(aspect, marks)));
}

// A retargeted image against the source plainly scaled to its shape.
function comparison(variant) {
  const aspect = job.aspects[variant.aspect];
  const before = imageOf(detail.index, detail.facts);
  const [width, height] = variant.size;
  const wipe = make("div", { class: "wipe", style: `aspect-ratio:${width}/${height}` },
    make("img", { src: before ?? "data:,", alt: "the source, plainly scaled" }),
    make("img", { src: variant.href, alt: `variant ${label(aspect)}`, class: "after" }));
  const slider = make("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `Plain scaling against ${job.methods.join()}, ${label(aspect)}`, oninput: () => wipe.style.setProperty("--at", `${slider.value}%`) });
  return make("div", { class: "compare" }, wipe, make("label", {}, "plain scaling", slider, job.methods.join()));
}

function factRows(facts) {
  const rows = {
    size: facts.width && `${facts.width}×${facts.height} ${facts.format}, ${bytes(facts.bytes)}`,
    focal: facts.focal && facts.focal.map((each) => each.toFixed(3)).join(", "),
    "duplicate of": facts.duplicate,
    error: facts.error && `${facts.error[1]} at stage ${facts.error[0]}, ${facts.error[3]} tries: ${facts.error[2]}`,
    times: facts.times && STAGES.map((stage, at) => `${stage} ${facts.times[at] ?? "–"}`).join(", ") + " ms",
    [isPending(sources.names[detail.index]) ? "pending" : "applied"]: summaryOf(marksHere()),
  };
  return Object.entries(rows).filter(([, value]) => value).map(([name, value]) =>
    make("tr", {}, make("th", { scope: "row", text: name }), make("td", { text: value })));
}

function step(by) {
  const place = visible.indexOf(detail.index) + by;
  if (place >= 0 && place < visible.length) openDetail(visible[place]);
}

function setUpDetail() {
  find("#to-corrections").addEventListener("click", () => dialog.close());
  find("#detail-close").addEventListener("click", () => dialog.close());
  find("#detail-previous").addEventListener("click", () => step(-1));
  find("#detail-next").addEventListener("click", () => step(1));
  find("#mark-good").addEventListener("click", () => { markGood(detail.index); paintDetail(); });
  find("#mark-bad").addEventListener("click", () => { markBad(detail.index); paintDetail(); });
  find("#show-map").addEventListener("click", () => { detail.map = !detail.map; paintDetail(); });
  find("#draw-keep").addEventListener("click", () => { detail.drawing = !detail.drawing; paintDetail(); });
  find("#reset").addEventListener("click", () => change((marks) => Object.assign(marks, blank(), { good: true })));
  find("#undo").addEventListener("click", () => { forget(sources.names[detail.index]); paintDetail(); });
  dialog.addEventListener("close", async () => {
    const place = visible.indexOf(detail.index);
    await turn(place < 0 ? shown : Math.floor(place / PAGE));
    find(`.card[data-index="${detail.index}"] .open`)?.focus();
  });
}

const DETAIL_KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  g: () => find("#mark-good").click(),
  b: () => find("#mark-bad").click(),
  m: () => find("#show-map").hidden || find("#show-map").click(),
  k: () => find("#draw-keep").hidden || find("#draw-keep").click(),
  u: () => find("#undo").click(),
};
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function detailKey(event) {
  const arrow = ARROWS[event.key];
  if (event.target.closest?.(".focal") && arrow) nudgeFocal(...arrow);
  else if (event.shiftKey && arrow) nudge(...arrow);
  else if (/^[1-9]$/.test(event.key) && Number(event.key) <= job.aspects.length) {
    detail.aspect = Number(event.key) - 1;
    paintDetail();
  } else if (DETAIL_KEYS[event.key]) DETAIL_KEYS[event.key]();
  else return;
  event.preventDefault();
}
