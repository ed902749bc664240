// CSV tables, as rows of cells (RFC 4180).
define("csv", [], () => {
  function write(rows) {
    const cell = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
    return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
  }

  function read(text) {
    const rows = [[""]];
    let quoted = false;
    for (let at = 0; at < text.length; at++) {
      const letter = text[at];
      const row = rows.at(-1);
      if (letter === '"' && quoted && text[at + 1] === '"') row[row.length - 1] += text[++at];
      else if (letter === '"') quoted = !quoted;
      else if (letter === "," && !quoted) row.push("");
      else if (letter === "\n" && !quoted) rows.push([""]);
      else if (letter !== "\r" || quoted) row[row.length - 1] += letter;
    }
    return rows.filter((row) => row.length > 1);
  }

  return { read, write };
});
