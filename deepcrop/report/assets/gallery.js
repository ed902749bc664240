// The gallery: filters over all sources, a page of cards at a time.
const PAGE = 24;
const filters = find("#filters");
let visible = [];
let shown = 0; // page
let painting = 0;

function options(name, values) {
  const select = filters.elements[name];
  select?.append(make("option", { value: "", text: "all" }), ...values.map((text, value) => make("option", { value, text })));
}

function setUpGallery() {
  options("ratio", job.aspects.map(label));
  options("method", job.methods);
  options("error", job.errors);
  find("#flag-chips")?.append(...job.flags.map(flagChip));
  filters.addEventListener("input", refilter);
  filters.addEventListener("reset", () => setTimeout(refilter));
  filters.addEventListener("submit", (event) => event.preventDefault());
  find("#previous").addEventListener("click", () => turn(shown - 1));
  find("#next").addEventListener("click", () => turn(shown + 1));
  find("#page").addEventListener("change", (event) => turn(Number(event.target.value) - 1));
  sources.listeners.push(() => requestAnimationFrame(select));
  if (!job.count) find("#found").textContent = "no sources yet";
}

function flagChip(flag, bit) {
  const box = make("input", { type: "checkbox", name: "flag", value: 1 << bit });
  return make("label", { class: flag.problem ? "chip problem" : "chip", "data-tip": flag.text },
    box, flag.label, make("b", { class: "count", text: whole(flag.count) }));
}

function refilter() {
  shown = 0;
  select();
}

function wanted() {
  const value = (name) => filters.elements[name]?.value ?? "";
  const number = (name) => (value(name) === "" ? -1 : Number(value(name)));
  return {
    search: value("search").trim().toLowerCase(),
    ratio: number("ratio"), status: number("status"), method: number("method"), error: number("error"),
    folder: value("folder"), marks: value("marks"), order: value("order"),
    flags: [...filters.querySelectorAll("[name=flag]:checked")].reduce((bits, box) => bits | box.value, 0),
    low: value("low") ? 1000 * Number(value("low")) : 0,
    high: value("high") ? 1000 * Number(value("high")) : 1000,
  };
}

function hasMarks(name, kind) {
  if (kind === "pending") return isPending(name);
  if (!isPending(name) && !sources.applied.has(name)) return kind === "unseen";
  const marks = correctionOf(name);
  if (kind === "good") return marks.good;
  if (kind === "rejected") return marks.rejected.length > 0;
  return kind === "moved" && Boolean(marks.focal || marks.keep.length || Object.keys(marks.boxes).length);
}

function select() {
  const want = wanted();
  const scored = want.low > 0 || want.high < 1000;
  visible = [];
  for (let index = 0; index < job.count; index++) {
    if (sources.status[index] === 255) continue; // not loaded yet
    if (want.status >= 0 && sources.status[index] !== want.status) continue;
    if (want.method >= 0 && sources.methods[index] !== want.method) continue;
    if (want.error >= 0 && sources.errors[index] !== want.error) continue;
    if (want.folder && !sources.names[index].startsWith(want.folder)) continue;
    if (want.search && !sources.folded[index].includes(want.search)) continue;
    if (want.flags && !(want.flags & flagsOf(index, want.ratio))) continue;
    if (want.marks && !hasMarks(sources.names[index], want.marks)) continue;
    if (scored) {
      const score = scoreOf(index, want.ratio);
      if (score < want.low || score > want.high) continue;
    }
    visible.push(index);
  }
  order(want);
  const loading = sources.loaded < job.count ? `, ${whole(job.count - sources.loaded)} still loading` : "";
  find("#found").textContent = `${whole(visible.length)} of ${whole(job.count)} sources${loading}`;
  turn(shown, want.ratio);
}

// The bits of the flags that say that something may be wrong.
const PROBLEMS = job.flags.reduce((bits, flag, bit) => (flag.problem ? bits | (1 << bit) : bits), 0);
const NO_SCORE = 1500; // scores are thousandths

// The place of a source's worst flag: flags are in the order in which a person should look.
function rankOf(index, ratio) {
  const bits = sources.status[index] === 0 ? flagsOf(index, ratio) & PROBLEMS : 0;
  return bits ? 31 - Math.clz32(bits & -bits) : 31;
}

// Sources are in the order of "flagged first", over all ratios.
function order({ order, ratio }) {
  if (order === "name") {
    const { names } = sources;
    visible.sort((one, other) => (names[one] < names[other] ? -1 : names[one] > names[other] ? 1 : 0));
    return;
  }
  if (ratio < 0 && (order === "flagged" || (order === "worst" && !PROBLEMS))) return;
  const score = (index) => {
    const value = scoreOf(index, ratio);
    return value < 0 ? NO_SCORE : order === "best" ? -value : value; // without a score: last in both
  };
  const flagged = order === "flagged";
  const key = (index) => (flagged ? 2 * NO_SCORE * rankOf(index, ratio) : 0) + score(index);
  const keys = new Map(visible.map((index) => [index, key(index)]));
  visible.sort((one, other) => (keys.get(one) === keys.get(other) ? one - other : keys.get(one) - keys.get(other)));
}

