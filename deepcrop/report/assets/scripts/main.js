// Views and keys of the page; then the loading of its data.
define("main", ["dom", "theme", "sources", "corrections", "corrections_view", "flags", "selection", "gallery", "detail"], ({ find }, theme, sources, corrections, correctionsView, flags, selection, gallery, detail) => {
  const VIEWS = [...document.querySelectorAll(".view")].map((view) => view.id);
  const KEYS = {
    "/": startSearch,
    n: () => gallery.turnPage(1),
    p: () => gallery.turnPage(-1),
    "?": () => find("#help").showModal(),
    t: theme.toggle,
    g: () => withFocusedCard(gallery.toggleGood),
    b: () => withFocusedCard(gallery.toggleRejected),
  };

  function showView() {
    const wanted = location.hash.slice(1);
    const current = VIEWS.includes(wanted) ? wanted : "gallery";
    for (const id of VIEWS) document.getElementById(id).classList.toggle("current", id === current);
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === current) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    correctionsView.render();
  }

  function startSearch() {
    location.hash = "gallery";
    find("#filter-box").open = true;
    selection.form.elements.search.focus();
  }

  function withFocusedCard(act) {
    const card = document.activeElement?.closest(".card");
    if (card) act(Number(card.dataset.index));
  }

  function onKey(event) {
    if (event.key === "Escape") flags.hideTip();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (detail.isOpen()) return detail.onKey(event);
    if (find("#help").open) return;
    const arrow = detail.ARROWS[event.key];
    if (arrow && find("#gallery").classList.contains("current")) gallery.moveFocus(arrow);
    else if (KEYS[event.key]) KEYS[event.key]();
    else return;
    event.preventDefault();
  }

  // Resolves to false where the browser refuses the clipboard, as some do to a page from a file or from http.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false;
    }
  }

  async function onClick(event) {
    const copyButton = event.target.closest(".copy");
    if (copyButton) {
      const text = find("code", copyButton.parentElement).textContent;
      copyButton.textContent = (await copy(text)) ? "Copied" : "Select it";
      setTimeout(() => (copyButton.textContent = "Copy"), 1500);
    }
    const failureLink = event.target.closest(".only");
    if (failureLink) gallery.showError(failureLink.dataset.error);
  }

  addEventListener("keydown", onKey);
  addEventListener("hashchange", showView);
  document.addEventListener("click", onClick);
  find("#theme").addEventListener("click", theme.toggle);
  find("#help-open").addEventListener("click", () => find("#help").showModal());
  find("#reload").addEventListener("click", () => location.reload());

  theme.load();
  corrections.load();
  if (matchMedia("(max-width: 640px)").matches) find("#filter-box").open = false;
  gallery.setUp({ open: detail.open });
  detail.setUp();
  correctionsView.setUp({ refilter: gallery.refilter });
  flags.setUp();
  showView();
  document.documentElement.classList.add("ready");
  sources.loadIndex();
});
