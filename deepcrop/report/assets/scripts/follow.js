// Crops that follow: the review server has the job's method search a source's crops anew for its marks. One
// request is under way at a time; what is marked meanwhile is asked for when it ends.
define("follow", ["job", "served", "sources", "corrections", "marks", "server_log"], (job, served, sources, corrections, marks, serverLog) => {
  const answers = new Map(); // name -> {key, crops}
  const failed = new Set(); // names of sources that the server can't search
  const listeners = [];
  const isOn = Boolean(served) && job.kind === "crop";
  let wanted = null; // the name that is asked for next
  let since = 0; // when its marks changed
  let asking = false;

  const fieldsOf = (name) => marks.toFields(corrections.marksOf(name));
  const keyOf = (name) => JSON.stringify(fieldsOf(name));

  // Ask for the crops of a source as it is marked now, unless they are known.
  function want(name) {
    if (!isOn || failed.has(name) || answers.get(name)?.key === keyOf(name)) return;
    wanted = name;
    since = performance.now();
    if (!asking) ask();
  }

  async function ask() {
    asking = true;
    while (wanted !== null) {
      const [name, key, start] = [wanted, keyOf(wanted), since];
      wanted = null;
      try {
        const { crops } = await serverLog.request("../api/boxes", { source: sources.uriOf(name), fields: JSON.parse(key) });
        answers.set(name, { key, crops });
        for (const listener of listeners) listener(name);
        performance.measure("deepcrop: crops follow", { start, end: performance.now() }); // seen in a browser's tools
      } catch (error) {
        if (error.status) failed.add(name); // the boxes are guessed here
      }
    }
    asking = false;
  }

  // What the method found for the marks of a source, or, while something is dragged, for those just before;
  // null where that is not known.
  function cropsOf(name) {
    const known = answers.get(name);
    if (!known) return null;
    return corrections.isDraft(name) || known.key === keyOf(name) ? known.crops : null;
  }

  return {
    cropsOf, want,
    // The listener is called with the name of a source whose crops have arrived.
    onAnswer: (listener) => listeners.push(listener),
  };
});
