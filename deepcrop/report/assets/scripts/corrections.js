// Marks on sources. Pending marks are kept in this browser and exported as a table; the marks that a run
// has applied come with the page's data.
define("corrections", ["job", "csv", "marks", "sources"], (job, csv, { areEqual, blank, isBlank }, sources) => {
  const COLUMNS = ["source_uri", "kind", "aspect", "x0", "y0", "x1", "y1"]; // of a corrections file
  const STORAGE_KEY = `deepcrop-corrections-${job.fingerprint}-${job.root}`;
  const pending = new Map(); // name -> marks
  const listeners = [];

  const appliedTo = (name) => sources.applied.get(name) ?? blank();
  const marksOf = (name) => pending.get(name) ?? appliedTo(name);
  const isPending = (name) => pending.has(name);

  // Make marks pending, unless they equal those that are applied.
  function setMarks(name, marks) {
    const applied = appliedTo(name);
    // No mark at all would leave applied marks in force; "good" is what takes them back.
    if (isBlank(marks) && !isBlank(applied)) marks.good = true;
    if (areEqual(marks, applied)) pending.delete(name);
    else pending.set(name, marks);
  }

  function edit(name, change) {
    const marks = structuredClone(marksOf(name));
    change(marks);
    setMarks(name, marks);
    save();
  }

  function forget(name) {
    pending.delete(name);
    save();
  }

  function forgetAll() {
    pending.clear();
    save();
  }

  function toggleGood(name) {
    edit(name, (marks) => {
      marks.good = !marks.good;
      if (marks.good) marks.rejected = [];
    });
  }

  function toggleRejected(name) {
    edit(name, (marks) => {
      marks.rejected = marks.rejected.length ? [] : [...job.aspects];
      if (marks.rejected.length) marks.good = false;
    });
  }

  // The ratios that have no variant because the job's corrections reject it.
  function notMade(index, details) {
    const made = (details.variants ?? []).map((each) => job.aspects[each.aspect]);
    return appliedTo(sources.names[index]).rejected.filter((aspect) => !made.includes(aspect));
  }

  function save() {
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify([...pending]));
    } catch {
      // A browser may refuse to store; the marks then last until the page is closed.
    }
    notify();
  }

  function load() {
    try {
      for (const [name, marks] of JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]")) {
        pending.set(name, { ...blank(), ...marks });
      }
    } catch {
      pending.clear();
    }
    notify();
  }

  function notify() {
    for (const listener of listeners) listener();
  }

  function toCsv() {
    const rows = [];
    for (const [name, marks] of pending) {
      const add = (kind, aspect = "", values = []) =>
        rows.push([sources.uriOf(name), kind, aspect, ...values, "", "", "", ""].slice(0, COLUMNS.length));
      if (marks.good) add("good");
      for (const aspect of marks.rejected) add("rejected", aspect);
      if (marks.focal) add("focal", "", marks.focal);
      for (const [aspect, box] of Object.entries(marks.boxes)) add("box", aspect, box);
      for (const box of marks.keep) add("keep", "", box);
    }
    return csv.write([COLUMNS, ...rows]);
  }

  // The marks of a file replace all earlier marks on the sources that it names.
  function importCsv(text) {
    const [head, ...rows] = csv.read(text);
    const value = (row, column) => row[head.indexOf(column)] ?? "";
    const imported = new Map();
    for (const row of rows) {
      const name = sources.nameOf(value(row, "source_uri"));
      if (name === null) continue;
      const numbers = ["x0", "y0", "x1", "y1"].map((column) => Number(value(row, column)));
      const marks = imported.get(name) ?? blank();
      const kind = value(row, "kind");
      const aspect = value(row, "aspect").replace(":", "x");
      if (kind === "good") marks.good = true;
      if (kind === "rejected") marks.rejected.push(...(aspect ? [aspect] : job.aspects));
      if (kind === "focal") marks.focal = numbers.slice(0, 2);
      if (kind === "box") marks.boxes[aspect] = numbers;
      if (kind === "keep") marks.keep.push(numbers);
      imported.set(name, marks);
    }
    for (const [name, marks] of imported) setMarks(name, marks);
    save();
  }

  // Pending marks that a run has applied since are no longer pending.
  sources.onLoad((names) => {
    for (const name of names) {
      if (isPending(name)) setMarks(name, pending.get(name));
    }
    if (names.length) save();
  });

  return {
    appliedTo, edit, forget, forgetAll, importCsv, isPending, load, marksOf, notMade, pending, toCsv, toggleGood,
    toggleRejected,
    onChange: (listener) => listeners.push(listener),
  };
});
