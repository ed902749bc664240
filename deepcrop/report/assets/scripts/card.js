// The card of a source in the gallery.
define("card", ["job", "dom", "format", "marks", "sources", "corrections", "log", "flags", "picture", "presets"], (job, { make }, { aspectLabel }, { state }, sources, corrections, log, { badges }, picture, { inWords }) => {
  // `ratio` is the one ratio that is shown, or -1; `actions` are called with the source's index.
  function cardOf(index, details, ratio, actions) {
    const name = sources.names[index];
    const marks = corrections.marksOf(name);
    const pending = corrections.isPending(name);
    const shown = badges(sources.flagsOf(index, ratio));
    if (pending) shown.push(make("span", { class: "pending", text: pendingText(name) }));
    return make("article", { class: `card ${state(marks)} ${pending ? "is-pending" : ""}`, "data-index": index },
      make("button", { class: "open", "aria-label": `Open ${name}`, onclick: () => actions.open(index) }, picture.stageOf(index, details, { only: ratio })),
      shown.length ? make("div", { class: "badges" }, ...shown) : null,
      stripOf(index, details, marks, ratio),
      make("div", { class: "foot" },
        make("span", { class: "path", title: name }, make("bdi", { text: name })),
        button("accept", "✓", "Good", marks.good, () => actions.toggleGood(index)),
        button("reject", "✕", "Reject all variants", marks.rejected.length > 0, () => actions.toggleRejected(index))));
  }

  // Says of another person's marks whose they are.
  function pendingText(name) {
    const by = log.pendingOf(name).at(-1)?.by ?? "";
    return by && by !== log.reviewer() ? `pending, ${by}` : "pending";
  }

  // The variants of a source, side by side; those that a person has rejected have no picture.
  function stripOf(index, details, marks, ratio) {
    const isShown = (aspect) => ratio < 0 || aspect === ratio;
    const figure = (aspect, image, text, preset = null) =>
      make("figure", { class: marks.rejected.includes(job.aspects[aspect]) ? "rejected-variant" : "" }, image,
        make("figcaption", {}, picture.colourDot(aspect), aspectLabel(job.aspects[aspect]) + text, preset));
    const made = (details.variants ?? []).filter((each) => isShown(each.aspect)).map((each) =>
      figure(each.aspect, picture.variantOf(index, details, each), each.score === undefined ? "" : ` ${each.score.toFixed(2)}`, presetLine(each)));
    const missing = corrections.notMade(index, details).map((aspect) => job.aspects.indexOf(aspect)).filter(isShown).map((aspect) =>
      figure(aspect, make("div", { class: "no-picture", text: "not made" }), ""));
    return made.length + missing.length ? make("div", { class: "strip" }, ...made, ...missing) : null;
  }

  // The names of a picture's presets and what their rules did; the title says why.
  const presetLine = (variant) =>
    variant.presets ? make("span", { class: "preset", text: inWords(variant, false).join(", "), title: inWords(variant, true).join(", ") }) : null;

  const button = (kind, text, title, pressed, onclick) =>
    make("button", { class: `quiet ${kind}`, text, title, "aria-label": title, "aria-pressed": String(Boolean(pressed)), onclick });

  return { cardOf };
});
