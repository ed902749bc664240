// A blind comparison: a pair at a time, keys to choose, results when all pairs are judged.
(() => {
  "use strict";
  const find = (selector, root = document) => root.querySelector(selector);
  const NAME_KEY = "deepcrop-reviewer";
  const KEYS = {
    ArrowLeft: () => choose("left"), 1: () => choose("left"),
    ArrowRight: () => choose("right"), 2: () => choose("right"),
    ArrowDown: () => choose("alike"), 0: () => choose("alike"), " ": () => choose("alike"),
    z: goBack, p: togglePhoto,
  };
  let pairs = [];
  let at = 0;
  let unsent = []; // judgements that the server has not stored yet
  let sending = false;

  function reviewer() {
    try {
      return localStorage.getItem(NAME_KEY) || document.body.dataset.reviewer;
    } catch {
      return document.body.dataset.reviewer;
    }
  }

  async function ask(address, body) {
    const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(address, options);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }

  async function load() {
    find("#reviewer").value = reviewer();
    ({ pairs } = await ask(`api/pairs?by=${encodeURIComponent(reviewer())}`));
    const first = pairs.findIndex((each) => !each.chosen);
    at = first < 0 ? pairs.length : first;
    show();
  }

  const address = (number, what) => `api/pair/${number}/${what}`;

  function show() {
    const judged = pairs.filter((each) => each.chosen).length;
    find("#progress").max = pairs.length;
    find("#progress").value = judged;
    const isOver = at >= pairs.length;
    find("#place").textContent = isOver ? `${judged} of ${pairs.length} judged` : `${at + 1} of ${pairs.length}`;
    for (const part of ["#pair", ".choose"]) find(part).hidden = isOver;
    find("#photo").hidden = isOver || find("#show-photo").getAttribute("aria-pressed") !== "true";
    find("#results").hidden = !isOver;
    if (isOver) return showResults();
    for (const side of ["left", "right"]) {
      find(`#${side} img`).src = address(at, side);
      find(`#${side}`).classList.toggle("chosen", pairs[at].chosen === side);
    }
    find("#photo img").src = address(at, "photo");
    for (const next of [at + 1, at + 2]) {
      if (next < pairs.length) for (const side of ["left", "right"]) new Image().src = address(next, side);
    }
  }

  function newId() {
    return [...crypto.getRandomValues(new Uint8Array(12))].map((each) => each.toString(16).padStart(2, "0")).join("");
  }

  function record(number, better) {
    pairs[number].chosen = better;
    unsent.push({ id: newId(), number, better, by: reviewer() });
    send();
  }

  async function send() {
    if (sending) return;
    sending = true;
    while (unsent.length) {
      find("#saving").textContent = "saving…";
      try {
        await ask("api/judgements", unsent[0]);
        unsent = unsent.slice(1);
      } catch (error) {
        find("#saving").textContent = `not saved: ${error.message}`;
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
    }
    sending = false;
    find("#saving").textContent = "saved";
    if (at >= pairs.length) showResults();
  }

  function choose(better) {
    if (at >= pairs.length) return;
    record(at, better);
    at += 1;
    show();
  }

  function goBack() {
    if (!at) return;
    at -= 1;
    if (pairs[at].chosen) record(at, null);
    show();
  }

  function togglePhoto() {
    const button = find("#show-photo");
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    show();
  }

  async function showResults() {
    if (unsent.length) return; // once all is stored
    try {
      const { names, rates } = await ask(`api/results?by=${encodeURIComponent(reviewer())}`);
      find("#results-lead").textContent = `First: ${names[0]}. Second: ${names[1]}. Alike counts half. The judgements are those of all who compared these pairs.`;
      const percent = (value) => `${Math.round(100 * value)}%`;
      find("#rates").replaceChildren(...Object.entries(rates).map(([name, each]) => {
        const cells = [name, each.first + each.alike + each.second, each.first, each.alike, each.second,
          `${percent(each.rate)} (${each.interval.map(percent).join(" to ")})`];
        const row = document.createElement("tr");
        row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
        return row;
      }));
    } catch (error) {
      find("#results-lead").textContent = error.message;
    }
  }

  addEventListener("keydown", (event) => {
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  for (const side of ["left", "right"]) find(`#${side}`).addEventListener("click", () => choose(side));
  for (const side of ["left", "alike", "right"]) find(`#choose-${side}`).addEventListener("click", () => choose(side));
  find("#back").addEventListener("click", goBack);
  find("#show-photo").addEventListener("click", togglePhoto);
  find("#reviewer").addEventListener("change", (event) => {
    try {
      localStorage.setItem(NAME_KEY, event.target.value.trim());
    } catch {
      document.body.dataset.reviewer = event.target.value.trim();
    }
    load();
  });
  load();
})();
