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
  filters.addEventListener("input", refilter);
  filters.addEventListener("reset", () => setTimeout(refilter));
  filters.addEventListener("submit", (event) => event.preventDefault());
  find("#previous").addEventListener("click", () => turn(shown - 1));
  find("#next").addEventListener("click", () => turn(shown + 1));
  find("#page").addEventListener("change", (event) => turn(Number(event.target.value) - 1));
  sources.listeners.push(() => requestAnimationFrame(select));
  if (!job.count) find("#found").textContent = "no sources yet";
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
    low: value("low") ? 1000 * Number(value("low")) : 0,
    high: value("high") ? 1000 * Number(value("high")) : 1000,
  };
}

function hasMarks(name, kind) {
  const marks = corrections.get(name);
  if (kind === "unseen") return !marks;
  if (!marks) return false;
  if (kind === "good") return marks.good;
  if (kind === "rejected") return marks.rejected.length > 0;
  return Boolean(marks.focal || marks.keep.length || Object.keys(marks.boxes).length);
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

function order({ order, ratio }) {
  if (order === "name") {
    const { names } = sources;
    visible.sort((one, other) => (names[one] < names[other] ? -1 : names[one] > names[other] ? 1 : 0));
  } else if (order === "best" || ratio >= 0) {
    const sign = order === "best" ? -1 : 1;
    const key = (index) => {
      const score = scoreOf(index, ratio);
      return score < 0 ? Infinity : sign * score; // without a score: last in both orders
    };
    const keys = new Map(visible.map((index) => [index, key(index)]));
    visible.sort((one, other) => (keys.get(one) === keys.get(other) ? one - other : keys.get(one) - keys.get(other)));
  }
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
  const variants = (detail.variants ?? []).filter((each) => ratio < 0 || each.aspect === ratio);
  const strip = variants.map((variant) => {
    const aspect = job.aspects[variant.aspect];
    const score = variant.score === undefined ? "" : ` ${variant.score.toFixed(2)}`;
    return make("figure", { class: marks.rejected.includes(aspect) ? "rejected-variant" : "" },
      variantOf(index, detail, variant, marks),
      make("figcaption", {}, make("span", { class: "dot", style: `background:${colourOf(variant.aspect)}` }), label(aspect) + score));
  });
  return make("article", { class: `card ${stateOf(marks)}`, "data-index": index },
    make("button", { class: "open", "aria-label": `Open ${name}`, onclick: () => openDetail(index) }, stageOf(index, detail, { only: ratio })),
    strip.length ? make("div", { class: "strip" }, ...strip) : null,
    make("div", { class: "foot" },
      make("span", { class: "path", title: name }, make("bdi", { text: name })),
      button("accept", "✓", "Good", marks.good, () => markGood(index)),
      button("reject", "✕", "Reject all variants", marks.rejected.length > 0, () => markBad(index))));
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
