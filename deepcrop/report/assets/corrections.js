// What a person says of sources: kept in this browser, exported as a table.
// A statement is a line: source_uri, kind (good, rejected, focal, box, keep), aspect, x0, y0, x1, y1.
const COLUMNS = ["source_uri", "kind", "aspect", "x0", "y0", "x1", "y1"];
const corrections = new Map(); // name -> {good, rejected: [aspect], focal, boxes: {aspect: box}, keep: [box]}
const place = `deepcrop-corrections-${job.fingerprint}-${job.root}`;
const blank = () => ({ good: false, rejected: [], focal: null, boxes: {}, keep: [] });
const correctionOf = (name) => corrections.get(name) ?? blank();

function isBlank(marks) {
  const { good, rejected, focal, boxes, keep } = marks;
  return !good && !rejected.length && !focal && !Object.keys(boxes).length && !keep.length;
}

function correct(name, change) {
  const marks = structuredClone(correctionOf(name));
  change(marks);
  if (isBlank(marks)) corrections.delete(name);
  else corrections.set(name, marks);
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

function restore(text) {
  const [head, ...rows] = fromCsv(text);
  const value = (row, column) => row[head.indexOf(column)] ?? "";
  for (const row of rows) {
    const uri = value(row, "source_uri");
    if (!uri.startsWith(job.root) && !isWhole(uri)) continue;
    const name = nameOf(uri);
    const numbers = ["x0", "y0", "x1", "y1"].map((column) => Number(value(row, column)));
    const marks = correctionOf(name);
    const kind = value(row, "kind");
    const aspect = value(row, "aspect");
    if (kind === "good") marks.good = true;
    if (kind === "rejected") marks.rejected.push(...(aspect ? [aspect] : job.aspects));
    if (kind === "focal") marks.focal = numbers.slice(0, 2);
    if (kind === "box") marks.boxes[aspect] = numbers;
    if (kind === "keep") marks.keep.push(numbers);
    corrections.set(name, marks);
  }
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

function showCorrections() {
  const count = corrections.size;
  find("#correction-count").textContent = whole(count);
  find("#bar").hidden = !count || location.hash === "#corrections";
  find("#bar-text").textContent = `${whole(count)} source${count === 1 ? "" : "s"} marked`;
  find("#export").disabled = find("#clear").disabled = !count;
  find("#correct-command").textContent = `${job.command} --corrections corrections.csv`;
  const lines = [...corrections].slice(0, 500).map(([name, marks]) =>
    make("li", {},
      make("span", { class: "path", text: name }),
      make("span", { class: "soft", text: summaryOf(marks) }),
      make("button", { class: "quiet", text: "Forget", "aria-label": `Forget the marks of ${name}`, onclick: () => correct(name, (each) => Object.assign(each, blank())) })));
  find("#correction-list").replaceChildren(...lines);
}
