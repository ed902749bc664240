// Undo and redo of what this person marked, also over a reload: both are entries of the log.
define("history", ["log", "sources", "corrections", "marks"], (log, sources, corrections, marks) => {
  // This person's entries that can be undone, and those that can be done again; the last is first in turn.
  function stacks() {
    const done = [];
    let undone = [];
    const mine = log.reviewer();
    for (const entry of log.all()) {
      if (entry.by !== mine) continue;
      const target = entry.undoes ?? entry.redoes;
      if (!target) {
        done.push(entry);
        undone = [];
        continue;
      }
      const [from, to] = entry.undoes ? [done, undone] : [undone, done];
      const at = from.findLastIndex((each) => each.id === target);
      if (at >= 0) to.push(...from.splice(at, 1));
    }
    return { done, undone };
  }

  // Turn an entry back, or do it again; what others have changed since stays theirs. Returns the source's
  // name and what was done in words; null where there is nothing left to do.
  function turn(entry, verb, values, expected, relation) {
    if (!entry) return null;
    const name = sources.nameOf(entry.source);
    corrections.commit(name);
    const fields = marks.toFields(corrections.marksOf(name));
    const after = { ...fields };
    for (const [field, value] of Object.entries(values)) {
      const isAsLeft = JSON.stringify(fields[field] ?? null) === JSON.stringify(expected[field] ?? null);
      if (isAsLeft) after[field] = value;
    }
    const changed = corrections.replace(name, marks.fromFields(after), relation);
    return { name, text: `${verb}: ${name}${changed ? "" : " (others have changed it since)"}` };
  }

  function undo() {
    const entry = stacks().done.at(-1);
    return turn(entry, "Undone", entry?.was, entry?.set, { undoes: entry?.id });
  }

  function redo() {
    const entry = stacks().undone.at(-1);
    return turn(entry, "Done again", entry?.set, entry?.was, { redoes: entry?.id });
  }

  return { redo, undo };
});
