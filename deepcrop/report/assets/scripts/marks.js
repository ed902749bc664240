// A person's marks on one source: {good, rejected: [aspect], focal: [x, y], boxes: {aspect: box}, keep: [box]}.
define("marks", ["job", "format"], (job, { aspectLabel }) => {
  const blank = () => ({ good: false, rejected: [], focal: null, boxes: {}, keep: [] });

  const isMoved = ({ focal, boxes, keep }) => Boolean(focal || keep.length || Object.keys(boxes).length);
  const isBlank = (marks) => !marks.good && !marks.rejected.length && !isMoved(marks);

  function areEqual(one, other) {
    const inOrder = ({ good, rejected, focal, boxes, keep }) =>
      [good, [...new Set(rejected)].sort(), focal, Object.entries(boxes).sort(), keep];
    return JSON.stringify(inOrder(one)) === JSON.stringify(inOrder(other));
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

  return { areEqual, blank, isBlank, isMoved, state, summary };
});
