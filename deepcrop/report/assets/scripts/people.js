// Who reviews here, and the buttons that undo and do again.
define("people", ["dom", "served", "log", "history"], ({ find }, served, log, history) => {
  let onTurned = () => {};

  function turn(act) {
    const done = act();
    find("#turned").textContent = done ? done.text : "Nothing to undo";
    if (done) onTurned(done.name);
  }

  const undo = () => turn(history.undo);
  const redo = () => turn(history.redo);

  // Set up; `turned` is called with the name of a source whose marks were undone or done again.
  function setUp({ turned }) {
    onTurned = turned;
    find("#undo-last").addEventListener("click", undo);
    find("#redo-last").addEventListener("click", redo);
    find("#served").hidden = !served;
    const field = find("#reviewer");
    field.value = log.reviewer();
    field.addEventListener("change", () => {
      const name = field.value.trim().slice(0, 80);
      if (name) log.rename(name);
      field.value = log.reviewer();
    });
  }

  return { redo, setUp, undo };
});
