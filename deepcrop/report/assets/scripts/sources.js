// The job's sources. The columns that filters read are in memory for all sources; the details of a
// source are loaded when it is shown.
define("sources", ["job", "served", "dom", "marks"], (job, served, { find, make }, marks) => {
  const RETRY = 2000; // milliseconds until what could not be loaded is tried again
  const NOT_LOADED = 255; // status of a source whose columns have not arrived yet
  const names = new Array(job.count);
  const foldedNames = new Array(job.count); // in lower case, for the search
  const status = new Uint8Array(job.count).fill(NOT_LOADED);
  const methods = new Int8Array(job.count);
  const errors = new Int16Array(job.count).fill(-1);
  const scores = job.aspects.map(() => new Int16Array(job.count).fill(-1)); // ten-thousandths
  const flags = [null, ...job.aspects].map(() => new Int32Array(job.count)); // bits: the source's, each ratio's
  const applied = new Map(); // name -> marks that the job's variants were made with
  const listeners = [];
  const markListeners = [];
  const chunks = new Map(); // number of a details script -> promise of its rows
  const resolvers = new Map();
  let loaded = 0;

  // The data scripts call these: a page from a file URL can load scripts, but cannot fetch.
  window.deepcrop = {
    index(build, start, columns) {
      if (!isCurrent(build)) return;
      columns.names.forEach((name, at) => {
        names[start + at] = name;
        foldedNames[start + at] = name.toLowerCase();
      });
      status.set(columns.status, start);
      methods.set(columns.methods, start);
      errors.set(columns.errors, start);
      columns.scores.forEach((column, aspect) => scores[aspect].set(column, start));
      columns.flags.forEach((pairs, column) => {
        for (let at = 0; at < pairs.length; at += 2) flags[column][start + pairs[at]] = pairs[at + 1];
      });
      const arrived = Object.entries(columns.applied).map(([at, each]) => [columns.names[at], each]);
      for (const [name, each] of arrived) applied.set(name, { ...marks.blank(), ...each });
      loaded += columns.names.length;
      for (const listener of listeners) listener(arrived.map(([name]) => name));
    },
    details(build, number, rows) {
      if (isCurrent(build)) resolvers.get(number)?.(rows);
    },
    marks(build, entries) {
      if (isCurrent(build)) for (const listener of markListeners) listener(entries);
    },
  };

  function isCurrent(build) {
    if (build !== job.build) find("#rebuilt").hidden = false;
    return build === job.build;
  }

  function loadScript(name) {
    const script = make("script", { src: `data/${name}.js`, async: "" });
    script.addEventListener("load", () => script.remove());
    script.addEventListener("error", () => {
      script.remove();
      if (served) setTimeout(() => loadScript(name), RETRY); // the server may come back
    });
    document.head.append(script);
  }

  function loadIndex() {
    for (let number = 0; number * job.index_rows < job.count; number++) {
      loadScript(`index-${String(number).padStart(4, "0")}`);
    }
  }

  // Load the log of marks as it was when the page was built.
  function loadMarks() {
    for (let number = 0; number < job.mark_scripts; number++) loadScript(`marks-${String(number).padStart(4, "0")}`);
  }

  // Resolves to the details of one source.
  async function detailsOf(index) {
    const number = Math.floor(index / job.detail_rows);
    if (!chunks.has(number)) {
      chunks.set(number, new Promise((resolve) => resolvers.set(number, resolve)));
      loadScript(`details-${String(number).padStart(5, "0")}`);
    }
    return (await chunks.get(number))[index % job.detail_rows];
  }

  // The score of one variant, or without an aspect the lowest of all; -1 where there is none.
  function scoreOf(index, aspect = -1) {
    if (aspect >= 0) return scores[aspect][index];
    let lowest = -1;
    for (const column of scores) {
      if (column[index] >= 0 && (lowest < 0 || column[index] < lowest)) lowest = column[index];
    }
    return lowest;
  }

  // The bits of a source's flags: its own, and those of one variant or of all.
  function flagsOf(index, aspect = -1) {
    const [own, ...ratios] = flags;
    if (aspect >= 0) return own[index] | ratios[aspect][index];
    return ratios.reduce((bits, column) => bits | column[index], own[index]);
  }

  // A name is the URI without the folder that all sources lie in. A local name that is not UTF-8 is
  // the one exception: it is a whole file URI.
  const encodePath = (path) => path.split("/").map(encodeURIComponent).join("/");
  const isWholeUri = (name) => name.startsWith("file:///");
  const uriOf = (name) => (isWholeUri(name) ? name : job.root + name);

  // Null where the source is none of this job's.
  function nameOf(uri) {
    if (uri.startsWith(job.root)) return uri.slice(job.root.length);
    return isWholeUri(uri) ? uri : null;
  }

  // Null where a browser can't open the source. The server makes a picture of any source.
  function hrefOf(index, edge = 1600) {
    const name = names[index];
    if (served) return `../api/picture?edge=${edge}&source=${encodeURIComponent(uriOf(name))}`;
    if (isWholeUri(name)) return name;
    return job.root_href === null ? null : job.root_href + encodePath(name);
  }

  return {
    applied, detailsOf, errors, flags, flagsOf, foldedNames, hrefOf, loadIndex, loadMarks, methods, nameOf, names, scoreOf,
    status, uriOf,
    isLoaded: (index) => status[index] !== NOT_LOADED,
    loadedCount: () => loaded,
    // The listener is called when columns have arrived, with the names of those that have applied marks.
    onLoad: (listener) => listeners.push(listener),
    // The listener is called with entries of the log of marks.
    onMarks: (listener) => markListeners.push(listener),
    showRebuilt: () => (find("#rebuilt").hidden = false),
  };
});
