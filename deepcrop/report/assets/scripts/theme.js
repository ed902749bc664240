// The light and the dark theme; without a choice, the system's.
define("theme", [], () => {
  const STORAGE_KEY = "deepcrop-theme";
  const root = document.documentElement;

  function toggle() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try {
      localStorage.setItem(STORAGE_KEY, root.dataset.theme);
    } catch {
      // A browser may refuse to store; the choice then lasts until the page is closed.
    }
  }

  function load() {
    try {
      const theme = localStorage.getItem(STORAGE_KEY);
      if (theme) root.dataset.theme = theme;
    } catch {
      // Nothing can be stored here: the system's theme stays.
    }
  }

  return { load, toggle };
});
