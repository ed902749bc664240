// Views and keys of the page; then the loading of its data.
define("main", ["dom", "theme", "sources", "log", "corrections_view", "applying", "people", "flags", "selection", "gallery", "detail"], ({ find }, theme, sources, log, correctionsView, applying, people, flags, selection, gallery, detail) => {
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

  // What a key undoes or does again: z and Z, or as other programs have it with Ctrl or Cmd.
  function turnOf({ key, ctrlKey, metaKey, shiftKey }) {
    const letter = key.toLowerCase();
    if (letter === "z") return shiftKey ? people.redo : people.undo;
    return (ctrlKey || metaKey) && letter === "y" ? people.redo : null;
  }

  function onKey(event) {
    if (event.key === "Escape") flags.hideTip();
    if (event.altKey) return;
    if (event.target.matches?.("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const turn = turnOf(event);
    if (turn) {
      event.preventDefault();
      detail.settle();
      return turn();
    }
    if (event.ctrlKey || event.metaKey) return;
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
  if (matchMedia("(max-width: 640px)").matches) find("#filter-box").open = false;
  gallery.setUp({ open: detail.open });
  detail.setUp();
  correctionsView.setUp({ refilter: gallery.refilter });
  applying.setUp();
  people.setUp({ turned: detail.openNamed });
  flags.setUp();
  showView();
  document.documentElement.classList.add("ready");
  sources.loadIndex();
  log.start();
});
