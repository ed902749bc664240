// Presets in words: which ones a picture is of, what their rules made of the photo, and why.
define("presets", ["job", "dom", "format"], (job, { make }, { aspectLabel, formatBytes }) => {
  const WORDS = { pad: "padded", blur: "blurred", review: "to review" };

  const outcomesOf = ({ presets = [], by }) => presets.map(([name, action, reason]) =>
    ({ name, words: action === "retarget" ? `retargeted by ${by}` : WORDS[action] ?? "", reason: reason === "else" ? "always" : reason }));

  // The names of a picture's presets; empty where it is of none.
  const namesOf = (variant) => outcomesOf(variant).map(({ name }) => name).join(", ");

  // What was done for each preset, such as "card: padded"; with reasons "card: padded (width<600: 480)".
  const inWords = (variant, withReasons) => outcomesOf(variant).map(({ name, words, reason }) => {
    const why = withReasons && reason ? `(${reason})` : "";
    const done = [words || (why && "cropped"), why].filter(Boolean).join(" ");
    return done ? `${name}: ${done}` : name;
  });

  // A picture's name, such as "4:5" or "4:5 card, hero".
  const labelOf = (variant) => [aspectLabel(job.aspects[variant.aspect]), namesOf(variant)].filter(Boolean).join(" ");

  // Links to all files of a picture, a line for each width and density.
  function fileList({ files }) {
    const lines = new Map();
    for (const file of files) {
      const density = file.density && file.density !== 1 ? ` @${file.density}x` : "";
      const width = file.width === null ? "" : `${file.width}w${density}, `;
      const line = `${width}${file.size.join("×")}`;
      if (!lines.has(line)) lines.set(line, []);
      lines.get(line).push(file);
    }
    return make("ul", { class: "files" }, ...[...lines].map(([line, of]) => make("li", {}, `${line}: `, ...of.flatMap(linkOf).slice(1))));
  }

  function linkOf({ format, bytes, href }) {
    const text = `${format} ${formatBytes(bytes)}`;
    return [" · ", href ? make("a", { class: "file", href, target: "_blank", text }) : make("span", { class: "file", text })];
  }

  return { fileList, inWords, labelOf, namesOf };
});
