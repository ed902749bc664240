// The dialog of one source, large: its crop boxes and focal point can be moved, its variants rejected.
define("detail", ["job", "dom", "format", "boxes", "marks", "sources", "corrections", "flags", "follow", "preview", "picture", "presets", "gallery", "stage_editor"], (job, { find, make }, { aspectLabel, formatBytes, formatCount }, boxes, { blank, summary }, sources, corrections, { badges }, follow, preview, picture, { fileList, inWords, labelOf }, gallery, stageEditor) => {
  const MIN_KEEP_SIDE = 3; // pixels of the source: a smaller box to keep was a click, not a drag
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const KEYS = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    g: () => find("#mark-good").click(),
    b: () => find("#mark-bad").click(),
    m: () => find("#show-map").hidden || find("#show-map").click(),
    k: () => find("#draw-keep").hidden || find("#draw-keep").click(),
    r: () => find("#show-thirds").click(),
    u: () => find("#undo").click(),
  };
  const SETTLED = 600; // milliseconds after the last key of a nudge until it is one change of the log
  const dialog = find("#detail");
  let index = -1; // of the source that is open
  let details = null;
  let aspect = -1; // of the variant that is picked
  let drawing = false; // whether the pointer draws a box to keep
  let showsMap = false; // whether the saliency map is laid over the source
  let showsThirds = false; // whether a guide of thirds is drawn
  let nudging = 0; // timer of a nudge that goes on

  const currentName = () => sources.names[index];
  // The crop of the picked ratio; undefined where it has none, because rules show the whole photo.
  const boxOfPicked = () => details.variants?.find((each) => each.aspect === aspect && each.box);
  const currentMarks = () => corrections.marksOf(currentName());

  async function open(opened) {
    settle();
    index = opened;
    details = await sources.detailsOf(opened);
    aspect = -1;
    drawing = false;
    if (!dialog.open) dialog.showModal();
    paint();
    if (details.variants) follow.want(currentName());
    dialog.focus();
  }

  const edit = (change) => corrections.edit(currentName(), change);

  // Draw what has changed here or was changed by others.
  function onMarks(names) {
    if (!dialog.open || !names.includes(currentName())) return;
    if (details.variants) follow.want(currentName());
    paint();
  }

  // Draw the boxes that the method found for the marks.
  function onCrops(name) {
    if (dialog.open && name === currentName()) paint();
  }

  // Write a nudge that goes on to the log.
  function settle() {
    clearTimeout(nudging);
    if (index >= 0) corrections.commit(currentName());
  }

  function nudge(change) {
    corrections.draft(currentName(), change);
    clearTimeout(nudging);
    nudging = setTimeout(settle, SETTLED);
  }

  // What has the focus, as a selector that finds it again once all is drawn anew.
  function focusedPart() {
    const { classList, dataset, ariaLabel, closest } = document.activeElement ?? {};
    if (classList?.contains("focal")) return "#stage .focal";
    if (classList?.contains("keep")) return `#stage .keep[data-number="${dataset.number}"]`;
    return closest && document.activeElement.closest("#variants") && ariaLabel ? `#variants [aria-label="${ariaLabel}"]` : null;
  }

  function paint() {
    const focused = focusedPart();
    paintAll();
    if (focused) find(focused)?.focus();
  }

  function paintAll() {
    const marks = currentMarks();
    const variants = details.variants ?? [];
    const position = gallery.positionOf(index);
    find("#detail-name").textContent = currentName();
    find("#detail-place").textContent = position < 0 ? "" : `${formatCount(position + 1)} of ${formatCount(gallery.count())}`;
    find("#detail-previous").disabled = position <= 0;
    find("#detail-next").disabled = position < 0 || position === gallery.count() - 1;
    find("#undo").disabled = !corrections.isPending(currentName());
    find("#reset").hidden = !sources.applied.has(currentName());
    press("#mark-good", marks.good);
    press("#mark-bad", marks.rejected.length === job.aspects.length);
    press("#draw-keep", drawing);
    press("#show-map", showsMap);
    press("#show-thirds", showsThirds);
    find("#show-thirds").hidden = !details.variants || job.kind !== "crop";
    find("#show-map").hidden = !details.map;
    find("#draw-keep").hidden = !details.variants || job.kind !== "crop";
    paintStage();
    find("#variants").replaceChildren(
      ...variants.map((variant, at) => variantRow(variant, marks, variants[at - 1]?.aspect !== variant.aspect)),
      ...corrections.notMade(index, details).map((each) => rejectedRow(each, marks)));
    find("#compare").replaceChildren(...variants.filter((each) => each.by && each.href).map(comparison));
    find("#facts").replaceChildren(...factRows());
    find("#hint").textContent = hint();
    find("#detail-flags").replaceChildren(...badges(sources.flags[0][index]));
    find("#note").textContent = details.note ? `Note: ${details.note}` : "";
    const pending = preview.pendingText(index, details);
    find("#pending-text").textContent = pending;
    find("#pending").hidden = !pending;
  }

  const press = (selector, pressed) => find(selector).setAttribute("aria-pressed", String(pressed));

  function hint() {
    if (!details.width || job.kind !== "crop") return "";
    if (!details.variants) {
      return corrections.notMade(index, details).length ? "Press Rejected beside a variant to have it made by the next run." : "";
    }
    if (drawing) return "Draw a box that no crop may cut.";
    if (boxOfPicked()) return "Drag the box to move it, its corner to resize it.";
    return "Drag the focal point, or pick a variant to move its crop box.";
  }

  // The source, with what can be moved over it.

  function paintStage() {
    const old = find("#stage");
    const stage = picture.stageOf(index, details, { lazy: false });
    stage.id = "stage";
    stage.classList.add("big");
    stage.classList.toggle("drawing", drawing);
    if (details.width) {
      stage.style.maxWidth = `min(100%, calc(66vh * ${details.width / details.height}))`;
      const href = sources.hrefOf(index);
      const image = find("img", stage);
      if (href && image && details.thumbnail) {
        // The source itself replaces its thumbnail once it is loaded; browsers can't show every format.
        const large = new Image();
        large.onload = () => (image.src = href);
        large.src = href;
      }
      if (showsMap && details.map) find("svg", stage).before(make("img", { class: "heat", src: `maps/${details.map}.png`, alt: "saliency map" }));
      if (job.kind === "crop" && details.variants) {
        const variant = boxOfPicked();
        stageEditor.attach(find(":scope > svg", stage), { index, details, variant, drawing, thirds: showsThirds }, { draft: (change) => corrections.draft(currentName(), change), finish: finishDrag, settle });
      }
    }
    old.replaceWith(stage);
  }

  function finishDrag() {
    if (drawing) {
      drawing = false;
      corrections.draft(currentName(), (marks) => {
        marks.keep = marks.keep.filter(([x0, y0, x1, y1]) => x1 - x0 > MIN_KEEP_SIDE && y1 - y0 > MIN_KEEP_SIDE);
      });
    }
    corrections.commit(currentName());
  }

  // Move the picked variant's box by hundredths of the source's longer side.
  function nudgeBox([dx, dy]) {
    const variant = boxOfPicked();
    if (!variant) return;
    const size = [details.width, details.height];
    const pixels = Math.max(1, Math.round(Math.max(...size) / 100));
    const box = preview.boxOf(index, details, variant);
    nudge((marks) => { marks.boxes[job.aspects[aspect]] = boxes.moved(box, [dx * pixels, dy * pixels], size); });
  }

  // Move a box to keep likewise, or remove it.
  function nudgeKeep(number, direction) {
    const size = [details.width, details.height];
    const pixels = Math.max(1, Math.round(Math.max(...size) / 100));
    nudge((marks) => { marks.keep[number] = boxes.moved(marks.keep[number], direction.map((each) => each * pixels), size); });
  }

  function removeKeep(number) {
    settle();
    edit((marks) => marks.keep.splice(number, 1));
    dialog.focus();
  }

  function nudgeFocal(direction) {
    const focal = stageEditor.nudgedFocal(currentMarks().focal ?? details.focal, direction);
    nudge((marks) => { marks.focal = focal; });
  }

  // Its variants and facts, beside it.

  // A picture; the first of its ratio has the button that rejects all of them.
  function variantRow(variant, marks, isFirst) {
    const name = job.aspects[variant.aspect];
    const picked = aspect === variant.aspect;
    const facts = [variant.score === undefined ? null : `score ${variant.score.toFixed(3)}`];
    if (!variant.files) facts.push(variant.size.join("×"), formatBytes(variant.bytes));
    const pick = () => {
      aspect = picked ? -1 : variant.aspect;
      paint();
    };
    // The flags of a box that was moved here are those of its earlier place.
    const flagsClass = preview.isMoved(index, details, variant) ? "badges stale" : "badges";
    return make("div", { class: `variant ${picked ? "chosen" : ""} ${marks.rejected.includes(name) ? "rejected-variant" : ""}` },
      make("button", { class: "picture", "aria-label": `Pick ${labelOf(variant)}`, "aria-pressed": String(picked), onclick: pick }, picture.variantOf(index, details, variant)),
      make("div", {},
        make("strong", {}, picture.colourDot(variant.aspect), aspectLabel(name)),
        make("div", { class: "soft small", text: facts.filter(Boolean).join(" · ") }),
        ...inWords(variant, true).map((text) => make("div", { class: "small preset", text })),
        make("div", { class: flagsClass }, ...badges(variant.flags ?? sources.flags[variant.aspect + 1][index])),
        variant.href && !variant.files ? make("a", { class: "small", href: variant.href, target: "_blank", text: "file" }) : null,
        " ",
        isFirst ? rejectButton(name, marks) : null),
      variant.files ? fileList(variant) : null);
  }

  function rejectButton(name, marks) {
    const rejected = marks.rejected.includes(name);
    const isShared = (details.variants ?? []).filter((each) => job.aspects[each.aspect] === name).length > 1;
    return make("button", { class: "quiet reject", "aria-pressed": String(rejected), text: rejected ? "Rejected" : isShared ? `Reject ${aspectLabel(name)}` : "Reject", "aria-label": `Reject ${aspectLabel(name)}`, onclick: () => edit((each) => {
      each.rejected = rejected ? each.rejected.filter((other) => other !== name) : [...each.rejected, name];
      if (!rejected) each.good = false;
    }) });
  }

  // A variant that was not made because a person had rejected it.
  function rejectedRow(name, marks) {
    const again = !marks.rejected.includes(name);
    return make("div", { class: "variant" },
      make("div", { class: "no-picture", text: "not made" }),
      make("div", {},
        make("strong", {}, picture.colourDot(job.aspects.indexOf(name)), aspectLabel(name)),
        make("div", { class: "soft small", text: again ? "the next run makes it" : "rejected by a person" }),
        rejectButton(name, marks)));
  }

  // A retargeted variant over the source scaled to the same size; a slider moves the border between them.
  function comparison(variant) {
    const label = labelOf(variant);
    const before = picture.imageOf(index, details);
    const [width, height] = variant.size;
    const wipe = make("div", { class: "wipe", style: `aspect-ratio:${width}/${height}` },
      make("img", { src: before ?? "data:,", alt: "the source, plainly scaled" }),
      make("img", { src: variant.href, alt: `variant ${label}`, class: "after" }));
    const slider = make("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": `Plain scaling against ${variant.by}, ${label}`, oninput: () => wipe.style.setProperty("--at", `${slider.value}%`) });
    return make("div", { class: "compare" }, wipe, make("label", {}, "plain scaling", slider, variant.by));
  }

  function factRows() {
    const { width, height, format, bytes, focal, duplicate, error, times } = details;
    const rows = {
      size: width && `${width}×${height} ${format}, ${formatBytes(bytes)}`,
      "focal point": focal && focal.map((each) => each.toFixed(3)).join(", "),
      "duplicate of": duplicate,
      error: error && `${error[1]} at stage ${error[0]}, ${error[3]} tries: ${error[2]}`,
      times: times && job.stages.map((stage, at) => `${stage} ${times[at] ?? "–"}`).join(", ") + " ms",
      [corrections.isPending(currentName()) ? "pending" : "applied"]: summary(currentMarks()),
    };
    return Object.entries(rows).filter(([, value]) => value).map(([name, value]) =>
      make("tr", {}, make("th", { scope: "row", text: name }), make("td", { text: value })));
  }

  // Open the source that is `by` places further in the gallery's selection.
  function step(by) {
    const position = gallery.positionOf(index) + by;
    if (position >= 0 && position < gallery.count()) open(gallery.indexAt(position));
  }

  function onKey(event) {
    const arrow = ARROWS[event.key];
    const keep = event.target.closest?.(".keep");
    if (event.target.closest?.(".focal") && arrow) nudgeFocal(arrow);
    else if (keep && arrow) nudgeKeep(Number(keep.dataset.number), arrow);
    else if (keep && ["Delete", "Backspace"].includes(event.key)) removeKeep(Number(keep.dataset.number));
    else if (event.shiftKey && arrow) nudgeBox(arrow);
    else if (/^[1-9]$/.test(event.key) && Number(event.key) <= job.aspects.length) {
      aspect = Number(event.key) - 1;
      paint();
    } else if (KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
  }

  function setUp() {
    const onClick = (selector, act) => find(selector).addEventListener("click", act);
    onClick("#to-corrections", () => dialog.close());
    onClick("#detail-close", () => dialog.close());
    onClick("#detail-previous", () => step(-1));
    onClick("#detail-next", () => step(1));
    onClick("#mark-good", () => gallery.toggleGood(index));
    onClick("#mark-bad", () => gallery.toggleRejected(index));
    onClick("#show-thirds", () => { showsThirds = !showsThirds; paint(); });
    onClick("#show-map", () => { showsMap = !showsMap; paint(); });
    onClick("#draw-keep", () => { drawing = !drawing; paint(); });
    onClick("#reset", () => edit((marks) => Object.assign(marks, blank(), { good: true })));
    onClick("#undo", () => corrections.forget(currentName()));
    dialog.addEventListener("close", () => {
      settle();
      gallery.returnTo(index);
    });
    addEventListener("pagehide", settle);
    corrections.onChange(onMarks);
    follow.onAnswer(onCrops);
  }

  // Show a source whose marks were undone, where another one is open.
  function openNamed(name) {
    const opened = sources.names.indexOf(name);
    if (dialog.open && opened >= 0 && opened !== index) open(opened);
  }

  return { ARROWS, onKey, open, openNamed, settle, setUp, isOpen: () => dialog.open };
});
