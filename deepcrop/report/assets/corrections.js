// What a person says of sources. Marks that are pending are kept in this browser and exported as a
// table; those that a run has applied come with the page's data.
// A statement is a line: source_uri, kind (good, rejected, focal, box, keep), aspect, x0, y0, x1, y1.
const COLUMNS = ["source_uri", "kind", "aspect", "x0", "y0", "x1", "y1"];
const corrections = new Map(); // pending: name -> {good, rejected: [aspect], focal, boxes: {aspect: box}, keep: [box]}
const place = `deepcrop-corrections-${job.fingerprint}-${job.root}`;
const blank = () => ({ good: false, rejected: [], focal: null, boxes: {}, keep: [] });
const appliedTo = (name) => sources.applied.get(name) ?? blank();
const correctionOf = (name) => corrections.get(name) ?? appliedTo(name);
const isPending = (name) => corrections.has(name);

function isBlank(marks) {
  const { good, rejected, focal, boxes, keep } = marks;
  return !good && !rejected.length && !focal && !Object.keys(boxes).length && !keep.length;
}

const sameBoxes = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

function isSame(one, other) {
  const inOrder = ({ good, rejected, focal, boxes, keep }) =>
    [good, [...new Set(rejected)].sort(), focal, Object.entries(boxes).sort(), keep];
  return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));
}

// Make marks pending, unless they say what is applied already.
function setMarks(name, marks) {
  const applied = appliedTo(name);
  // Nothing said takes nothing back: that the source is good as the method alone has it, does.
  if (isBlank(marks) && !isBlank(applied)) marks.good = true;
  if (isSame(marks, applied)) corrections.delete(name);
  else corrections.set(name, marks);
}

function correct(name, change) {
  const marks = structuredClone(correctionOf(name));
  change(marks);
  setMarks(name, marks);
  remember();
}

function forget(name) {
  corrections.delete(name);
  remember();
}

// A run has applied what was pending: it isn't any more.
function forgetApplied(names) {
  for (const name of names) {
    if (isPending(name)) setMarks(name, corrections.get(name));
  }
  remember();
}

function remember() {
  try {
    localStorage.setItem(place, JSON.stringify([...corrections]));
  } catch {
    // A browser may refuse; the marks then last as long as the page is open.
  }
  showCorrections();
}

function recall() {
  try {
    for (const [name, marks] of JSON.parse(localStorage.getItem(place) ?? "[]")) {
      corrections.set(name, { ...blank(), ...marks });
    }
  } catch {
    corrections.clear();
  }
  showCorrections();
}

function statements() {
  const rows = [];
  for (const [name, marks] of corrections) {
    const state = (kind, aspect = "", values = []) =>
      rows.push([uriOf(name), kind, aspect, ...values, "", "", "", ""].slice(0, 7));
    if (marks.good) state("good");
    for (const aspect of marks.rejected) state("rejected", aspect);
    if (marks.focal) state("focal", "", marks.focal);
    for (const [aspect, box] of Object.entries(marks.boxes)) state("box", aspect, box);
    for (const box of marks.keep) state("keep", "", box);
  }
  return rows;
}

function toCsv(rows) {
  const cell = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",") + "\r\n").join("");
}

function fromCsv(text) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at];
    const row = rows.at(-1);
    if (letter === '"' && quoted && text[at + 1] === '"') row[row.length - 1] += text[++at];
    else if (letter === '"') quoted = !quoted;
    else if (letter === "," && !quoted) row.push("");
    else if (letter === "\n" && !quoted) rows.push([""]);
    else if (letter !== "\r" || quoted) row[row.length - 1] += letter;
  }
  return rows.filter((row) => row.length > 1);
}

// What a file says of a source replaces all that was said of it before.
function restore(text) {
  const [head, ...rows] = fromCsv(text);
  const value = (row, column) => row[head.indexOf(column)] ?? "";
  const read = new Map();
  for (const row of rows) {
    const uri = value(row, "source_uri");
    if (!uri.startsWith(job.root) && !isWhole(uri)) continue;
    const name = nameOf(uri);
    const numbers = ["x0", "y0", "x1", "y1"].map((column) => Number(value(row, column)));
    const marks = read.get(name) ?? blank();
    const kind = value(row, "kind");
    const aspect = value(row, "aspect").replace(":", "x");
    if (kind === "good") marks.good = true;
    if (kind === "rejected") marks.rejected.push(...(aspect ? [aspect] : job.aspects));
    if (kind === "focal") marks.focal = numbers.slice(0, 2);
    if (kind === "box") marks.boxes[aspect] = numbers;
    if (kind === "keep") marks.keep.push(numbers);
    read.set(name, marks);
  }
  for (const [name, marks] of read) setMarks(name, marks);
  remember();
}

function exportCorrections() {
  const file = new Blob([toCsv(statements())], { type: "text/csv" });
  const link = make("a", { href: URL.createObjectURL(file), download: "corrections.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function summaryOf(marks) {
  const moved = Object.keys(marks.boxes).map(label);
  const rejected = marks.rejected.length === job.aspects.length ? ["all"] : marks.rejected.map(label);
  return [
    marks.good && "good",
    rejected.length && `rejected: ${rejected.join(", ")}`,
    marks.focal && "focal point",
    moved.length && `crop box: ${moved.join(", ")}`,
    marks.keep.length && `${marks.keep.length} to keep`,
  ].filter(Boolean).join(" · ");
}

const LISTED = 500;

function showCorrections() {
  const count = corrections.size;
  find("#correction-count").textContent = whole(count);
  find("#bar").hidden = !count || location.hash === "#corrections";
  find("#bar-text").textContent = `${whole(count)} pending`;
  find("#clear").disabled = !count;
  find("#pending-none").hidden = count > 0;
  find("#steps").hidden = !count;
  find("#correction-list").replaceChildren(...markLines(corrections, (name) =>
    make("button", { class: "quiet", text: "Forget", "aria-label": `Forget the marks of ${name}`, onclick: () => forget(name) })));
  find("#applied-panel").hidden = !sources.applied.size;
  find("#applied-count").textContent = whole(sources.applied.size);
  find("#applied-list").replaceChildren(...markLines(sources.applied, (name) =>
    isPending(name) ? make("span", { class: "pending", text: "changed here" }) : null));
}

function markLines(marked, last) {
  const lines = [...marked].slice(0, LISTED).map(([name, marks]) =>
    make("li", {},
      make("span", { class: "path", text: name }),
      make("span", { class: "soft", text: summaryOf(marks) }),
      last(name)));
  const rest = marked.size - lines.length;
  return rest > 0 ? [...lines, make("li", { class: "soft", text: `and ${whole(rest)} more` })] : lines;
}
