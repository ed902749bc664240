// The sources that match the filters, in the order asked for.
define("selection", ["job", "dom", "format", "marks", "sources", "corrections", "log"], (job, { find }, { aspectLabel }, marks, sources, corrections, log) => {
  const form = find("#filters");
  const FLAG_OF_PROBLEM = job.flags.reduce((bits, flag, bit) => (flag.problem ? bits | (1 << bit) : bits), 0);
  const WHOLE = 10_000; // scores are 0 to 1 in these parts
  const NO_SCORE = 1.5 * WHOLE; // above every score
  const NO_FLAG = 31; // above every bit of a flag

  // The filters' values; -1 and "" mean that a filter is not used.
  function readFilters() {
    const value = (name) => form.elements[name]?.value ?? "";
    const number = (name) => (value(name) === "" ? -1 : Number(value(name)));
    return {
      search: value("search").trim().toLowerCase(),
      ratio: number("ratio"), status: number("status"), method: number("method"), error: number("error"),
      folder: value("folder"), marks: value("marks"), order: value("order"),
      reviewer: value("reviewer"), since: day(value("since")) ?? -Infinity, until: day(value("until"), 1) ?? Infinity,
      flags: [...form.querySelectorAll("[name=flag]:checked")].reduce((bits, box) => bits | box.value, 0),
      low: value("low") ? WHOLE * Number(value("low")) : 0,
      high: value("high") ? WHOLE * Number(value("high")) : WHOLE,
    };
  }

  // The begin of a day, or of one that is so many days later, in seconds since 1970; null without a day.
  function day(text, later = 0) {
    const [year, month, date] = text.split("-").map(Number);
    return date ? new Date(year, month - 1, date + later).getTime() / 1000 : null;
  }

  function hasMarks(name, kind) {
    if (kind === "pending") return corrections.isPending(name);
    if (!corrections.isPending(name) && !sources.applied.has(name)) return kind === "unseen";
    const found = corrections.marksOf(name);
    if (kind === "good") return found.good;
    if (kind === "rejected") return found.rejected.length > 0;
    return kind === "moved" && marks.isMoved(found);
  }

  // The indices of the sources that match, in order.
  function select(filters) {
    const byScore = filters.low > 0 || filters.high < WHOLE;
    const { reviewer, since, until } = filters;
    const byPerson = reviewer || since > -Infinity || until < Infinity;
    const selected = [];
    for (let index = 0; index < job.count; index++) {
      if (!sources.isLoaded(index)) continue;
      if (filters.status >= 0 && sources.status[index] !== filters.status) continue;
      if (filters.method >= 0 && sources.methods[index] !== filters.method) continue;
      if (filters.error >= 0 && sources.errors[index] !== filters.error) continue;
      if (filters.folder && !sources.names[index].startsWith(filters.folder)) continue;
      if (filters.search && !sources.foldedNames[index].includes(filters.search)) continue;
      if (filters.flags && !(filters.flags & sources.flagsOf(index, filters.ratio))) continue;
      if (filters.marks && !hasMarks(sources.names[index], filters.marks)) continue;
      if (byPerson && !log.isBy(sources.names[index], reviewer, since, until)) continue;
      if (byScore) {
        const score = sources.scoreOf(index, filters.ratio);
        if (score < filters.low || score > filters.high) continue;
      }
      selected.push(index);
    }
    sort(selected, filters);
    return selected;
  }

  // The bit of a source's worst flag: flags are in the order in which a person should look.
  function worstFlag(index, ratio) {
    const bits = sources.status[index] === 0 ? sources.flagsOf(index, ratio) & FLAG_OF_PROBLEM : 0;
    return bits ? NO_FLAG - Math.clz32(bits & -bits) : NO_FLAG;
  }

  // Sources come in the order "flagged first" over all ratios, which then needs no sorting.
  function sort(selected, { order, ratio }) {
    if (order === "name") {
      const { names } = sources;
      selected.sort((one, other) => (names[one] < names[other] ? -1 : names[one] > names[other] ? 1 : 0));
      return;
    }
    if (ratio < 0 && (order === "flagged" || (order === "worst" && !FLAG_OF_PROBLEM))) return;
    const score = (index) => {
      const value = sources.scoreOf(index, ratio);
      return value < 0 ? NO_SCORE : order === "best" ? -value : value; // without a score: last in both
    };
    const flagged = order === "flagged";
    const key = (index) => (flagged ? 2 * NO_SCORE * worstFlag(index, ratio) : 0) + score(index);
    const keys = new Map(selected.map((index) => [index, key(index)]));
    selected.sort((one, other) => (keys.get(one) === keys.get(other) ? one - other : keys.get(one) - keys.get(other)));
  }

  // The order in words; empty where no source has a score, as in jobs of retarget methods.
  function orderInWords({ order, ratio }) {
    if (order === "name") return "by name";
    if (job.kind !== "crop") return "";
    const ofSeveral = job.aspects.length > 1 ? "the lowest score of each source" : "score";
    const score = ratio < 0 ? ofSeveral : `the score of ${aspectLabel(job.aspects[ratio])}`;
    if (order === "flagged") return `flagged first, then by ${score}`;
    return `by ${score}, ${order === "best" ? "highest" : "lowest"} first`;
  }

  return { form, orderInWords, readFilters, select };
});
