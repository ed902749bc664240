// The sources: columns that filters look at, all in memory; the rest a share at a time.
const sources = {
  names: new Array(job.count),
  folded: new Array(job.count),
  status: new Uint8Array(job.count).fill(255),
  methods: new Int8Array(job.count),
  errors: new Int16Array(job.count).fill(-1),
  scores: job.aspects.map(() => new Int16Array(job.count).fill(-1)),
  flags: [null, ...job.aspects].map(() => new Int32Array(job.count)), // bits: the source's, each ratio's
  applied: new Map(), // name -> marks that the job honours already
  loaded: 0,
  listeners: [],
};
const shares = new Map();
const waiting = new Map();

// Scripts call these: a page from a file URL can't fetch, but it can load scripts.
window.deepcrop = {
  index(build, start, columns) {
    if (!isCurrent(build)) return;
    columns.names.forEach((name, at) => {
      sources.names[start + at] = name;
      sources.folded[start + at] = name.toLowerCase();
    });
    sources.status.set(columns.status, start);
    sources.methods.set(columns.methods, start);
    sources.errors.set(columns.errors, start);
    columns.scores.forEach((column, aspect) => sources.scores[aspect].set(column, start));
    columns.flags.forEach((pairs, place) => {
      for (let at = 0; at < pairs.length; at += 2) sources.flags[place][start + pairs[at]] = pairs[at + 1];
    });
    const applied = Object.entries(columns.applied).map(([at, marks]) => [columns.names[at], marks]);
    for (const [name, marks] of applied) sources.applied.set(name, { ...blank(), ...marks });
    if (applied.length) forgetApplied(applied.map(([name]) => name));
    sources.loaded += columns.names.length;
    for (const listener of sources.listeners) listener();
  },
  details(build, number, rows) {
    if (isCurrent(build)) waiting.get(number)?.(rows);
  },
};

function isCurrent(build) {
  if (build !== job.build) find("#rebuilt").hidden = false;
  return build === job.build;
}

function load(name) {
  const script = make("script", { src: `data/${name}.js`, async: "" });
  script.addEventListener("load", () => script.remove());
  document.head.append(script);
}

function loadIndex() {
  for (let number = 0; number * job.index_rows < job.count; number++) {
    load(`index-${String(number).padStart(4, "0")}`);
  }
}

// Resolves to what is known of one source beyond the columns.
async function detailsOf(index) {
  const number = Math.floor(index / job.detail_rows);
  if (!shares.has(number)) {
    shares.set(number, new Promise((resolve) => waiting.set(number, resolve)));
    load(`details-${String(number).padStart(5, "0")}`);
  }
  return (await shares.get(number))[index % job.detail_rows];
}

// The lowest score among a source's variants; -1 where it has none.
function scoreOf(index, aspect = -1) {
  if (aspect >= 0) return sources.scores[aspect][index];
  let lowest = -1;
  for (const column of sources.scores) {
    if (column[index] >= 0 && (lowest < 0 || column[index] < lowest)) lowest = column[index];
  }
  return lowest;
}

// The bits of a source's flags: its own, and those of one variant or of all.
function flagsOf(index, aspect = -1) {
  const [own, ...ratios] = sources.flags;
  if (aspect >= 0) return own[index] | ratios[aspect][index];
  return ratios.reduce((bits, column) => bits | column[index], own[index]);
}

const encodePath = (path) => path.split("/").map(encodeURIComponent).join("/");
// A local name that is not UTF-8 comes as a whole URI, every other one without what all begin with.
const isWhole = (name) => name.startsWith("file:///");
const uriOf = (name) => (isWhole(name) ? name : job.root + name);
const nameOf = (uri) => (uri.startsWith(job.root) ? uri.slice(job.root.length) : uri);
function sourceHref(index) {
  const name = sources.names[index];
  if (isWhole(name)) return name;
  return job.root_href === null ? null : job.root_href + encodePath(name);
}
