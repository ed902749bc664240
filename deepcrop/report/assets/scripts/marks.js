// A person's marks on one source: {good, rejected: [aspect], focal: [x, y], boxes: {aspect: box}, keep: [box]}.
// The log changes them field by field, as deepcrop/sources/marks.py names the fields.
define("marks", ["job", "format"], (job, { aspectLabel }) => {
  const blank = () => ({ good: false, rejected: [], focal: null, boxes: {}, keep: [] });

  const isMoved = ({ focal, boxes, keep }) => Boolean(focal || keep.length || Object.keys(boxes).length);
  const isBlank = (marks) => !marks.good && !marks.rejected.length && !isMoved(marks);

  function areEqual(one, other) {
    const inOrder = ({ good, rejected, focal, boxes, keep }) =>
      [good, [...new Set(rejected)].sort(), focal, Object.entries(boxes).sort(), keep];
    return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));
  }

  const keepField = (box) => `keep/${box.map(Math.round).join(",")}`;

  function toFields({ good, rejected, focal, boxes, keep }) {
    const fields = {};
    if (good) fields.good = true;
    for (const aspect of rejected) fields[`rejected/${aspect}`] = true;
    if (focal) fields.focal = focal;
    for (const [aspect, box] of Object.entries(boxes)) fields[`box/${aspect}`] = box;
    for (const box of keep) fields[keepField(box)] = true;
    return fields;
  }

  // A field whose value is null says nothing.
  function fromFields(fields) {
    const marks = blank();
    for (const [field, value] of Object.entries(fields)) {
      if (value === null) continue;
      const [kind, about] = field.split("/");
      if (kind === "good") marks.good = true;
      if (kind === "focal") marks.focal = value;
      if (kind === "box") marks.boxes[about] = value;
      if (kind === "keep") marks.keep.push(about.split(",").map(Number));
    }
    const isRejected = (aspect) => fields[`rejected/${aspect}`];
    marks.rejected = job.aspects.filter(isRejected);
    return marks;
  }

  // What changes between two sets of fields: the new values, and those before; null where nothing does.
  function difference(before, after) {
    const set = {};
    const was = {};
    for (const field of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [old, value] = [before[field] ?? null, after[field] ?? null];
      if (JSON.stringify(old) === JSON.stringify(value)) continue;
      set[field] = value;
      was[field] = old;
    }
    return Object.keys(set).length ? { set, was } : null;
  }

  function summary(marks) {
    const moved = Object.keys(marks.boxes).map(aspectLabel);
    const rejected = marks.rejected.length === job.aspects.length ? ["all"] : marks.rejected.map(aspectLabel);
    return [
      marks.good && "good",
      rejected.length && `rejected: ${rejected.join(", ")}`,
      marks.focal && "focal point",
      moved.length && `crop box: ${moved.join(", ")}`,
      marks.keep.length && `${marks.keep.length} to keep`,
    ].filter(Boolean).join(" · ");
  }

  // The word for a source's state, which is a class of its card.
  function state(marks) {
    if (marks.rejected.length) return "rejected";
    if (isMoved(marks)) return "moved";
    return marks.good ? "good" : "";
  }

  return { areEqual, blank, difference, fromFields, isBlank, isMoved, keepField, state, summary, toFields };
});
