// The gallery: the selected sources, a page of cards at a time.
define("gallery", ["job", "dom", "format", "sources", "corrections", "log", "selection", "card"], (job, { find, make }, { aspectLabel, formatCount }, sources, corrections, log, selection, { cardOf }) => {
  const PAGE_SIZE = 24;
  const { form } = selection;
  let selected = []; // indices of sources, in order
  let page = 0;
  let paints = 0; // counts the paintings of a page, so that an overtaken one is noticed
  let actions;

  // Set up the view; `open` is called with the index of a source that a person opens.
  function setUp({ open }) {
    actions = { open, toggleGood, toggleRejected };
    addOptions("ratio", job.aspects.map(aspectLabel));
    addOptions("method", job.methods);
    addOptions("error", job.errors);
    find("#flag-chips")?.append(...job.flags.map(flagChip));
    form.addEventListener("input", refilter);
    form.addEventListener("reset", () => setTimeout(refilter)); // once the fields are reset
    form.addEventListener("submit", (event) => event.preventDefault());
    find("#previous").addEventListener("click", () => turnPage(-1));
    find("#next").addEventListener("click", () => turnPage(1));
    find("#page").addEventListener("change", (event) => showPage(Number(event.target.value) - 1));
    sources.onLoad(() => requestAnimationFrame(update));
    log.onChange(updateReviewers);
    corrections.onChange(repaintNames);
    if (!job.count) find("#found").textContent = "no sources yet";
  }

  function addOptions(name, values) {
    form.elements[name]?.append(make("option", { value: "", text: "all" }), ...values.map((text, value) => make("option", { value, text })));
  }

  // The filter by reviewer knows those who have marked something.
  function updateReviewers() {
    const field = form.elements.reviewer;
    const known = [...field.options].map((each) => each.value);
    for (const name of log.reviewers()) {
      if (name && !known.includes(name)) field.append(make("option", { value: name, text: name }));
    }
    find("#people").hidden = field.options.length < 2;
  }

  // Redraw the cards of sources whose marks have changed.
  function repaintNames(names) {
    const changed = new Set(names);
    for (const card of document.querySelectorAll(".card")) {
      const index = Number(card.dataset.index);
      const name = sources.names[index];
      if (changed.has(name) && !corrections.isDraft(name)) repaint(index);
    }
  }

  function flagChip(flag, bit) {
    const box = make("input", { type: "checkbox", name: "flag", value: 1 << bit });
    return make("label", { class: flag.problem ? "chip problem" : "chip", "data-tip": flag.text },
      box, flag.label, make("b", { class: "count", text: formatCount(flag.count) }));
  }

  function refilter() {
    page = 0;
    update();
  }

  function showError(error) {
    form.reset();
    form.elements.error.value = error;
    setTimeout(refilter);
  }

  function update() {
    const filters = selection.readFilters();
    selected = selection.select(filters);
    const missing = job.count - sources.loadedCount();
    const loading = missing > 0 ? `, ${formatCount(missing)} still loading` : "";
    find("#found").textContent = `${formatCount(selected.length)} of ${formatCount(job.count)} sources${loading}`;
    find("#order").textContent = selection.orderInWords(filters);
    showPage(page, filters.ratio);
  }

  async function showPage(number, ratio = selection.readFilters().ratio) {
    const pages = Math.max(1, Math.ceil(selected.length / PAGE_SIZE));
    page = Math.min(Math.max(0, number || 0), pages - 1);
    find("#page").value = page + 1;
    find("#page").max = pages;
    find("#pages").textContent = formatCount(pages);
    find("#previous").disabled = page === 0;
    find("#next").disabled = page === pages - 1;
    const paint = ++paints;
    const chosen = selected.slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
    const details = await Promise.all(chosen.map(sources.detailsOf));
    if (paint !== paints) return; // another page was asked for while details were loading
    const cards = chosen.map((index, at) => cardOf(index, details[at], ratio, actions));
    if (!cards.length && sources.loadedCount() === job.count) cards.push(make("p", { class: "empty", text: "No source matches." }));
    find("#cards").replaceChildren(...cards);
  }

  const turnPage = (by) => showPage(page + by);

  // Show the page of a source, or the current one where the source is not selected; focus its card,
  // unless a person has moved the focus elsewhere while the page was painted.
  async function returnTo(index) {
    const position = positionOf(index);
    await showPage(position < 0 ? page : Math.floor(position / PAGE_SIZE));
    const focused = document.activeElement;
    if (focused !== document.body && !focused.closest(".card")) return;
    find(`.card[data-index="${index}"] .open`)?.focus();
  }

  // Redraw one card; the focus stays on the same button.
  async function repaint(index) {
    const details = await sources.detailsOf(index);
    const old = find(`.card[data-index="${index}"]`);
    if (!old) return;
    const focused = [...old.querySelectorAll("button")].indexOf(document.activeElement);
    const card = cardOf(index, details, selection.readFilters().ratio, actions);
    old.replaceWith(card);
    if (focused >= 0) card.querySelectorAll("button")[focused].focus();
  }

  function toggleGood(index) {
    corrections.toggleGood(sources.names[index]);
  }

  function toggleRejected(index) {
    corrections.toggleRejected(sources.names[index]);
  }

  // Move the focus among the cards, by columns and rows as they lie on the screen.
  function moveFocus([dx, dy]) {
    const cards = [...document.querySelectorAll(".open")];
    const current = cards.indexOf(document.activeElement?.closest(".card")?.querySelector(".open"));
    if (current < 0) return cards[0]?.focus();
    const top = (card) => card.getBoundingClientRect().top;
    const secondRow = cards.findIndex((card, at) => at > 0 && top(card) > top(cards[0]) + 1);
    const columns = secondRow < 0 ? cards.length : secondRow;
    cards[current + dx + dy * columns]?.focus();
  }

  const positionOf = (index) => selected.indexOf(index);

  return {
    moveFocus, positionOf, refilter, repaint, returnTo, setUp, showError, toggleGood, toggleRejected, turnPage,
    indexAt: (position) => selected[position],
    count: () => selected.length,
  };
});
