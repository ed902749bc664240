// Views, theme, keys; then the data.
const VIEWS = [...document.querySelectorAll(".view")].map((view) => view.id);

function showView() {
  const wanted = location.hash.slice(1);
  const current = VIEWS.includes(wanted) ? wanted : "gallery";
  for (const id of VIEWS) document.getElementById(id).classList.toggle("current", id === current);
  for (const link of document.querySelectorAll("nav a")) {
    if (link.dataset.view === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  showCorrections();
}

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try {
    localStorage.setItem("deepcrop-theme", root.dataset.theme);
  } catch {
    // Not kept, then.
  }
}

function recallTheme() {
  try {
    const theme = localStorage.getItem("deepcrop-theme");
    if (theme) document.documentElement.dataset.theme = theme;
  } catch {
    // The system's own, then.
  }
}

// Move the focus among the cards as they lie on the screen.
function moveFocus([dx, dy]) {
  const cards = [...document.querySelectorAll(".open")];
  const at = cards.indexOf(document.activeElement?.closest(".card")?.querySelector(".open"));
  if (at < 0) return cards[0]?.focus();
  const across = cards.findIndex((card, place) => place > 0 && card.getBoundingClientRect().top > cards[0].getBoundingClientRect().top + 1);
  const columns = across < 0 ? cards.length : across;
  cards[at + dx + dy * columns]?.focus();
}

const KEYS = {
  "/": () => { location.hash = "gallery"; find("#filter-box").open = true; filters.elements.search.focus(); },
  n: () => turn(shown + 1),
  p: () => turn(shown - 1),
  "?": () => find("#help").showModal(),
  t: toggleTheme,
  g: () => withFocused(markGood),
  b: () => withFocused(markBad),
};

function withFocused(act) {
  const card = document.activeElement?.closest(".card");
  if (card) act(Number(card.dataset.index));
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches?.("input:not([type=checkbox]), select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (dialog.open) return detailKey(event);
  if (find("#help").open) return;
  const arrow = ARROWS[event.key];
  if (arrow && find("#gallery").classList.contains("current")) moveFocus(arrow);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

// A browser may refuse the clipboard to a page from a file or from http.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest(".copy");
  if (copy) {
    const text = find("code", copy.parentElement).textContent;
    copy.textContent = (await copied(text)) ? "Copied" : "Select it";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  }
  const only = event.target.closest(".only");
  if (only) {
    filters.reset();
    filters.elements.error.value = only.dataset.error;
    setTimeout(refilter);
  }
});

find("#theme").addEventListener("click", toggleTheme);
find("#help-open").addEventListener("click", () => find("#help").showModal());
find("#reload").addEventListener("click", () => location.reload());
find("#export").addEventListener("click", exportCorrections);
find("#import").addEventListener("change", async (event) => {
  restore(await event.target.files[0].text());
  event.target.value = "";
  refilter();
});
find("#clear").addEventListener("click", () => {
  if (!confirm("Forget all pending marks?")) return;
  corrections.clear();
  remember();
  refilter();
});
addEventListener("hashchange", showView);

recallTheme();
recall();
if (matchMedia("(max-width: 640px)").matches) find("#filter-box").open = false;
setUpGallery();
setUpDetail();
setUpTips();
showView();
document.documentElement.classList.add("ready");
loadIndex();
