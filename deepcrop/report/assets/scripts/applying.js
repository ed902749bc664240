// Applying the pending marks from the page: the review server runs the job, and tells how far it is.
define("applying", ["job", "dom", "format", "served", "sources", "server_log", "corrections"], (job, { find }, { formatCount }, served, sources, serverLog, corrections) => {
  let mine = false; // whether this page has asked for it

  async function start() {
    mine = true;
    find("#apply").disabled = true;
    try {
      show(await serverLog.request("../api/apply", {}));
    } catch (error) {
      show({ running: false, text: error.message });
    }
  }

  function show({ running, done, total, text }) {
    find("#apply").disabled = running || !corrections.pending.size;
    find("#applying").hidden = !running && !text;
    const bar = find("#apply-progress");
    bar.hidden = !running;
    if (total) [bar.max, bar.value] = [total, done];
    else bar.removeAttribute("value");
    find("#apply-text").textContent = running && total ? `${text}: ${formatCount(done)} of ${formatCount(total)}` : text;
  }

  // The server has built the page anew: the page that asked for it is loaded again, others say it.
  function onAnswer({ build, applying }) {
    if (applying) show(applying);
    if (!build || build === job.build) return;
    if (mine && !applying?.running && !find("#detail").open) location.reload();
    else sources.showRebuilt();
  }

  function setUp() {
    find("#apply-panel").hidden = !served;
    if (!served) return;
    find("#apply").addEventListener("click", start);
    serverLog.onAnswer(onAnswer);
    corrections.onChange(() => (find("#apply").disabled = !corrections.pending.size || !find("#apply-progress").hidden));
  }

  return { setUp };
});
