// The log of marks: entries {id, at, by, source, set, was}, each a change that a person made to the marks of
// one source. Sorted by time, the last value of a field counts. Entries are never changed or removed; what is
// undone is undone by a further entry.
define("log", ["served", "sources", "browser_log", "server_log"], (served, sources, browserLog, serverLog) => {
  const keeper = served ? serverLog : browserLog;
  const entries = new Map(); // id -> entry
  const bySource = new Map(); // name of a source -> its entries by time
  const listeners = [];
  let latest = 0;

  const earlierFirst = (one, other) => one.at - other.at || (one.id < other.id ? -1 : 1);
  const nameOf = (entry) => sources.nameOf(entry.source);

  // Take entries that the keeper tells; those that are known get their time and whether a run applied them.
  function take(told) {
    const names = new Set();
    for (const entry of told) {
      const name = nameOf(entry);
      if (name === null) continue;
      const known = entries.get(entry.id);
      latest = Math.max(latest, entry.at);
      if (known && known.at === entry.at && Boolean(known.applied) === Boolean(entry.applied)) continue;
      if (known) Object.assign(known, entry);
      else {
        entries.set(entry.id, entry);
        if (!bySource.has(name)) bySource.set(name, []);
        bySource.get(name).push(entry);
      }
      names.add(name);
    }
    for (const name of names) bySource.get(name).sort(earlierFirst);
    if (names.size) for (const listener of listeners) listener([...names]);
  }

  function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("");
  }

  // Add a change that was made here; `relation` says whether it undoes another or does it again.
  function append(name, { set, was }, relation = {}) {
    const at = Math.max(Date.now() / 1000, latest + 1e-6);
    const entry = { id: newId(), at, by: keeper.reviewer(), source: sources.uriOf(name), set, was, ...relation };
    take([entry]);
    keeper.append(entry);
  }

  const of = (name) => bySource.get(name) ?? [];

  // Whether someone marked a source: a certain person, within times in seconds since 1970.
  const isBy = (name, reviewer, since, until) =>
    of(name).some((each) => (!reviewer || each.by === reviewer) && each.at >= since && each.at < until);

  return {
    append, isBy, of,
    all: () => [...entries.values()].sort(earlierFirst),
    // Entries that the page's data don't hold yet.
    pendingOf: (name) => of(name).filter((each) => !each.applied),
    drop: (name) => keeper.drop(of(name)),
    reviewer: () => keeper.reviewer(),
    rename: (name) => keeper.rename(name),
    reviewers: () => [...new Set([...entries.values()].map((each) => each.by))].sort(),
    // The listener is called with the names of the sources whose entries have changed.
    onChange: (listener) => listeners.push(listener),
    start: () => keeper.start(take),
  };
});
