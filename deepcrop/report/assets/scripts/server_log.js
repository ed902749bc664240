// Keeps the log of marks with the job, through the review server: sends what is marked here until the server
// has stored it, and asks for what others mark. What could not be sent outlasts the page in this browser.
define("server_log", ["job", "served", "dom", "format"], (job, served, { find }, { formatCount }) => {
  const KEY = `deepcrop-unsent-${job.fingerprint}-${job.root}`;
  const NAME_KEY = "deepcrop-reviewer";
  const AT_ONCE = 200; // entries in one request
  const PATIENCE = 2000; // milliseconds until another attempt
  const unsent = new Map(); // id -> entry
  const listeners = [];
  let take;
  let next = 0; // how many entries the server has told
  let sending = null;
  let problem = "";

  async function start(taken) {
    take = taken;
    for (const entry of stored()) unsent.set(entry.id, entry);
    take([...unsent.values()]);
    showState();
    send();
    for (;;) {
      const more = await ask();
      if (!more) await new Promise((resolve) => setTimeout(resolve, 1000 * served.refresh));
    }
  }

  // Ask for entries that this page doesn't know; resolves to whether there are more at once.
  async function ask() {
    try {
      const told = await request(`../api/marks?after=${next}`);
      if (told.total < next) next = 0; // another server, which counts anew
      else next = told.next;
      take(told.entries);
      for (const listener of listeners) listener(told);
      if (problem && !unsent.size) problem = "";
      showState();
      return next < told.total;
    } catch (error) {
      problem = error.message;
      showState();
      return false;
    }
  }

  function append(entry) {
    unsent.set(entry.id, entry);
    store();
    showState();
    send();
  }

  // Send what is unsent, a request at a time; an entry that is sent twice counts once.
  function send() {
    sending ??= sendAll().finally(() => (sending = null));
  }

  async function sendAll() {
    while (unsent.size) {
      const entries = [...unsent.values()].slice(0, AT_ONCE);
      try {
        const told = await request("../api/marks", { entries });
        take(told.entries);
        for (const { id } of told.entries) unsent.delete(id);
        problem = "";
      } catch (error) {
        problem = error.message;
        // What the server refuses, it refuses each time: it stays in the page, and is told.
        if (error.refused && entries.length === 1) unsent.delete(entries[0].id);
        else if (error.refused) await sendOneByOne(entries);
        else await new Promise((resolve) => setTimeout(resolve, PATIENCE));
      }
      store();
      showState();
    }
  }

  async function sendOneByOne(entries) {
    for (const entry of entries) {
      try {
        take((await request("../api/marks", { entries: [entry] })).entries);
        unsent.delete(entry.id);
      } catch (error) {
        problem = error.message;
        if (!error.refused) return;
        unsent.delete(entry.id);
      }
    }
  }

  async function request(address, body) {
    const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    let response;
    try {
      response = await fetch(address, options);
    } catch {
      throw new Error("the server doesn't answer");
    }
    const answer = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
    if (response.ok) return answer;
    const refused = [400, 413, 422].includes(response.status);
    throw Object.assign(new Error(answer.error), { refused, status: response.status });
  }

  function stored() {
    try {
      return JSON.parse(localStorage.getItem(KEY) ?? "[]");
    } catch {
      return [];
    }
  }

  function store() {
    try {
      localStorage.setItem(KEY, JSON.stringify([...unsent.values()]));
    } catch {
      // A browser may refuse to store; what is unsent then lasts until the page is closed.
    }
  }

  function showState() {
    const count = formatCount(unsent.size);
    const text = problem
      ? `${unsent.size ? `${count} not saved: ` : ""}${problem}`
      : unsent.size ? `saving ${count}…` : "saved";
    const place = find("#saving");
    place.textContent = text;
    place.dataset.state = problem ? "problem" : unsent.size ? "saving" : "saved";
  }

  function reviewer() {
    try {
      return localStorage.getItem(NAME_KEY) || served.reviewer;
    } catch {
      return served.reviewer;
    }
  }

  function rename(name) {
    try {
      localStorage.setItem(NAME_KEY, name);
    } catch {
      served.reviewer = name; // until the page is closed
    }
  }

  return { append, ask, rename, request, reviewer, start, drop() {}, onAnswer: (listener) => listeners.push(listener) };
});