async function turn(page, ratio = wanted().ratio) {
  const pages = Math.max(1, Math.ceil(visible.length / PAGE));
  shown = Math.min(Math.max(0, page || 0), pages - 1);
  find("#page").value = shown + 1;
  find("#page").max = pages;
  find("#pages").textContent = whole(pages);
  find("#previous").disabled = shown === 0;
  find("#next").disabled = shown === pages - 1;
  const mine = ++painting;
  const chosen = visible.slice(shown * PAGE, (shown + 1) * PAGE);
  const details = await Promise.all(chosen.map(detailsOf));
  if (mine !== painting) return; // meanwhile another page was asked for
  const cards = chosen.map((index, at) => cardOf(index, details[at], ratio));
  if (!cards.length && sources.loaded === job.count) cards.push(make("p", { class: "empty", text: "No source matches." }));
  find("#cards").replaceChildren(...cards);
}

function cardOf(index, detail, ratio) {
  const name = sources.names[index];
  const marks = correctionOf(name);
  const pending = isPending(name);
  const told = [...badges(flagsOf(index, ratio)), pending ? make("span", { class: "pending", text: "pending" }) : null].filter(Boolean);
  return make("article", { class: `card ${stateOf(marks)} ${pending ? "is-pending" : ""}`, "data-index": index },
    make("button", { class: "open", "aria-label": `Open ${name}`, onclick: () => openDetail(index) }, stageOf(index, detail, { only: ratio })),
    told.length ? make("div", { class: "badges" }, ...told) : null,
    stripOf(index, detail, marks, ratio),
    make("div", { class: "foot" },
      make("span", { class: "path", title: name }, make("bdi", { text: name })),
      button("accept", "✓", "Good", marks.good, () => markGood(index)),
      button("reject", "✕", "Reject all variants", marks.rejected.length > 0, () => markBad(index))));
}

// The variants of a source, side by side; those that a person has rejected have no picture.
function stripOf(index, detail, marks, ratio) {
  const wanted = (aspect) => ratio < 0 || aspect === ratio;
  const figure = (aspect, picture, text) =>
    make("figure", { class: marks.rejected.includes(job.aspects[aspect]) ? "rejected-variant" : "" }, picture,
      make("figcaption", {}, make("span", { class: "dot", style: `background:${colourOf(aspect)}` }), label(job.aspects[aspect]) + text));
  const made = (detail.variants ?? []).filter((each) => wanted(each.aspect)).map((each) =>
    figure(each.aspect, variantOf(index, detail, each), each.score === undefined ? "" : ` ${each.score.toFixed(2)}`));
  const missing = notMade(detail, index).map((aspect) => job.aspects.indexOf(aspect)).filter(wanted).map((aspect) =>
    figure(aspect, make("div", { class: "no-picture", text: "not made" }), ""));
  return made.length + missing.length ? make("div", { class: "strip" }, ...made, ...missing) : null;
}

// The ratios that have no variant because a person has rejected it.
function notMade(detail, index) {
  const made = (detail.variants ?? []).map((each) => job.aspects[each.aspect]);
  return appliedTo(sources.names[index]).rejected.filter((aspect) => !made.includes(aspect));
}

const button = (kind, text, title, pressed, onclick) =>
  make("button", { class: `quiet ${kind}`, text, title, "aria-label": title, "aria-pressed": String(Boolean(pressed)), onclick });

function stateOf(marks) {
  if (marks.rejected.length) return "rejected";
  if (marks.focal || marks.keep.length || Object.keys(marks.boxes).length) return "moved";
  return marks.good ? "good" : "";
}

// Draw one card anew, the focus kept.
async function repaint(index) {
  const old = find(`.card[data-index="${index}"]`);
  if (!old) return;
  const place = [...old.querySelectorAll("button")].indexOf(document.activeElement);
  const card = cardOf(index, await detailsOf(index), wanted().ratio);
  old.replaceWith(card);
  if (place >= 0) card.querySelectorAll("button")[place].focus();
}

function markGood(index) {
  correct(sources.names[index], (marks) => {
    marks.good = !marks.good;
    if (marks.good) marks.rejected = [];
  });
  repaint(index);
}

function markBad(index) {
  correct(sources.names[index], (marks) => {
    marks.rejected = marks.rejected.length ? [] : [...job.aspects];
    if (marks.rejected.length) marks.good = false;
  });
  repaint(index);
}
