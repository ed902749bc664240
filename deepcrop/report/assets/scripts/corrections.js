// Marks on sources: those that a run has applied come with the page's data; those of the log since are
// pending. Pending marks are exported as a table.
define("corrections", ["job", "csv", "marks", "sources", "log"], (job, csv, marks, sources, log) => {
  const COLUMNS = ["source_uri", "kind", "aspect", "x0", "y0", "x1", "y1"]; // of a corrections file
  const { areEqual, blank, difference, fromFields, isBlank, toFields } = marks;
  const pending = new Map(); // name -> marks
  const drafts = new Map(); // name -> marks while something is dragged, not in the log yet
  const listeners = [];

  const appliedTo = (name) => sources.applied.get(name) ?? blank();
  const loggedOf = (name) => pending.get(name) ?? appliedTo(name);
  const marksOf = (name) => drafts.get(name) ?? loggedOf(name);
  const isPending = (name) => drafts.has(name) || pending.has(name);

  // Derive the pending marks of a source from the log; returns whether they have changed.
  function derive(name) {
    const applied = appliedTo(name);
    const before = pending.get(name);
    const fields = toFields(applied);
    for (const entry of log.pendingOf(name)) Object.assign(fields, entry.set);
    const found = fromFields(fields);
    if (areEqual(found, applied)) pending.delete(name);
    else pending.set(name, found);
    const after = pending.get(name);
    return before && after ? !areEqual(before, after) : before !== after;
  }

  // No mark at all would leave applied marks in force; "good" is what takes them back.
  function completed(name, changed) {
    if (isBlank(changed) && !isBlank(appliedTo(name))) changed.good = true;
    return changed;
  }

  // Write to the log that a source has other marks now; returns whether it does.
  function replace(name, changed, relation) {
    drafts.delete(name);
    const found = difference(toFields(loggedOf(name)), toFields(completed(name, changed)));
    if (found || relation) log.append(name, found ?? { set: {}, was: {} }, relation);
    notify([name]);
    return found !== null;
  }

  function changedBy(name, change) {
    const changed = structuredClone(marksOf(name));
    change(changed);
    return changed;
  }

  const edit = (name, change) => replace(name, changedBy(name, change));

  // Show a change that goes on, as while something is dragged; `commit` writes it to the log.
  function draft(name, change) {
    drafts.set(name, completed(name, changedBy(name, change)));
    notify([name]);
  }

  function commit(name) {
    if (drafts.has(name)) replace(name, drafts.get(name));
  }

  const isDraft = (name) => drafts.has(name);

  const forget = (name) => replace(name, structuredClone(appliedTo(name)));

  function forgetAll() {
    for (const name of [...pending.keys()]) forget(name);
  }

  function toggleGood(name) {
    edit(name, (each) => {
      each.good = !each.good;
      if (each.good) each.rejected = [];
    });
  }

  function toggleRejected(name) {
    edit(name, (each) => {
      each.rejected = each.rejected.length ? [] : [...job.aspects];
      if (each.rejected.length) each.good = false;
    });
  }

  // The ratios that have no variant because the job's corrections reject it.
  function notMade(index, details) {
    const made = (details.variants ?? []).map((each) => job.aspects[each.aspect]);
    return appliedTo(sources.names[index]).rejected.filter((aspect) => !made.includes(aspect));
  }

  function notify(names) {
    for (const listener of listeners) listener(names);
  }

  function toCsv() {
    const rows = [];
    for (const [name, each] of pending) {
      const add = (kind, aspect = "", values = []) =>
        rows.push([sources.uriOf(name), kind, aspect, ...values, "", "", "", ""].slice(0, COLUMNS.length));
      if (each.good) add("good");
      for (const aspect of each.rejected) add("rejected", aspect);
      if (each.focal) add("focal", "", each.focal);
      for (const [aspect, box] of Object.entries(each.boxes)) add("box", aspect, box);
      for (const box of each.keep) add("keep", "", box);
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
      const found = imported.get(name) ?? blank();
      const kind = value(row, "kind");
      const aspect = value(row, "aspect").replace(":", "x");
      if (kind === "good") found.good = true;
      if (kind === "rejected") found.rejected.push(...(aspect ? [aspect] : job.aspects));
      if (kind === "focal") found.focal = numbers.slice(0, 2);
      if (kind === "box") found.boxes[aspect] = numbers;
      if (kind === "keep") found.keep.push(numbers);
      imported.set(name, found);
    }
    for (const [name, found] of imported) replace(name, found);
  }

  log.onChange((names) => {
    const changed = names.filter(derive);
    if (changed.length) notify(changed);
  });

  // Pending marks that a run has applied since are no longer pending.
  sources.onLoad((names) => {
    for (const name of names) {
      if (!pending.has(name)) continue;
      derive(name);
      if (!pending.has(name)) log.drop(name);
    }
    if (names.length) notify(names);
  });

  return {
    appliedTo, commit, draft, edit, forget, forgetAll, importCsv, isDraft, isPending, marksOf, notMade, pending, replace, toCsv,
    toggleGood, toggleRejected,
    // The listener is called with the names of the sources whose marks have changed.
    onChange: (listener) => listeners.push(listener),
  };
});
