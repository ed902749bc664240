// The view "Corrections": the pending marks and the applied ones, and the bar that counts the pending.
define("corrections_view", ["dom", "format", "marks", "sources", "corrections", "log", "served"], ({ find, make }, { formatCount, formatTime }, { summary }, sources, corrections, log, served) => {
  const MAX_LINES = 500;

  function render() {
    const { pending } = corrections;
    find("#correction-count").textContent = formatCount(pending.size);
    find("#bar").hidden = !pending.size || location.hash === "#corrections";
    find("#bar-text").textContent = `${formatCount(pending.size)} pending`;
    find("#clear").disabled = !pending.size;
    find("#pending-none").hidden = pending.size > 0;
    find("#steps").hidden = !pending.size;
    if (location.hash !== "#corrections") return; // the lists are not seen
    find("#correction-list").replaceChildren(...lines(pending, forgetButton));
    find("#applied-panel").hidden = !sources.applied.size;
    find("#applied-count").textContent = formatCount(sources.applied.size);
    find("#applied-list").replaceChildren(...lines(sources.applied, (name) =>
      corrections.isPending(name) ? make("span", { class: "pending", text: "changed here" }) : null));
  }

  const forgetButton = (name) => make("button", {
    class: "quiet",
    text: "Forget",
    "aria-label": `Forget the marks of ${name}`,
    onclick: () => corrections.forget(name),
  });

  // A line for each source, with an element of its own at the end.
  function lines(marked, last) {
    const shown = [...marked].slice(0, MAX_LINES).map(([name, marks]) =>
      make("li", {},
        make("span", { class: "path", text: name }),
        make("span", { class: "soft", text: summary(marks) }),
        make("span", { class: "soft small", text: who(name) }),
        last(name)));
    const rest = marked.size - shown.length;
    return rest > 0 ? [...shown, make("li", { class: "soft", text: `and ${formatCount(rest)} more` })] : shown;
  }

  // Who marked a source last, and when.
  function who(name) {
    const last = log.of(name).at(-1);
    return last ? [last.by, formatTime(last.at)].filter(Boolean).join(", ") : "";
  }

  function forgetAll() {
    const others = new Set([...corrections.pending.keys()].flatMap((name) => log.pendingOf(name).map((each) => each.by)));
    others.delete(log.reviewer());
    const whose = others.size ? ` They are also those of ${[...others].join(", ")}.` : "";
    if (confirm(`Forget all pending marks?${whose}`)) corrections.forgetAll();
  }

  function download() {
    const file = new Blob([corrections.toCsv()], { type: "text/csv" });
    const link = make("a", { href: URL.createObjectURL(file), download: "corrections.csv" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // Set up the view; `refilter` is called when marks were changed here.
  function setUp({ refilter }) {
    corrections.onChange(render);
    log.onChange(render); // who marked what, also of marks that are applied
    find("#export").addEventListener("click", download);
    find("#import").addEventListener("change", async (event) => {
      corrections.importCsv(await event.target.files[0].text());
      event.target.value = "";
      refilter();
    });
    find("#clear").addEventListener("click", () => {
      forgetAll();
      refilter();
    });
    if (served) find("#pending-title").textContent = "Pending: not applied yet";
  }

  return { render, setUp };
});
