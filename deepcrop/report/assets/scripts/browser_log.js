// Keeps the log of marks in this browser: what a page from a file has in place of a server.
define("browser_log", ["job", "marks", "sources"], (job, marks, sources) => {
  const KEY = `deepcrop-marks-${job.fingerprint}-${job.root}`;
  const OLD_KEY = `deepcrop-corrections-${job.fingerprint}-${job.root}`; // of releases without a log
  let take;
  const kept = new Map(); // id -> entry

  function start(taken) {
    take = taken;
    sources.onMarks(take);
    sources.loadMarks();
    const read = (key) => {
      try {
        return JSON.parse(localStorage.getItem(key) ?? "[]");
      } catch {
        return []; // nothing can be stored here, or it is no log
      }
    };
    for (const entry of read(KEY)) kept.set(entry.id, entry);
    read(OLD_KEY).forEach(([name, old], number) => {
      const { set, was } = marks.difference({}, marks.toFields({ ...marks.blank(), ...old })) ?? {};
      if (set) kept.set(`old-${number}`, { id: `old-${number}`, at: number / 1e6, by: "", source: sources.uriOf(name), set, was });
    });
    take([...kept.values()]);
  }

  function append(entry) {
    kept.set(entry.id, entry);
    save();
  }

  // Entries that a run has applied since need not be kept.
  function drop(entries) {
    if (!entries.some(({ id }) => kept.delete(id))) return;
    save();
  }

  function save() {
    try {
      localStorage.setItem(KEY, JSON.stringify([...kept.values()]));
      localStorage.removeItem(OLD_KEY);
    } catch {
      // A browser may refuse to store; the marks then last until the page is closed.
    }
  }

  return { append, drop, start, reviewer: () => "", rename() {} };
});
