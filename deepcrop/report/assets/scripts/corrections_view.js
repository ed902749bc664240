// The view "Corrections": the pending marks and the applied ones, and the bar that counts the pending.
define("corrections_view", ["dom", "format", "marks", "sources", "corrections"], ({ find, make }, { formatCount }, { summary }, sources, corrections) => {
  const MAX_LINES = 500;

  function render() {
    const { pending } = corrections;
    find("#correction-count").textContent = formatCount(pending.size);
    find("#bar").hidden = !pending.size || location.hash === "#corrections";
    find("#bar-text").textContent = `${formatCount(pending.size)} pending`;
    find("#clear").disabled = !pending.size;
    find("#pending-none").hidden = pending.size > 0;
    find("#steps").hidden = !pending.size;
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
        last(name)));
    const rest = marked.size - shown.length;
    return rest > 0 ? [...shown, make("li", { class: "soft", text: `and ${formatCount(rest)} more` })] : shown;
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
    find("#export").addEventListener("click", download);
    find("#import").addEventListener("change", async (event) => {
      corrections.importCsv(await event.target.files[0].text());
      event.target.value = "";
      refilter();
    });
    find("#clear").addEventListener("click", () => {
      if (!confirm("Forget all pending marks?")) return;
      corrections.forgetAll();
      refilter();
    });
  }

  return { render, setUp };
});
